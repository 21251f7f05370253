"""What the pages show of an org's records: identity, our fields under their headings, tasks, and lists. Labels are the org's own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sandbox.pages.shown import Card, Line, Row, Task, in_order
from sandbox.pages.wording import DAY_MS, Form, Shown, ago, day, plain, show
from sandbox.salesforce.org import Org
from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import Field, ObjectType
from transforms.vocabulary.fields import Group

MARK = "Still There"
PREFIX = "StillThere_"
STATE, HEARD, KEY = f"{PREFIX}Engagement_State__c", f"{PREFIX}Last_Heard_At__c", f"{PREFIX}Task_Key__c"
_WAYS = {"Call": ("Call", "phone"), "Email": ("E-mail", "mail"), "LinkedIn": ("LinkedIn", "chat")}
_NUMBERS = {"int", "double", "currency"}


def link_of(record: Record | None) -> str:
    """The page of a contact, lead or account."""
    return "" if record is None else f"/lightning/r/{record.object}/{record.id}/view"


def form_of(field: Field) -> Form:
    """How the values of a field are written."""
    if field.type in {"picklist", "combobox", "multipicklist"}:
        return Form("choice", {pick.value: pick.label for pick in field.picks}, has_tone=field.custom)
    if field.type == "boolean":
        return Form("choice", {"true": "Yes", "false": "No"})
    return Form("number" if field.type in _NUMBERS else field.type)


class OrgCards:
    """Reads one org. Hold its lock while using one."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.now_ms = org.clock.now_ms()

    def find(self, object_name: str, record_id: str) -> Record | None:
        """The record of an id, deleted ones too; those merged or converted lead to the record that took their place."""
        record = self.org.find(record_id, deleted=True)
        seen: set[str] = set()
        while record is not None and record.id not in seen:
            seen.add(record.id)
            into = record.values.get("MasterRecordId") or record.values.get("ConvertedContactId")
            if not into:
                break
            record = self.org.find(into, deleted=True)
        return record if record is not None and (record.object == object_name or seen - {record.id}) else None

    def text(self, record: Record | None, name: str) -> str:
        """A field as text, empty where there is none."""
        value = None if record is None else record.values.get(name)
        return "" if value is None else str(value)

    def name(self, record: Record | None) -> str:
        """How a record is called: name, else e-mail, else its id."""
        return "" if record is None else self.text(record, "Name") or self.text(record, "Email") or record.id

    def owner(self, user_id: str) -> str:
        """The name of a user or queue."""
        found = self.org.find(user_id)
        if found is None:
            return ""
        has_left = found.object == "User" and not found.values.get("IsActive", True)
        return f"{self.name(found)} (left)" if has_left else self.name(found)

    def account_of(self, record: Record) -> Record | None:
        """The account of a contact."""
        return self.org.find(self.text(record, "AccountId"))

    def groups(self, record: Record) -> list[Card]:
        """Our fields that are set up, filled or not, under the heading with which the description of each begins."""
        found: dict[str, list[Line]] = {}
        for field in self._kind(record):
            if (
                field.custom
                and field.name.startswith(PREFIX)
                and self.org.access.sees_field(self.org.integration_id, self._kind(record), field)
            ):
                told = field.description or ""
                title = next((group.value for group in Group if told.startswith(f"{group.value}. ")), MARK)
                found.setdefault(title, []).append(self._line(record, field))
        return [Card(title, lines) for title, lines in found.items()]

    def is_hidden_from_owner(self, record: Record) -> bool:
        """Whether our fields are set up, but not granted to whoever looks after the record."""
        owner = self.org.find(self.text(record, "OwnerId"))
        ours = [field for field in self._kind(record) if _is_ours(field)]
        return (
            bool(ours)
            and owner is not None
            and owner.object == "User"
            and not any(self.org.access.sees_field(owner.id, self._kind(record), field) for field in ours)
        )

    def _kind(self, record: Record) -> ObjectType:
        return self.org.kind(record.object)

    def others(self, record: Record) -> list[Line]:
        """Fields that the customer added, where they hold something."""
        added = [field for field in self._kind(record) if field.custom and not field.name.startswith(PREFIX)]
        return [line for line in (self._line(record, field) for field in added) if line.shown]

    def built_in(self, record: Record, names: Iterable[str]) -> list[Line]:
        """Some of the CRM's own fields, where they hold something."""
        known = [field for field in (self._kind(record).field(name) for name in names) if field is not None]
        return [line for line in (self._line(record, field) for field in known) if line.shown and line.shown.text != "No"]

    def _line(self, record: Record, field: Field) -> Line:
        shown = show(form_of(field), record.values.get(field.name), self.now_ms)
        return Line(field.name, field.label, field.help or "", shown, is_long=field.type == "textarea")

    def shown(self, record: Record, name: str) -> Shown | None:
        """One field's value, if it is set up and filled."""
        field = self._kind(record).field(name)
        return None if field is None else show(form_of(field), record.values.get(field.name), self.now_ms)

    def tasks_of(self, record: Record) -> list[Task]:
        """What is to be done about a person or at an account, and what was done of the tasks that we raised."""
        store = self.org.store("Task")
        found = store.children("AccountId" if record.object == "Account" else "WhoId", record.id)
        return in_order(self._task(task) for task in found if not task.is_deleted and (not _is_closed(task) or task.values.get(KEY)))

    def open_tasks(self) -> list[Task]:
        """All open tasks."""
        return in_order(self._task(task) for task in self.org.store("Task") if not task.is_deleted and not _is_closed(task))

    def _task(self, task: Record) -> Task:
        due = _midnight(self.text(task, "ActivityDate")) or task.values["CreatedDate"]
        is_open = not _is_closed(task)
        who = self.org.find(self.text(task, "WhoId"))
        way, icon = _WAYS.get(self.text(task, "TaskSubtype"), ("To-do", "check"))
        return Task(
            subject=self.text(task, "Subject") or "Task",
            body=plain(self.text(task, "Description")),
            due=day(due),
            due_ago=ago(due, self.now_ms),
            due_ms=due,
            is_overdue=is_open and due // DAY_MS < self.now_ms // DAY_MS,
            is_open=is_open,
            priority=self.text(task, "Priority").lower(),
            way=way,
            icon=icon,
            owner=self.owner(self.text(task, "OwnerId")),
            contact=self.name(who),
            contact_link=link_of(who),
        )

    def rows(self, records: Iterable[Record]) -> list[Row]:
        """Contacts or leads as they stand in a list."""
        waiting: dict[str, int] = {}
        for task in self.org.store("Task"):
            who = task.values.get("WhoId")
            if who and not task.is_deleted and not _is_closed(task):
                waiting[who] = waiting.get(who, 0) + 1
        return [self._row(record, waiting.get(record.id, 0)) for record in records]

    def _row(self, record: Record, open_tasks: int) -> Row:
        account = self.account_of(record)
        owner_id = self.text(record, "OwnerId")
        return Row(
            record_id=record.id,
            link=link_of(record),
            name=self.name(record),
            title=self.text(record, "Title"),
            company=self.name(account) or self.text(record, "Company"),
            company_link=link_of(account),
            owner=self.owner(owner_id),
            owner_id=owner_id,
            owner_link=f"/lightning/o/{record.object}/list?owner={owner_id}" if owner_id else "",
            email=self.text(record, "Email"),
            state=self.shown(record, STATE),
            state_value=self.text(record, STATE),
            heard=self.shown(record, HEARD),
            open_tasks=open_tasks,
        )


def _is_ours(field: Field) -> bool:
    return field.custom and field.name.startswith(PREFIX)


def _is_closed(task: Record) -> bool:
    return bool(task.values.get("IsClosed", False))


def _midnight(text: str) -> int | None:
    """Milliseconds of a day as Salesforce writes it."""
    if not text:
        return None
    return int(datetime.fromisoformat(f"{text}T00:00:00+00:00").timestamp() * 1000)
