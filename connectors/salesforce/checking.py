"""``check``: who we are in the org, what our user may read and write, what set-up has made, whether mail is kept where we can read it. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.limiter import Word
from connectors.salesforce.answers import CRM as CRM_LABEL
from connectors.salesforce.client import Client, Part, Request, SubAnswer
from connectors.salesforce.definitions import DESCRIBED_AS, FIELD_TYPES, INTEGRATION
from connectors.salesforce.names import CRM, OBJECTS, TASK_KEY, api_name
from connectors.salesforce.rights import ASKED, FOR_SETUP, TOO_MUCH, held_of
from connectors.salesforce.shape import Shape
from transforms.vocabulary.changes import Checkup, Finding
from transforms.vocabulary.errors import BadSettings, CrmUnreachable, MissingScopes, NotAuthorised, StillThereError
from transforms.vocabulary.fields import Field

Json = dict[str, Any]

MAIL_DAYS = 30
"""So many days back it is looked whether mail is kept as records."""

MAIL_SHARE = 0.1
"""Where there are fewer mails on record than this share of the contacts with whom mail was counted, it is kept elsewhere."""

TASK_FIELDS = ("ActivityDate", "Description", "OwnerId", "Priority", "Status", "Subject", "WhatId", "WhoId")
"""What is written of a task besides its key."""

ORGANIZATION = "SELECT Id, Name, OrganizationType, IsSandbox FROM Organization"
OURS = "our fields of"
SET_UP = "run `stillthere setup`"


def greet(client: Client) -> Checkup:
    """The org, its clock and its calls left, in one call."""
    found = client.find([ORGANIZATION], purpose="check", what="find out in which org we are")[0]
    if client.limiter.daily_remaining is None:
        _limits(client)  # the header that tells was lost on its way
    return Checkup(CRM, _account(found.records), found.at, (), client.limiter.daily_remaining, client.limiter.daily_limit)


def check(client: Client, shape: Shape) -> Checkup:
    """Everything that can be found out without writing. Never raises for what it can report."""
    try:
        told = greet(client)
    except StillThereError as error:
        what = "credentials" if isinstance(error, NotAuthorised | MissingScopes | BadSettings) else "org"
        is_reached = not isinstance(error, CrmUnreachable)
        detail = f"{CRM_LABEL} {'did not let us in' if is_reached else 'could not be reached'}"
        finding = Finding(what, is_good=False, detail=detail, advice=str(error))
        return Checkup(CRM, "", datetime.now(UTC), (finding,), is_reached=is_reached)
    findings = [Finding("credentials", is_good=True, detail=f"accepted for {told.account}")]
    for part in (_version, lambda one: _reading(one, shape, told.now), lambda one: _writing(one, shape.fields), _mail, _limits):
        try:
            findings += part(client)
        except StillThereError as error:
            findings.append(Finding("org", is_good=False, detail=f"{CRM_LABEL} did not answer as it should", advice=str(error)))
    is_set_up = all(one.is_good for one in findings if one.what.startswith(OURS))
    findings += _more_than_needed(client, is_set_up=is_set_up)
    return Checkup(CRM, told.account, told.now, tuple(findings), client.limiter.daily_remaining, client.limiter.daily_limit)


def _account(records: Sequence[Json]) -> str:
    one = records[0] if records else {}
    kind = f"{one.get('OrganizationType') or 'unknown edition'}{', a sandbox' if one.get('IsSandbox') else ''}"
    return f"org {one.get('Id') or 'unknown'} ({kind})"


def _version(client: Client) -> list[Finding]:
    listed = client.request(Request("GET", "/services/data", "ask which API versions the org has", "check")).body
    versions = [str(one.get("version")) for one in listed if isinstance(one, dict)]
    if client.version in versions:
        return [Finding("API version", is_good=True, detail=f"{client.version} is served")]
    newest = versions[-1] if versions else "none"
    advice = "use a version of Still There that speaks an older one"
    return [Finding("API version", is_good=False, detail=f"{client.version} is not served, the newest is {newest}", advice=advice)]


def _reading(client: Client, shape: Shape, now: datetime) -> list[Finding]:
    """What is hidden from us of what is read."""
    shape.learn(client, {}, int(now.timestamp() * 1000), purpose="check")
    return shape.findings() or [Finding("reading", is_good=True, detail="all that is read is shown to us")]


def _writing(client: Client, fields: Sequence[Field]) -> list[Finding]:
    """Whether our fields are there, as what we need them to be, and whether our user may write them; tasks too."""
    names = [*(one for many in OBJECTS.values() for one in many), "Task"]
    parts = [Part("GET", f"sobjects/{name}/describe") for name in names]
    answers = client.composite(parts, purpose="check", what="ask which fields we may write")
    return [finding for name, answer in zip(names, answers, strict=True) for finding in _of_object(name, answer, fields)]


def _of_object(name: str, answer: SubAnswer, fields: Sequence[Field]) -> Iterator[Finding]:
    what = f"{OURS} {name}"
    if not answer.is_good:
        if name != "Lead":  # an org without leads is an org without leads; that they are not read is told above
            yield Finding(what, is_good=False, detail=f"{name} is hidden from us", advice=f"give our user the permission set {INTEGRATION}")
        return
    wanted = {api_name(f.name): DESCRIBED_AS[FIELD_TYPES[f.kind]["type"]] for f in fields if name in OBJECTS[f.table]}
    if name == "Task":
        wanted = {TASK_KEY: "string"}
    held = {one["name"]: one for one in answer.body.get("fields") or ()}
    missing = sorted(wanted.keys() - held.keys())
    other = sorted(one for one in wanted.keys() & held.keys() if held[one].get("type") != wanted[one])
    fixed = sorted(one for one in wanted.keys() & held.keys() if not held[one].get("updateable"))
    verb = "createable" if name == "Task" else "updateable"
    if missing:
        detail = f"{len(missing)} of {len(wanted)} are missing or hidden from us: {_some(missing)}"
        yield Finding(what, is_good=False, detail=detail, advice=SET_UP)
    elif other:
        detail = f"{_some(other)} of another type than we need"
        yield Finding(what, is_good=False, detail=detail, advice=f"delete {_some(other)} in Setup, then {SET_UP}")
    elif fixed or not answer.body.get(verb, True):
        detail = f"our user may not {'create tasks' if name == 'Task' and not fixed else 'write them'}"
        yield Finding(what, is_good=False, detail=detail, advice=f"give our user the permission set {INTEGRATION}, or {SET_UP}")
    elif name == "Task" and (kept := [one for one in TASK_FIELDS if not held.get(one, {}).get("createable")]):
        detail = f"our user may not write {', '.join(kept)} of a task"
        yield Finding(
            what, is_good=False, detail=detail, advice=f"let our user edit {', '.join(kept)} of Task, in its profile or permission sets"
        )
    elif wanted:
        unique = " (the tasks' key is an external id)" if name == "Task" and held[TASK_KEY].get("externalId") else ""
        there = f"all {len(wanted)} are" if len(wanted) > 1 else "it is"
        yield Finding(what, is_good=True, detail=f"{there} there and may be written{unique}")


def _more_than_needed(client: Client, *, is_set_up: bool) -> list[Finding]:
    """Remarks on rights of our user that nothing of ours needs, and on those that set-up alone needs once it is done."""
    what = "rights"
    try:
        held = _own_rights(client)
    except StillThereError:
        held = None
    if held is None:
        detail = f"{CRM_LABEL} does not tell which rights our user has, so none that is more than needed can be named"
        return [Finding(what, is_good=True, detail=detail, advice="compare them with the table in docs/salesforce.md", is_remark=True)]
    found = []
    if more := [TOO_MUCH[one] for one in held if one in TOO_MUCH]:
        detail = f"more than is needed: our user may also {' and '.join(more)}"
        advice = f"take these rights away in its profile and permission sets; {INTEGRATION} holds what is needed"
        found.append(Finding(what, is_good=True, detail=detail, advice=advice, is_remark=True))
    if is_set_up and (once := [FOR_SETUP[one] for one in held if one in FOR_SETUP]):
        detail = f"set-up is done, and it alone needed {' and '.join(once)}"
        advice = "take them away from our user until `stillthere setup` is needed again"
        found.append(Finding(what, is_good=True, detail=detail, advice=advice, is_remark=True))
    return found or [Finding(what, is_good=True, detail="our user has none of the far-reaching ones that are not needed")]


def _own_rights(client: Client) -> list[str] | None:
    """Which far-reaching rights our user has, by Salesforce's own word about who asks; None where it gives none.

    Only the rights that this org knows are asked for: an unknown one would spoil the whole query.
    """
    name = "UserPermissionAccess"
    (shown,) = client.composite([Part("GET", f"sobjects/{name}/describe")], purpose="check", what="ask which rights there are")
    known = {one["name"] for one in shown.body.get("fields") or ()} if shown.is_good else set()
    asked = [column for one in ASKED if (column := f"Permissions{one}") in known]
    if not asked:
        return None
    records = client.find([f"SELECT {', '.join(asked)} FROM {name} LIMIT 1"], purpose="check", what="ask which rights we have")[0].records  # noqa: S608 - all our own
    return held_of(records[0]) if records else None


def _mail(client: Client) -> list[Finding]:
    """Whether mail is kept as records, or only counted: then contacts would look silent to whom somebody writes every day."""
    wanted = {
        "EmailMessage": "MessageDate",
        "Task": "TaskSubtype = 'Email' AND IsClosed = true AND CreatedDate",
        "ActivityMetric": "LastEmailDateTime",
    }
    statements = [f"SELECT COUNT() FROM {name} WHERE {when} = LAST_N_DAYS:{MAIL_DAYS}" for name, when in wanted.items()]  # noqa: S608 - all our own
    parts = [Part("GET", "query", {"q": soql}) for soql in statements]
    answers = client.composite(parts, purpose="check", what="count mails")
    mails, tasks, counted = (int(answer.body.get("totalSize") or 0) if answer.is_good else 0 for answer in answers)
    kept = mails + tasks
    if counted and kept < counted * MAIL_SHARE:
        return [
            Finding(
                "mail",
                is_good=False,
                detail=f"the org counted mail with {counted} contacts in {MAIL_DAYS} days and keeps {kept} of these mails as records: we are deaf",
                advice="turn on 'Sync Email as Salesforce Activity' in Einstein Activity Capture; until then nobody there is called silent",
            )
        ]
    return [Finding("mail", is_good=True, detail=f"{kept} mails of the last {MAIL_DAYS} days are kept as records")]


def _limits(client: Client) -> list[Finding]:
    """How many calls and bulk jobs are left, by the org's own page of limits."""
    told = client.request(Request("GET", "limits", "ask how many calls are left", "check")).body
    findings = []
    for name, what, of in (
        ("DailyApiRequests", "calls", "of the last 24 hours"),
        ("DailyBulkV2QueryJobs", "bulk jobs that read", "today"),
        ("DailyBulkApiBatches", "batches of bulk jobs that write", "today"),
    ):
        limit, left = (told.get(name, {}).get(key) if isinstance(told.get(name), dict) else None for key in ("Max", "Remaining"))
        if not isinstance(limit, int) or not isinstance(left, int):
            findings.append(Finding(what, is_good=True, detail=f"{CRM_LABEL} does not say how many are left, so nothing is assumed"))
            continue
        if name == "DailyApiRequests" and client.limiter.daily_remaining is None:
            client.limiter.hear(Word(daily_limit=limit, daily_remaining=left), client.at)
        advice = "" if left > 0 else "wait some hours: they come back 24 hours after they were used"
        findings.append(Finding(what, is_good=left > 0, detail=f"{left:,} of {limit:,} are left {of}", advice=advice))
    return findings


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
