"""HubSpot's error answers, in the words that were recorded from the real one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

SCOPES_TEXT = (
    "This app hasn't been granted all required scopes to make this call. "
    "Read more about required scopes here: https://developers.hubspot.com/scopes."
)
NO_CREDENTIALS_TEXT = (
    "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at "
    "https://developers.hubspot.com/docs/methods/auth/oauth-overview"
)
SCOPES_LINK = "https://developers.hubspot.com/scopes"


class ApiError(Exception):
    """An error answer: HTTP status and JSON body. The correlation id is added when it is sent."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body.get("message", ""))
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Invalid:
    """One property value that a write may not set."""

    name: str
    code: str
    message: str
    context: dict[str, list[str]] = field(default_factory=dict)


def failure(
    status: int,
    message: str,
    category: str | None,
    *,
    sub_category: str | None = None,
    context: dict[str, list[str]] | None = None,
    errors: list[dict[str, Any]] | None = None,
    links: dict[str, str] | None = None,
) -> ApiError:
    """An error of the generic shape; what is None is left out."""
    body: dict[str, Any] = {"status": "error", "message": message}
    if context is not None:
        body["context"] = context
    if errors is not None:
        body["errors"] = errors
    if category is not None:
        body["category"] = category
    if sub_category is not None:
        body["subCategory"] = sub_category
    if links is not None:
        body["links"] = links
    return ApiError(status, body)


def bad_request(message: str, *, context: dict[str, list[str]] | None = None, errors: list[dict[str, Any]] | None = None) -> ApiError:
    """400 VALIDATION_ERROR."""
    return failure(400, message, "VALIDATION_ERROR", context=context, errors=errors)


def malformed(detail: str) -> ApiError:
    """400 for a body that cannot be read as what it should be."""
    return failure(400, f"Invalid input JSON: {detail}", "VALIDATION_ERROR")


def invalid_properties(faults: list[Invalid]) -> ApiError:
    """400 for values that break a property definition: JSON in the message, and a list of errors beside it."""
    listed = [{"isValid": False, "message": f.message, "error": f.code, "name": f.name} for f in faults]
    return bad_request(
        f"Property values were not valid: {orjson.dumps(listed).decode()}",
        errors=[{"message": f.message, "code": f.code, "context": {"propertyName": [f.name], **f.context}} for f in faults],
    )


def missing_scopes(scopes: list[str]) -> ApiError:
    """403 MISSING_SCOPES, naming the scopes of which one is needed."""
    return failure(
        403,
        SCOPES_TEXT,
        "MISSING_SCOPES",
        errors=[{"message": "One or more of the following scopes are required.", "context": {"requiredGranularScopes": scopes}}],
        links={"scopes": SCOPES_LINK},
    )


def not_found(message: str = "resource not found", context: dict[str, list[str]] | None = None) -> ApiError:
    """404 OBJECT_NOT_FOUND."""
    return failure(404, message, "OBJECT_NOT_FOUND", context=context)


def no_record(record_id: str) -> ApiError:
    """404 for a record, in the wording seen for ids."""
    return not_found("Object not found.  objectId are usually numeric.", {"id": [record_id]})


def conflict(message: str) -> ApiError:
    """409 CONFLICT."""
    return failure(409, message, "CONFLICT")


def unknown_type(name: str) -> ApiError:
    """400 for an object type that does not exist; it has no category."""
    return failure(400, f"Unable to infer object type from: {name}", None)


def rate_limited(policy: str, group: str) -> dict[str, Any]:
    """The body of a 429. It has ``errorType`` where others have ``category``."""
    words = {"TEN_SECONDLY_ROLLING": "ten_secondly_rolling", "DAILY": "daily", "SECONDLY": "secondly"}
    body = {
        "status": "error",
        "message": f"You have reached your {words[policy]} limit.",
        "errorType": "RATE_LIMIT",
        "policyName": policy,
    }
    if policy != "DAILY":
        body["groupName"] = group
    return body
