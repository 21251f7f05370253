"""Errors in Salesforce's shapes: of a whole call, and of one row of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_OF_JOBS = {"API_ERROR", "FEATURENOTENABLED", "INVALIDENTITY", "INVALIDJOB", "INVALIDJOBSTATE", "INVALIDLOCATOR"}
CODE_FIRST = frozenset({"NOT_FOUND", "METHOD_NOT_ALLOWED", "MALFORMED_ID", *_OF_JOBS})
"""Errors that recorded answers tell with the code before the message: those about the address itself, and those of bulk jobs.

All others have the message first.
"""


class OrgError(Exception):
    """A call is refused. The body is always a list of one object: message, errorCode, and fields where the vendor tells them.

    ``more`` holds further keys of that object.
    """

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] | None = None, **more: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message, self.fields, self.more = status, code, message, fields, more

    def body(self) -> list[dict[str, Any]]:
        """The JSON body."""
        told: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.code in CODE_FIRST:
            told = {"errorCode": self.code, "message": self.message}
        if self.fields is not None:
            told["fields"] = list(self.fields)
        return [{**told, **self.more}]


@dataclass(frozen=True)
class RowFault:
    """Why one row of a write is refused: Salesforce's status code, its message, and the fields concerned.

    ``fields`` is None where the answer to a call about a single record has no such key (an unknown column, a value of the wrong kind).
    """

    code: str
    message: str
    fields: tuple[str, ...] | None = ()
    more: dict[str, Any] = field(default_factory=dict)

    def in_batch(self) -> dict[str, Any]:
        """As collections tell it: ``statusCode``."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields or ()), **self.more}

    def in_csv(self) -> str:
        """As Bulk API 2.0 tells it in ``sf__Error``: ``CODE:message:Field --``, and ``:--`` where no field is told."""
        return f"{self.code}:{self.message}:{','.join(self.fields)} --" if self.fields else f"{self.code}:{self.message}:--"


class RowError(Exception):
    """One row is refused, for one or more reasons. Whoever writes a single record turns it into an OrgError."""

    def __init__(self, *faults: RowFault, status: int = 400) -> None:
        super().__init__("; ".join(f"{fault.code}: {fault.message}" for fault in faults))
        self.faults, self.status = faults, status

    def as_call(self) -> list[dict[str, Any]]:
        """As the answer to a call about a single record: ``errorCode``."""
        return [
            {"message": f.message, "errorCode": f.code, **({} if f.fields is None else {"fields": list(f.fields)}), **f.more}
            for f in self.faults
        ]


def not_found() -> OrgError:
    """The address or record does not exist."""
    return OrgError(404, "NOT_FOUND", "The requested resource does not exist")


def session_expired() -> OrgError:
    """The session id is unknown, ended or revoked."""
    return OrgError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def malformed_query(message: str) -> OrgError:
    """A SOQL statement that cannot be read."""
    return OrgError(400, "MALFORMED_QUERY", message)
