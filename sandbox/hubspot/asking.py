"""A call as the handlers see it, and the answer they give."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from sandbox.hubspot.errors import bad_request, failure, malformed, missing_scopes

if TYPE_CHECKING:
    from sandbox.hubspot.portal import Portal, Token


@dataclass
class Answer:
    """What goes back: a status, a JSON body (None: no body), more headers; how many records it is about, for the log."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    records_in: int = 0
    records_out: int = 0


@dataclass
class Asked:
    """One call. ``version`` is v3, v4 or the date of the path family; ``parts`` are what the route matched."""

    portal: Portal
    method: str
    path: str
    query: dict[str, list[str]]
    body: bytes
    content_type: str
    token: Token
    version: str = "v3"
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def is_dated(self) -> bool:
        """Whether the call came by one of the dated path families."""
        return not self.version.startswith("v")

    def need(self, *scopes: str) -> None:
        """Raise 403 unless the token has one of the scopes."""
        if not self.token.scopes.intersection(scopes):
            raise missing_scopes(list(scopes))

    def any_json(self) -> Any:
        """The JSON value of the body. ApiError 415 or 400 where it is none."""
        if "json" not in self.content_type.lower():
            raise failure(415, "HTTP 415 Unsupported Media Type", None)
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as fault:
            raise malformed(str(fault)) from None

    def json(self) -> dict[str, Any]:
        """The JSON object of the body. ApiError 415 or 400 where it is none."""
        found = self.any_json()
        if not isinstance(found, dict):
            raise malformed("an object was expected")
        return found

    def inputs(self, most: int) -> list[dict[str, Any]]:
        """The ``inputs`` of a batch, at most so many."""
        found = self.json().get("inputs")
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise malformed("inputs must be a list of objects")
        if len(found) > most:
            raise bad_request(f"The maximum number of inputs supported in a batch request is {most} but was {len(found)}")
        return found

    def one(self, name: str, default: str | None = None) -> str | None:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else default

    def many(self, name: str) -> list[str]:
        """All values of a query parameter, repeated or parted by commas."""
        return [part for value in self.query.get(name, []) for part in value.split(",") if part]

    def flag(self, name: str) -> bool:
        """A query parameter that is true or false."""
        return (self.one(name) or "").lower() == "true"

    def limit(self, default: int, most: int) -> int:
        """The ``limit`` parameter, within its bounds."""
        text = self.one("limit")
        if text is None:
            return default
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise bad_request(f"limit must be between 1 and {most} but was {text}")
        return int(text)
