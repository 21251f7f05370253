"""``check``: who we are in the portal, what the token may do, what set-up has made, how many calls are left. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.hubspot.client import Answer, Client
from connectors.hubspot.mapping import CRM
from connectors.hubspot.streams import PREFIX, TASK_KEY
from connectors.hubspot.values import from_ms, to_ms
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

LOOKED_AT = 20
"""E-mails that are looked at for their text."""


def check(client: Client, fields: Sequence[Field]) -> Checkup:
    """Everything that can be found out without writing. Never raises for what it can report."""
    try:
        answer = client.account()
    except StillThereError as error:
        what = "token" if isinstance(error, NotAuthorised) else "account"
        return Checkup(CRM, "", datetime.now(UTC), (Finding(what, is_good=False, detail="HubSpot did not let us in", advice=str(error)),))
    account = _account(answer)
    findings = [Finding("token", is_good=True, detail=f"accepted for {account}")]
    findings += [_may(f"read {kind}", scope, _reader(client, kind)) for kind, scope in READ.items()]
    findings.append(_may("read owners", "crm.objects.owners.read", lambda: next(client.owners(is_archived=False))))
    findings += _texts(client)
    findings += [finding for kind in ("contacts", "companies", "tasks") for finding in _defined(client, kind, fields)]
    resets_at = _quota(client, findings)
    limiter = client.limiter
    client.limiter.resets_at = resets_at
    return Checkup(CRM, account, answer.at, tuple(findings), limiter.daily_remaining, limiter.daily_limit, resets_at)


def greet(client: Client) -> Checkup:
    """The account, its clock and its calls left, in one call."""
    answer = client.account()
    return Checkup(CRM, _account(answer), answer.at, (), client.limiter.daily_remaining, client.limiter.daily_limit)


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


def _quota(client: Client, findings: list[Finding]) -> datetime | None:
    """When the day's calls are counted anew, where HubSpot says so (it does for private apps)."""
    left, limit = client.limiter.daily_remaining, client.limiter.daily_limit
    if left is not None:
        findings.append(
            Finding(
                "calls",
                is_good=left > 0,
                detail=f"{left:,} of {limit or 0:,} are left today",
                advice="" if left else "wait for midnight of the account's time zone",
            )
        )
    try:
        results = client.usage().body.get("results") or ()
    except (RequestRejected, MissingScopes, CrmUnreachable):
        return None  # apps with OAuth have no such page; the headers are all there is
    times = [ms for one in results if (ms := to_ms(one.get("resetsAt"))) is not None]
    return from_ms(min(times)) if times else None
