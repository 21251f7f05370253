"""Activities of a loaded org: their rows become e-mails with their tasks, calls, events, cases and answers to campaigns.

What Salesforce keeps differs from what happened, and the loader writes what an org with Enhanced Email would keep:

- An e-mail is an EmailMessage, a relation for each address, and a completed task of subtype Email beside it. Raw headers stay on mail
  that came in. A bounce or automatic reply that came as mail is an incoming e-mail with its text.
- Opens are the first and last moment on the e-mail before them; clicks are counted as opens.
- List mail and what a cadence sends are tasks alone, of subtype ListEmail and Cadence; nobody can tell who opened them.
- A call is a task with type, outcome and seconds; a LinkedIn message a task of its subtype; what else passes a task whose ``Type`` says
  what it is. Such a task has no direction: its subject ends in ``from <name>`` or ``to <name>``, its text begins with that line.
- A meeting is an event with a relation for each guest. Missed and cancelled ones say so in the subject, as people do.
- Opening and closing of one ticket are one case; opened again it has a comment by the customer's portal user.
- A form is an answer to the month's campaign; the second of one person in a month is a task.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import pandas as pd

from sandbox.loading.report import Loaded
from sandbox.loading.rows import Row, count_answers, join_tickets, read_rows
from sandbox.salesforce.loading.cases import Answers, put_case
from sandbox.salesforce.loading.happened import Happened
from sandbox.salesforce.loading.letters import put_email
from sandbox.salesforce.loading.people import Someone, add_field
from sandbox.salesforce.loading.tasks import TYPES, Place, put_call, put_event, put_message, put_note, put_sent_by_machine
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Pick

_HOW = {
    "email": "as EmailMessage, with Task and EmailMessageRelation",
    "captured": "captured elsewhere: counted in ActivityMetric",
    "untold": "skipped: the service that captures the mail does not tell of them",
    "opens": "kept as first and last opening of the e-mail before them",
    "list": "as Task of subtype ListEmail",
    "cadence": "as Task of subtype Cadence",
    "call": "as Task of subtype Call",
    "linkedin": "as Task of subtype LinkedIn",
    "meeting": "as Event, with EventRelation",
    "ticket": "as Case",
    "form": "as CampaignMember",
    "note": "as Task",
    "product": "skipped: an org has no place for them",
}


def load_activities(
    org: Org,
    frame: pd.DataFrame,
    contacts: Mapping[str, str],
    accounts: Mapping[str, str],
    users: Mapping[str, str],
    people: Mapping[str, Someone],
) -> Happened:
    """Make the records of all activities. Returns what they add up to and what became of the rows.

    Raises BadInput where an activity names a contact that is not there.
    """
    picks = tuple(Pick(label, label) for label in ("Call", "Email", "Meeting", *TYPES.values(), "Other"))
    for object_name in ("Task", "Event"):
        add_field(org, object_name, "Type", "Type", "picklist", length=40, picks=picks)
    rows, doubled = read_rows(frame, contacts, accounts, users, org.clock.now_ms())
    kinds: dict[str, list[Row[str]]] = defaultdict(list)
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        kind = _kind_of(row, is_captured=org.org.mail_is_captured_elsewhere)
        kinds[kind].append(row)
        counted[row.channel, kind] += len(row.contacts)
    del rows
    count_answers(kinds["email"], kinds.pop("opens", []))
    kinds["ticket"] = join_tickets(kinds["ticket"])
    happened = Happened()
    place = Place(org, people, happened)
    for row in kinds.pop("captured", []):
        for contact in row.contacts:
            happened.count_mail(contact, row.at, is_ours=row.direction == "outbound")
    records = _put_all(place, kinds)
    happened.parts += [
        Loaded(channel, number, records.get((channel, kind), 0), _HOW.get(kind, f"as Task of type {TYPES.get(channel, channel)}"))
        for (channel, kind), number in sorted(counted.items())
    ]
    if doubled:
        happened.parts.append(Loaded("rows of the same activity and contact", doubled, 0, "skipped: doubles"))
    return happened


def _kind_of(row: Row[str], *, is_captured: bool) -> str:
    if row.direction == "internal" and row.channel != "ticket":
        return "note"
    if row.channel != "email":
        return row.channel
    if is_captured and not row.is_automated and not row.is_broadcast:
        return "untold" if row.is_open else "captured"
    if row.is_open:
        return "opens"
    if row.is_broadcast:
        return "list"
    return "cadence" if row.is_automated and row.direction == "outbound" else "email"


def _put_all(place: Place, kinds: Mapping[str, list[Row[str]]]) -> dict[tuple[str, str], int]:
    """Make the records, kind by kind; how many of each channel and kind."""
    answers = Answers(place)
    makers: dict[str, Callable[[Place, Row[str]], str]] = {
        "email": put_email,
        "list": put_sent_by_machine,
        "cadence": put_sent_by_machine,
        "call": put_call,
        "linkedin": put_message,
        **dict.fromkeys(TYPES, put_message),
        "meeting": put_event,
        "ticket": put_case,
        "form": lambda _place, row: answers.put(row),
        "note": put_note,
    }
    made: dict[tuple[str, str], int] = defaultdict(int)
    for kind, maker in makers.items():
        for row in _in_order(kinds.get(kind, ())):
            record_id = maker(place, row)
            made[row.channel, kind] += 1
            place.happened.ids.setdefault(kind, {})[(row.thread or row.activity_id) if kind == "ticket" else row.activity_id] = record_id
    return made


def _in_order(rows: Iterable[Row[str]]) -> list[Row[str]]:
    return sorted(rows, key=lambda row: row.at)
