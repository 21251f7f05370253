"""What the pages show of records: identity, our fields under their headings, tasks, and lists. Labels come from the portal's own definitions."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from sandbox.hubspot.object_types import object_type
from sandbox.hubspot.portal import Portal
from sandbox.hubspot.records import Record
from sandbox.hubspot.schema import Definition
from sandbox.hubspot.values import moment_ms
from sandbox.hubspot.wire import value_of
from sandbox.pages.shown import Card, Line, Row, Task, in_order
from sandbox.pages.wording import Form, Shown, ago, day, plain, show

GROUP_MARK = "Still There"
PREFIX = "stillthere_"
STATE = f"{PREFIX}engagement_state"
OPEN = frozenset({"NOT_STARTED", "IN_PROGRESS", "WAITING", "DEFERRED"})
_WAYS = {"CALL": ("Call", "phone"), "EMAIL": ("E-mail", "mail")}


def contact_link(record_id: int) -> str:
    """The page of a contact."""
    return f"/contacts/{record_id}"


def company_link(record_id: int) -> str:
    """The page of a company."""
    return f"/companies/{record_id}"


def form_of(definition: Definition) -> Form:
    """How the values of a property are written."""
    if definition.type in {"enumeration", "bool"}:
        labels = {str(option["value"]): str(option["label"]) for option in definition.options}
        return Form("choice", labels, has_tone=definition.type == "enumeration" and bool(labels))
    # HubSpot's own percentage format would show 35 as 3500 %, so a definition says in its description that it is percent.
    is_percent = definition.type == "number" and "percent" in definition.description.lower()
    return Form("percent" if is_percent else definition.type)


class Cards:
    """Reads one portal. Hold its lock while using one."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.now_ms = portal.clock.now_ms()

    def text(self, kind: str, record: Record, name: str) -> str:
        """A property as text, empty where there is none."""
        value = value_of(self.portal, object_type(kind), record, name)
        return "" if value is None else str(value)

    def find(self, kind: str, text: str) -> Record | None:
        """The record of an id, live or archived; merged ids lead to the record that took their place."""
        if not text.isdigit():
            return None
        store = self.portal.stores[kind]
        number = store.resolve(int(text))
        return store.live.get(number) or store.archived.get(number)

    def name(self, record: Record) -> str:
        """How a contact is called: name, else e-mail, else its number."""
        full = f"{self.text('contacts', record, 'firstname')} {self.text('contacts', record, 'lastname')}".strip()
        return full or self.text("contacts", record, "email") or f"Contact {record.id}"

    def owner(self, owner_id: str) -> str:
        """The name of an owner."""
        found = self.portal.owners.all.get(int(owner_id)) if owner_id.isdigit() else None
        if found is None:
            return ""
        name = f"{found.first_name} {found.last_name}".strip() or found.email
        return f"{name} (left)" if found.archived else name

    def company_of(self, record: Record) -> Record | None:
        """The contact's main company."""
        pair = ("contacts", "companies")
        found = self.portal.links.primary(pair, record.id)
        if found is None:
            found = next(iter(self.portal.links.of(pair, record.id)), None)
        return None if found is None else self.portal.stores["companies"].live.get(found)

    def groups(self, kind: str, record: Record) -> list[Card]:
        """Our property groups with every field that is set up, filled or not."""
        schema = self.portal.schemas[kind]
        definitions = schema.listed(self.portal.clock.elapsed())
        cards = []
        for group in schema.groups.values():
            if group.archived or not group.label.startswith(GROUP_MARK):
                continue
            lines = [self._line(kind, record, d.name) for d in definitions if d.group == group.name and not d.hidden]
            title = group.label.removeprefix(GROUP_MARK).lstrip(" :·-") or GROUP_MARK
            if lines:
                cards.append(Card(title, lines))
        return cards

    def others(self, kind: str, record: Record) -> list[Line]:
        """Properties that the customer added, where they hold something."""
        definitions = self.portal.schemas[kind].listed(self.portal.clock.elapsed())
        names = [d.name for d in definitions if not d.is_built_in and not d.name.startswith(PREFIX) and not d.hidden]
        return [line for line in (self._line(kind, record, name) for name in names) if line.shown]

    def built_in(self, kind: str, record: Record, names: Iterable[str]) -> list[Line]:
        """Some of the CRM's own properties, where they hold something."""
        return [line for line in (self._line(kind, record, name) for name in names) if line.shown]

    def _line(self, kind: str, record: Record, name: str) -> Line:
        definition = self.portal.schemas[kind].all[name]
        value = value_of(self.portal, object_type(kind), record, name)
        shown = show(form_of(definition), value, self.now_ms)
        return Line(name, definition.label, definition.description, shown, definition.field_type == "textarea")

    def state(self, record: Record) -> Shown | None:
        """The engagement of a contact, if that field is set up and filled."""
        return self._field(record, STATE)

    def _field(self, record: Record, name: str) -> Shown | None:
        definition = self.portal.schemas["contacts"].active(name, self.portal.clock.elapsed())
        return None if definition is None else show(form_of(definition), record.get(name), self.now_ms)

    def tasks_of(self, kind: str, record_id: int) -> list[Task]:
        """The tasks of a contact or company: open ones first, the most pressing first."""
        store = self.portal.stores["tasks"]
        numbers = self.portal.links.of((kind, "tasks"), record_id)
        return self._in_order(store.live[number] for number in numbers if number in store.live)

    def open_tasks(self) -> list[Task]:
        """All open tasks."""
        tasks = self.portal.stores["tasks"].live.values()
        return self._in_order(task for task in tasks if self.text("tasks", task, "hs_task_status") in OPEN)

    def _in_order(self, records: Iterable[Record]) -> list[Task]:
        return in_order(self._task(record) for record in records)

    def _task(self, record: Record) -> Task:
        def text(name: str) -> str:
            return self.text("tasks", record, name)

        due = moment_ms(text("hs_timestamp")) or record.created
        is_open = text("hs_task_status") in OPEN
        contact_id = next(iter(self.portal.links.of(("tasks", "contacts"), record.id)), None)
        contact = self.portal.stores["contacts"].live.get(contact_id) if contact_id is not None else None
        kind = text("hs_task_type")
        way, icon = ("LinkedIn", "chat") if kind.startswith("LINKED_IN") else _WAYS.get(kind, ("To-do", "check"))
        return Task(
            subject=text("hs_task_subject") or "Task",
            body=plain(text("hs_task_body")),
            due=day(due),
            due_ago=ago(due, self.now_ms),
            due_ms=due,
            is_overdue=is_open and due < self.now_ms,
            is_open=is_open,
            priority=text("hs_task_priority").lower(),
            way=way,
            icon=icon,
            owner=self.owner(text("hubspot_owner_id")),
            contact=self.name(contact) if contact else "",
            contact_link=contact_link(contact.id) if contact else "",
        )

    def rows(self, records: Iterable[Record]) -> list[Row]:
        """Contacts as they stand in a list."""
        tasks = self.portal.stores["tasks"].live
        open_ids = {number for number, task in tasks.items() if self.text("tasks", task, "hs_task_status") in OPEN}
        return [self._row(record, open_ids) for record in records]

    def _row(self, record: Record, open_ids: set[int]) -> Row:
        company = self.company_of(record)
        owner_id = self.text("contacts", record, "hubspot_owner_id")
        waiting = self.portal.links.of(("contacts", "tasks"), record.id)
        return Row(
            record_id=str(record.id),
            link=contact_link(record.id),
            name=self.name(record),
            title=self.text("contacts", record, "jobtitle"),
            company=self.text("companies", company, "name") if company else self.text("contacts", record, "company"),
            company_link=company_link(company.id) if company else "",
            owner=self.owner(owner_id),
            owner_id=owner_id,
            owner_link=f"/contacts?owner={quote(owner_id)}" if owner_id else "",
            email=self.text("contacts", record, "email"),
            state=self.state(record),
            state_value=str(record.get(STATE) or ""),
            heard=self._field(record, f"{PREFIX}last_heard_at"),
            open_tasks=sum(1 for number in waiting if number in open_ids),
        )
