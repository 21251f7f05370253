"""Faults on purpose: what goes wrong, when, and how often, by schedule and by seed."""

from __future__ import annotations

import json
import random
import re
import threading
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from transforms.vocabulary.errors import BadInput


@dataclass(frozen=True)
class Kind:
    """One kind of fault. ``status`` 0 means no status of its own. ``is_refusal``: answered at the door, uncounted. ``applies``: the write is done.

    ``is_inside``: whoever answers the call plays it. ``vendor`` is the only side that has it; empty: both do.
    """

    status: int = 0
    is_refusal: bool = False
    applies: bool = False
    body: str = "json"
    meaning: str = ""
    is_inside: bool = False
    vendor: str = ""


HUBSPOT, SALESFORCE = "hubspot", "salesforce"

KINDS: dict[str, Kind] = {
    "rate_limit_burst": Kind(429, is_refusal=True, vendor=HUBSPOT, meaning="429 TEN_SECONDLY_ROLLING"),
    "rate_limit_daily": Kind(429, is_refusal=True, vendor=HUBSPOT, meaning="429 DAILY"),
    "rate_limit_search": Kind(429, is_refusal=True, vendor=HUBSPOT, meaning="429 SECONDLY"),
    "expired_token": Kind(401, is_refusal=True, vendor=HUBSPOT, meaning="401 EXPIRED_AUTHENTICATION"),
    "missing_scopes": Kind(403, is_refusal=True, vendor=HUBSPOT, meaning="403 MISSING_SCOPES"),
    "locked": Kind(423, vendor=HUBSPOT, meaning="423 while a high-volume sync holds the records"),
    "migrating": Kind(477, vendor=HUBSPOT, meaning="477 with Retry-After while the portal moves to another data centre"),
    "server_error": Kind(500, meaning="500 with a JSON body"),
    "bad_gateway": Kind(502, body="html", meaning="502 with an HTML body"),
    "unavailable": Kind(503, body="html", meaning="503 with an HTML body"),
    "gateway_timeout": Kind(504, body="html", meaning="504 with an HTML body"),
    "no_answer": Kind(524, body="html", meaning="524: nothing came within 100 s"),
    "html": Kind(200, body="html", meaning="200, but an HTML page"),
    "empty": Kind(0, applies=True, body="empty", meaning="the right status without a body"),
    "truncated": Kind(0, applies=True, body="truncated", meaning="a JSON body that ends in the middle"),
    "cut": Kind(0, applies=True, body="cut", meaning="the connection breaks in the middle of the body"),
    "slow": Kind(0, applies=True, meaning="the right answer, `seconds` late"),
    "drop_before": Kind(0, body="drop", meaning="the connection breaks before anything was done"),
    "drop_after": Kind(0, applies=True, body="drop", meaning="the connection breaks after the write was applied"),
    "daily_limit": Kind(403, is_refusal=True, vendor=SALESFORCE, meaning="403 REQUEST_LIMIT_EXCEEDED: the 24 hours' calls are used up"),
    "concurrent_limit": Kind(403, is_refusal=True, vendor=SALESFORCE, meaning="403 REQUEST_LIMIT_EXCEEDED: too many long calls at once"),
    "session_expired": Kind(401, is_refusal=True, vendor=SALESFORCE, meaning="401 INVALID_SESSION_ID; that session has ended"),
    "sessions_revoked": Kind(401, is_refusal=True, vendor=SALESFORCE, meaning="401 INVALID_SESSION_ID; all sessions have ended"),
    "session_page": Kind(401, body="html", vendor=SALESFORCE, meaning="401 with an HTML body; the session lives on"),
    "login_refused": Kind(400, is_refusal=True, vendor=SALESFORCE, meaning="the token endpoint and SOAP login refuse"),
    "api_disabled": Kind(403, is_refusal=True, vendor=SALESFORCE, meaning="403 API_DISABLED_FOR_ORG"),
    "query_timeout": Kind(400, vendor=SALESFORCE, meaning="400 QUERY_TIMEOUT"),
    "server_unavailable": Kind(503, vendor=SALESFORCE, meaning="503 SERVER_UNAVAILABLE with a JSON body"),
    "lock_rows": Kind(0, applies=True, is_inside=True, vendor=SALESFORCE, meaning="UNABLE_TO_LOCK_ROW on `rows` of the rows written"),
    "fail_rows": Kind(0, applies=True, is_inside=True, vendor=SALESFORCE, meaning="200, but `rows` of the rows failed with `code`"),
    "bulk_job_fails": Kind(0, applies=True, is_inside=True, vendor=SALESFORCE, meaning="the job ends Failed with half its rows written"),
}
"""All kinds of faults, by the name used in a fault file."""


NUMBERS = {"every": 10**9, "probability": 1, "times": 10**9, "retry_after": 10**6, "seconds": 10**6, "status": 599, "rows": 10**9}
"""What of a rule is a number, and how large it may be."""

PARTS = ("probability", "seconds", "retry_after")
"""Which of them may be fractions."""


@dataclass
class Rule:
    """When a fault strikes.

    ``path`` is a regular expression searched in the path; ``method`` an HTTP method. Of the calls that match, it strikes the ``nth`` ones
    (counted from 1), every ``every``-th, or each with ``probability``; with none of the three, all. ``times`` caps how often.
    ``applied`` overrides whether the write takes effect; ``retry_after`` and ``seconds`` are in seconds.
    ``rows`` is how many rows of a write are struck, ``code`` with which of the vendor's codes.
    """

    fault: str
    path: str = ""
    method: str = ""
    nth: list[int] = field(default_factory=list)
    every: int = 0
    probability: float | None = None
    times: int | None = None
    applied: bool | None = None
    retry_after: int | None = None
    seconds: float = 5.0
    status: int = 0
    rows: int = 1
    code: str = ""
    matched: int = 0
    struck: int = 0

    @property
    def kind(self) -> Kind:
        """What this rule does."""
        return KINDS[self.fault]

    @property
    def applies(self) -> bool:
        """Whether the write takes effect although the answer is bad."""
        return self.kind.applies if self.applied is None else self.applied

    def rows_of(self, total: int) -> list[int]:
        """Which of ``total`` rows the present strike hits: the same in every run."""
        return sorted(random.Random(f"{self.fault} {self.struck}").sample(range(total), min(self.rows, total)))


def rule_from(given: Mapping[str, Any], place: str) -> Rule:
    """A rule from plain values. BadInput naming the place where it cannot be one."""
    known = {f.name for f in fields(Rule)} - {"matched", "struck"}
    unknown = sorted(set(given) - known)
    if unknown:
        raise BadInput(f"{place} has the unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}.")
    texts = [name for name in ("fault", "path", "method", "code") if not isinstance(given.get(name, ""), str)]
    if texts:
        raise BadInput(f"{place}: {texts[0]} must be a text but is {given[texts[0]]!r}.")
    if given.get("fault") not in KINDS:
        raise BadInput(f"{place} names the fault {given.get('fault')!r}; known are {', '.join(KINDS)}.")
    values = dict(given)
    if isinstance(values.get("nth"), int):
        values["nth"] = [values["nth"]]
    try:
        re.compile(values.get("path", ""))
    except re.error as fault:
        raise BadInput(f"{place}: path {values['path']!r} is not a regular expression ({fault}); correct it.") from None
    if not isinstance(values.get("nth", []), list) or not all(isinstance(n, int) and n >= 1 for n in values.get("nth", [])):
        raise BadInput(f"{place}: nth must be a number or a list of numbers, counted from 1.")
    for name, most in NUMBERS.items():
        value, kinds = values.get(name), (int, float) if name in PARTS else (int,)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value <= most):
            whole = "" if name in PARTS else ", whole,"
            raise BadInput(f"{place}: {name} must be a number from 0 to {most:,}{whole} but is {value!r}.")
    return Rule(**values)


def read_rules(path: Path) -> tuple[int | None, list[Rule]]:
    """The seed and rules of a fault file, JSON or TOML. BadInput where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as fault:
        raise BadInput(f"The fault file {path} cannot be opened ({fault.strerror}); check its name.") from None
    except ValueError as fault:
        raise BadInput(f"The fault file {path} is not valid {'TOML' if path.suffix == '.toml' else 'JSON'}: {fault}.") from None
    rules = found.get("rules") if isinstance(found, dict) else None
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise BadInput(f"The fault file {path} must hold a list called rules.")
    if not isinstance(found.get("seed", 0), int):
        raise BadInput(f"The fault file {path} names the seed {found['seed']!r}, which is not a whole number.")
    return found.get("seed"), [rule_from(rule, f"{path}, rule {n}") for n, rule in enumerate(rules, 1)]


class Faults:
    """The rules in force. The first rule that strikes decides; every matching rule counts the call."""

    def __init__(self, seed: int, rules: list[Rule] | None = None) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.rules = list(rules or [])

    def add(self, fault: str, **given: Any) -> Rule:
        """Put a rule in force; see :class:`Rule` for what can be given."""
        rule = rule_from({"fault": fault, **given}, "the rule")
        with self._lock:
            self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Take all rules away."""
        with self._lock:
            self.rules.clear()

    def strike(self, method: str, path: str, vendor: str = "") -> Rule | None:
        """The rule that strikes this call, if any. A call to one vendor never meets what only the other has."""
        chosen = None
        with self._lock:
            for rule in self.rules:
                if vendor and rule.kind.vendor not in {"", vendor}:
                    continue
                if (rule.method and rule.method.upper() != method) or not re.search(rule.path, path):
                    continue
                rule.matched += 1
                if chosen is None and self._is_due(rule):
                    rule.struck += 1
                    chosen = rule
        return chosen

    def _is_due(self, rule: Rule) -> bool:
        if rule.times is not None and rule.struck >= rule.times:
            return False
        if rule.nth:
            return rule.matched in rule.nth
        if rule.every:
            return rule.matched % rule.every == 0
        if rule.probability is not None:
            return self._random.random() < rule.probability
        return True

    def shown(self) -> list[dict[str, Any]]:
        """The rules as plain values."""
        return [asdict(rule) for rule in self.rules]
