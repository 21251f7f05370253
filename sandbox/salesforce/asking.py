"""A call to Salesforce's paths as the handlers see it, the answer they give, and the route that joins the two."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import orjson

from sandbox.faults import Rule
from sandbox.salesforce.errors import OrgError, RowFault

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org
    from sandbox.salesforce.signing_in import Session, Sessions

Form = Literal["rest", "async", "soap", "open"]
"""How a path wants to be called, and how it refuses: JSON with a bearer, the old bulk API's header, SOAP's envelope, or without a session."""

_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_NAME_ENDS = re.compile(r'[{,]\s*"(?:[^"\\]|\\.)*"\s*\Z')
LOCKED = "unable to obtain exclusive access to this record or 1 records: {id}"


@dataclass
class Answer:
    """What goes back.

    ``body`` is sent as JSON; ``content`` are the bytes themselves, of the type ``content_type``. With neither there is no body.
    ``records_in`` and ``records_out`` are for the call log.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    content_type: str = "application/json;charset=UTF-8"
    records_in: int = 0
    records_out: int = 0


Inner = Callable[[str, str, bytes, Mapping[str, str]], Answer]
"""Plays a call inside a call: method, url from ``/services`` on, body and headers. Errors come as answers."""


@dataclass
class Asked:
    """One call. ``version`` is the API version of the path, such as ``64.0``; ``parts`` are what the route's pattern matched, unquoted.

    ``headers`` have lower-case names. ``fault`` is a fault on purpose that the handler itself must play, see :meth:`struck_rows` and
    :attr:`ends_job_failed`. ``session`` is None on open paths. ``inner`` is for those that carry calls inside them.
    """

    org: Org
    sessions: Sessions
    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    session: Session | None = None
    version: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    fault: Rule | None = None
    inner: Inner | None = None

    @property
    def user_id(self) -> str:
        """Who asks; KeyError on an open path."""
        if self.session is None:
            raise KeyError("an open path has no user")
        return self.session.user_id

    @property
    def base(self) -> str:
        """The path in front of every resource: ``/services/data/v64.0``."""
        return f"/services/data/v{self.version}"

    def one(self, name: str, default: str | None = None) -> str | None:
        """The last value of a query parameter, whatever the case of its name."""
        low = name.lower()
        found = next((values for key, values in self.query.items() if key.lower() == low), None)
        return found[-1] if found else default

    def many(self, name: str) -> list[str]:
        """The values of a query parameter, parted by commas."""
        return [part.strip() for part in (self.one(name) or "").split(",") if part.strip()]

    def flag(self, name: str) -> bool:
        """A query parameter that is true or false."""
        return (self.one(name) or "").strip().lower() == "true"

    def any_json(self) -> Any:
        """The JSON value of the body. OrgError 415 or 400 where it is none."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and kind != "application/json":
            raise unsupported_media(kind)
        if not self.body.strip():
            raise OrgError(400, "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body.")
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as fault:
            raise OrgError(400, "JSON_PARSER_ERROR", unreadable(self.body, fault)) from None

    def json(self) -> dict[str, Any]:
        """The JSON object of the body. OrgError 415 or 400 where it is none."""
        found = self.any_json()
        if not isinstance(found, dict):
            raise not_an_object()
        return found

    def struck_rows(self, total: int, ids: Sequence[str] = ()) -> dict[int, RowFault]:
        """Which of so many rows a fault on purpose strikes, and with what. The rule chooses the rows: the same ones in every run.

        ``ids`` are the ids of the rows, where they are known.
        """
        rule = self.fault
        if rule is None or rule.fault not in {"lock_rows", "fail_rows"}:
            return {}
        found = {}
        for row in rule.rows_of(total):
            if rule.fault == "lock_rows":
                held = (ids[row] if row < len(ids) else "") or "001000000000000AAA"
                found[row] = RowFault("UNABLE_TO_LOCK_ROW", LOCKED.format(id=held))
            else:
                found[row] = RowFault(rule.code or "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "refused on purpose")
        return found

    @property
    def ends_job_failed(self) -> int | None:
        """For the call that sets a bulk job going: after how many percent of its rows it is to end as Failed. None: not at all."""
        return 50 if self.fault is not None and self.fault.fault == "bulk_job_fails" else None


Handler = Callable[[Asked], Answer]


@dataclass(frozen=True)
class Route:
    """One method of one path.

    ``pattern`` is the path with ``{name}`` for one part and ``{name...}`` for all the rest; case and a slash at the end do not matter.
    ``form`` says how the caller proves who they are. ``counts`` is whether the call costs one of the day's, and carries the usage header.
    """

    method: str
    pattern: str
    handler: Handler
    form: Form = "rest"
    counts: bool = True

    def regex(self) -> re.Pattern[str]:
        """The pattern as a regular expression over the quoted path."""
        pieces = re.split(r"\{(\w+)(\.\.\.)?\}", self.pattern.rstrip("/"))
        texts, names, alls = pieces[0::3], pieces[1::3], pieces[2::3]
        whole = re.escape(texts[0])
        for name, rest, text in zip(names, alls, texts[1:], strict=True):
            whole += f"(?P<{name}>{'.+?' if rest else '[^/]+'}){re.escape(text)}"
        return re.compile(f"^{whole}/?$", re.IGNORECASE)


def unsupported_media(kind: str) -> OrgError:
    """415: the body is of a type that this path does not take."""
    return OrgError(415, "UNSUPPORTED_MEDIA_TYPE", f"MediaType of '{kind}' is not supported by this resource")


def unreadable(body: bytes, fault: orjson.JSONDecodeError) -> str:
    """The parser's words for a body that is no JSON."""
    text = body.decode("utf-8", "replace")
    # A comma before a closing bracket is told where the bracket stands.
    place = fault.pos + (text[fault.pos : fault.pos + 1] == ",")
    before, rest = text[:place].rstrip(), text[place:].lstrip()
    lines = text[: len(text) - len(rest) if rest else place].split("\n")
    where = f"at [line:{len(lines)}, column:{len(lines[-1]) + 1}]"
    if not rest:
        return f"Unexpected end-of-input {where}"
    if _NAME_ENDS.search(before) and not rest.startswith(":"):
        return f"Unexpected character ('{rest[0]}' (code {ord(rest[0])})): was expecting a colon to separate field name and value {where}"
    word = _WORD.match(rest)
    if word:
        return f"Unrecognized token '{word.group()}': was expecting ('true', 'false' or 'null') {where}"
    wanted = "expected a valid value (number, String, array, object, 'true', 'false' or 'null')"
    if before.endswith(("{", ",")):
        wanted = "was expecting double-quote to start field name"
    elif before and not before.endswith((":", "[")):
        wanted = "was expecting comma to separate OBJECT entries"
    return f"Unexpected character ('{rest[0]}' (code {ord(rest[0])})): {wanted} {where}"


def not_an_object() -> OrgError:
    """400: the body is JSON, but no object."""
    return OrgError(
        400,
        "INVALID_FIELD",
        "Json Deserialization failed on token 'null' and has left off in the middle of parsing a row. Will go to end of row to begin parsing "
        "the next row",
    )
