"""The addresses of the Salesforce pages, as Lightning has them. They look at the org itself and are no client of its API."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from sandbox.pages.frame import Frame, Site, Tab, address, by_month, found, web_address
from sandbox.pages.org_cards import STATE, OrgCards
from sandbox.pages.org_timeline import org_timeline
from sandbox.pages.views import views_of
from sandbox.salesforce.org import Org
from sandbox.salesforce.records import Record

LIST = "/lightning/o/Contact/list"
_LINES = {
    "Contact": (
        "Email",
        "Phone",
        "MailingCountry",
        "CreatedDate",
        "HasOptedOutOfEmail",
        "DoNotCall",
        "EmailBouncedDate",
        "EmailBouncedReason",
    ),
    "Lead": (
        "Email",
        "Phone",
        "Country",
        "Status",
        "CreatedDate",
        "HasOptedOutOfEmail",
        "DoNotCall",
        "EmailBouncedDate",
        "EmailBouncedReason",
    ),
    "Account": ("Website", "Type", "Industry", "CreatedDate"),
}
_PLURALS = {"Contact": "Contacts", "Lead": "Leads"}
_PROFILE = "LinkedIn_URL__c"
"""The field in which made customers have their profile; where it holds a web address, it is shown as a link."""
_NOT_GRANTED = "The owner of this record does not see the fields of Still There yet: assign them the permission set Still There User."


def lightning_routes(org: Org, other: tuple[str, str]) -> list[BaseRoute]:
    """The routes of the pages of one org. ``other`` is the name and the address of the other CRM's list."""
    pages = _Pages(org, Frame(Site(f"Sandbox org {org.org.domain}", LIST, "salesforce", "Account", "Activity", other), org.clock))
    return [
        Route("/lightning", pages.people),
        Route("/lightning/o/{object}/list", pages.people),
        Route("/lightning/r/{object}/{id}/view", pages.record),
    ]


class _Pages:
    """The pages of one org."""

    def __init__(self, org: Org, frame: Frame) -> None:
        self._org = org
        self._frame = frame

    def people(self, request: Request) -> HTMLResponse:
        """Contacts or leads: all, or those of a list view; the tasks that wait, by owner."""
        object_name = request.path_params.get("object", "Contact")
        if object_name not in _PLURALS:
            return self._frame.missing(f"There is no list of {object_name}.")
        chosen = request.query_params.get("filterName", "")
        with self._org.lock:
            cards = OrgCards(self._org)
            records = [one for one in self._org.store(object_name) if not one.is_deleted and not one.values.get("IsConverted")]
            views = views_of(self._org, object_name)
            held = {view.name: [record for record in records if view.holds(record)] for view in views}
            other = "Lead" if object_name == "Contact" else "Contact"
            tabs = [
                Tab("All", address(request, filterName=""), chosen not in held),
                *(Tab(view.label, address(request, filterName=view.name), view.name == chosen, len(held[view.name])) for view in views),
                Tab(_PLURALS[other], f"/lightning/o/{other}/list", is_on=False),
            ]
            return self._frame.listing(
                request,
                _PLURALS[object_name],
                found(request, cards.rows(held.get(chosen, records))),
                tabs,
                cards.open_tasks(),
                owner_name=cards.owner(request.query_params.get("owner", "")),
                has_states=self._org.kind(object_name).field(STATE) is not None,
            )

    def record(self, request: Request) -> HTMLResponse:
        """One contact, lead or account the way a CSM sees it."""
        object_name, record_id = request.path_params["object"], request.path_params["id"]
        with self._org.lock:
            cards = OrgCards(self._org)
            record = cards.find(object_name, record_id) if object_name in _LINES else None
            if record is None:
                return self._frame.missing(f"There is no {object_name} {record_id}.")
            facts: dict[str, Any] = {
                "name": cards.name(record),
                "owner": cards.owner(cards.text(record, "OwnerId")),
                "lines": cards.built_in(record, _LINES[record.object]),
                "others": [line for line in cards.others(record) if line.name != _PROFILE],
                "groups": cards.groups(record),
                "tasks": cards.tasks_of(record),
                "banner": _banner(cards, record),
            }
            if record.object == "Account":
                people = [one for one in self._org.store("Contact").children("AccountId", record.id) if not one.is_deleted]
                items = org_timeline(self._org, people)
                facts["people"] = cards.rows(people)
            else:
                items = org_timeline(self._org, [record], own=record)
                account = cards.account_of(record)
                facts |= {
                    "job": cards.text(record, "Title"),
                    "company": cards.name(account) or cards.text(record, "Company"),
                    "company_link": f"/lightning/r/Account/{account.id}/view" if account else "",
                    "state": cards.shown(record, STATE),
                    "linkedin": web_address(cards.text(record, _PROFILE)),
                }
        page = "company.html" if record.object == "Account" else "contact.html"
        return self._frame.page(page, title=facts["name"], **facts, **by_month(items, request))


def _banner(cards: OrgCards, record: Record) -> str:
    if record.is_deleted:
        return f"This {record.object.lower()} is in the recycle bin."
    return _NOT_GRANTED if cards.is_hidden_from_owner(record) else ""
