"""``check``: who we are in the portal, what the token may do, what set-up has made, how many calls are left. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from connectors.hubspot.client import Answer, Client
from connectors.hubspot.mapping import CRM
from connectors.hubspot.scopes import FOR_SETUP, excess, in_words
from connectors.hubspot.streams import PREFIX, TASK_KEY
from connectors.hubspot.values import from_ms, to_ms, to_zone
from connectors.limiter import Word
from transforms.vocabulary.changes import Checkup, Finding
from transforms.vocabulary.errors import CrmUnreachable, MissingScopes, NotAuthorised, RequestRejected, StillThereError
from transforms.vocabulary.fields import Field

READ = {
    "contacts": "crm.objects.contacts.read",
    "companies": "crm.objects.companies.read",
    "emails": "crm.objects.contacts.read",
    "calls": "crm.objects.contacts.read",
    "meetings": "crm.objects.contacts.read",
    "communications": "crm.objects.contacts.read",
    "tickets": "tickets",
    "tasks": "crm.objects.contacts.read",
}
"""What is read, and the scope that HubSpot asks for it."""

DAY_MS = 86_400_000

LOOKED_AT = 20
"""E-mails that are looked at for their text."""


def check(client: Client, fields: Sequence[Field]) -> Checkup:
    """Everything that can be found out without writing. Never raises for what it can report."""
    try:
        answer = client.account()
    except StillThereError as error:
        what = "token" if isinstance(error, NotAuthorised) else "account"
        is_reached = not isinstance(error, CrmUnreachable)
        told = f"HubSpot {'did not let us in' if is_reached else 'could not be reached'}"
        finding = Finding(what, is_good=False, detail=told, advice=str(error))
        return Checkup(CRM, "", datetime.now(UTC), (finding,), is_reached=is_reached)
    account = _account(answer)
    findings = [Finding("token", is_good=True, detail=f"accepted for {account}")]
    findings += [_may(f"read {kind}", scope, _reader(client, kind)) for kind, scope in READ.items()]
    findings.append(_may("read owners", "crm.objects.owners.read", lambda: next(client.owners(is_archived=False))))
    findings += _texts(client)
    defined = [finding for kind in ("contacts", "companies", "tasks") for finding in _defined(client, kind, fields)]
    findings += [*defined, *_more_than_needed(client, is_set_up=all(finding.is_good for finding in defined)), *_limits(client)]
    return _checkup(client, answer, tuple(findings))


def greet(client: Client) -> Checkup:
    """The account, its clock and its calls left, in one call."""
    return _checkup(client, client.account(), ())


def _checkup(client: Client, answer: Answer, findings: tuple[Finding, ...]) -> Checkup:
    zone = _zone(answer.body)
    if zone is not None:
        client.limiter.know_zone(zone)
    quota = client.limiter.quota
    return Checkup(CRM, _account(answer), answer.at, findings, quota.left, quota.limit, quota.resets_at)


def _zone(account: Mapping[str, Any]) -> tzinfo | None:
    """The account's time zone, at whose midnight the day's calls are counted anew; None where HubSpot does not tell it."""
    name = to_zone(str(account.get("timeZone") or ""))
    if name:
        return ZoneInfo(name)
    offset_ms = account.get("utcOffsetMilliseconds")
    return timezone(timedelta(milliseconds=offset_ms)) if isinstance(offset_ms, int) and abs(offset_ms) < DAY_MS else None


def _account(answer: Answer) -> str:
    portal, kind, zone = (answer.body.get(name, "unknown") for name in ("portalId", "accountType", "timeZone"))
    return f"portal {portal} ({kind}, {zone})"


def _reader(client: Client, kind: str) -> Callable[[], object]:
    return lambda: client.list_page(kind, limit=1)


def _may(what: str, scope: str, call: Callable[[], object]) -> Finding:
    try:
        call()
    except MissingScopes as error:
        needed = ", ".join(error.scopes) or scope
        return Finding(
            what, is_good=False, detail=f"the app lacks {needed}", advice=f"add {needed} to the app in HubSpot, then use its token"
        )
    except (RequestRejected, CrmUnreachable) as error:
        return Finding(what, is_good=False, detail="HubSpot did not answer as it should", advice=str(error))
    return Finding(what, is_good=True, detail=f"allowed ({scope})")


def _texts(client: Client) -> list[Finding]:
    """Whether e-mails come with their text. Without the scope for it HubSpot does not refuse them, it empties them."""
    try:
        found = client.list_page("emails", properties=("hs_email_subject", "hs_email_text", "hs_email_html"), limit=LOOKED_AT)
    except (MissingScopes, RequestRejected, CrmUnreachable):
        return []  # told above
    if not found.records:
        return []
    what = "read the text of e-mails"
    if any(record["properties"].get(name) for record in found.records for name in ("hs_email_subject", "hs_email_text", "hs_email_html")):
        return [Finding(what, is_good=True, detail="allowed (sales-email-read)")]
    advice = "add sales-email-read to the app in HubSpot, then use its token"
    return [Finding(what, is_good=False, detail=f"the first {len(found.records)} e-mails came without subject and text", advice=advice)]


def _defined(client: Client, kind: str, fields: Sequence[Field]) -> list[Finding]:
    wanted = {TASK_KEY} if kind == "tasks" else {PREFIX + f.name for f in fields if f.table == kind}
    if not wanted:
        return []
    try:
        held: dict[str, Any] = {one["name"]: one for one in client.definitions(kind, purpose="check")}
    except MissingScopes as error:
        needed = ", ".join(error.scopes) or f"crm.schemas.{kind}.read"
        return [
            Finding(
                f"fields of {kind}",
                is_good=False,
                detail=f"the app lacks {needed}",
                advice=f"add {needed} to the app in HubSpot, then use its token",
            )
        ]
    except (RequestRejected, CrmUnreachable) as error:
        return [Finding(f"fields of {kind}", is_good=False, detail="HubSpot did not answer as it should", advice=str(error))]
    missing = sorted(wanted - held.keys())
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        return [
            Finding(
                f"fields of {kind}",
                is_good=False,
                detail=f"{len(missing)} of {len(wanted)} are missing: {shown}",
                advice="run `stillthere setup`",
            )
        ]
    unique = " (the tasks' key is unique)" if kind == "tasks" and held[TASK_KEY].get("hasUniqueValue") else ""
    return [Finding(f"fields of {kind}", is_good=True, detail=f"{f'all {len(wanted)} are' if len(wanted) > 1 else 'it is'} there{unique}")]


def _more_than_needed(client: Client, *, is_set_up: bool) -> list[Finding]:
    """Remarks on scopes that nothing of ours needs, and on those that set-up alone needs once it is done."""
    what = "scopes"
    try:
        held = client.token_scopes()
    except StillThereError:
        held = []
    if not held:
        detail = "HubSpot does not tell which scopes this token holds, so none that is more than needed can be named"
        return [Finding(what, is_good=True, detail=detail, advice="compare them with the table in docs/hubspot.md", is_remark=True)]
    found = []
    if more := excess(held):
        detail = f"more than is needed: the app may also {' and '.join(in_words(one) for one in more)}"
        found.append(Finding(what, is_good=True, detail=detail, advice="take these scopes away from the app", is_remark=True))
    if is_set_up and (once := sorted(FOR_SETUP.intersection(held))):
        detail = f"set-up is done, and it alone needed {' and '.join(once)}"
        advice = "take them away from the app until `stillthere setup` is needed again"
        found.append(Finding(what, is_good=True, detail=detail, advice=advice, is_remark=True))
    return found or [Finding(what, is_good=True, detail="the app holds none that is more than needed")]


def _limits(client: Client) -> list[Finding]:
    """How many calls are left, and how many may go at once, as HubSpot tells: in its headers, and for private apps on a page of its own."""
    limiter, resets_at = client.limiter, None
    try:
        answer = client.usage()
    except (RequestRejected, MissingScopes, CrmUnreachable):
        answer = None  # apps with OAuth have no such page; the headers are all there is
    for one in (answer.body.get("results") if answer is not None else None) or ():
        limit, used = one.get("usageLimit"), one.get("currentUsage")
        if limiter.daily_remaining is None and answer is not None and isinstance(limit, int) and isinstance(used, int):
            limiter.hear(Word(daily_limit=limit, daily_remaining=max(limit - used, 0)), answer.at)
        if (ms := to_ms(one.get("resetsAt"))) is not None:
            resets_at = from_ms(ms) if resets_at is None else min(resets_at, from_ms(ms))
    if resets_at is not None:
        limiter.know_reset(resets_at)
    left, limit = limiter.daily_remaining, limiter.daily_limit
    told = "HubSpot does not say how many calls a day this app may make, so nothing is assumed"
    advice = ""
    if left is not None:
        told = f"{left:,} of {limit or 0:,} are left today" + (f", counted anew at {resets_at:%d %b %H:%M} UTC" if resets_at else "")
        advice = "" if left else "wait for midnight of the account's time zone"
    findings = [Finding("calls", is_good=left is None or left > 0, detail=told, advice=advice)]
    if limiter.pace is not None:
        findings.append(Finding("calls at once", is_good=True, detail=f"{limiter.pace[0]:,} in {limiter.pace[1]:g} s"))
    return findings
