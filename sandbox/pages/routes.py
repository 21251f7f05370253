"""The addresses of the HubSpot pages. They look at the portal itself: they are no client of its API, and count neither in its log nor its limits."""

from __future__ import annotations

from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from sandbox.hubspot.portal import Portal
from sandbox.pages.cards import STATE, Cards, company_link
from sandbox.pages.frame import Frame, Site, Tab, address, by_month, found, style, web_address
from sandbox.pages.lightning import LIST, lightning_routes
from sandbox.pages.timeline import timeline
from sandbox.pages.wording import TONES
from sandbox.salesforce.org import Org

_CONTACT = (
    "email",
    "phone",
    "country",
    "hs_timezone",
    "createdate",
    "hs_email_optout",
    "hs_email_hard_bounce_reason_enum",
    "hs_job_change_detected_date",
)
_COMPANY = ("domain", "phone", "country", "industry", "lifecyclestage", "createdate")
_HOME = "/contacts"


def page_routes(portal: Portal, org: Org | None = None) -> list[BaseRoute]:
    """The routes of the pages: ``/`` and ``/contacts``, ``/contacts/{id}``, ``/companies/{id}`` of a portal, ``/lightning/…`` of an org."""
    name = f"Sandbox portal {portal.options.portal_id}"
    site = Site(name, _HOME, "hubspot", "Company", "Timeline", ("Salesforce", LIST) if org is not None else None)
    pages = _Pages(portal, Frame(site, portal.clock))
    routes: list[BaseRoute] = [
        Route("/", pages.contacts),
        Route(_HOME, pages.contacts),
        Route("/contacts/{id}", pages.contact),
        Route("/companies/{id}", pages.company),
        Route("/pages/style.css", style),
    ]
    return routes if org is None else [*routes, *lightning_routes(org, ("HubSpot", _HOME))]


class _Pages:
    """The pages of one portal."""

    def __init__(self, portal: Portal, frame: Frame) -> None:
        self._portal = portal
        self._frame = frame

    def contacts(self, request: Request) -> HTMLResponse:
        """All contacts, or those that a search or a filter leaves; the tasks that wait, by owner."""
        chosen = request.query_params.get("state", "")
        with self._portal.lock:
            cards = Cards(self._portal)
            rows = found(request, cards.rows(self._portal.stores["contacts"].live.values()))
            tabs = self._states(request, Counter(row.state_value for row in rows), chosen)
            return self._frame.listing(
                request,
                "Contacts",
                [row for row in rows if not chosen or row.state_value == chosen],
                tabs,
                cards.open_tasks(),
                owner_name=cards.owner(request.query_params.get("owner", "")),
                has_states=bool(tabs),
            )

    def _states(self, request: Request, counts: Counter[str], chosen: str) -> list[Tab]:
        """The options of the engagement field with how many contacts each has; none before set-up."""
        definition = self._portal.schemas["contacts"].active(STATE, self._portal.clock.elapsed())
        if definition is None:
            return []
        options = {str(option["value"]): str(option["label"]) for option in definition.options}
        return [
            Tab("All", address(request, state=""), is_on=not chosen),
            *(
                Tab(label, address(request, state=value), value == chosen, counts[value], TONES.get(value, "plain"))
                for value, label in options.items()
                if counts[value]
            ),
        ]

    def contact(self, request: Request) -> HTMLResponse:
        """One contact the way a CSM sees it."""
        with self._portal.lock:
            cards = Cards(self._portal)
            record = cards.find("contacts", request.path_params["id"])
            if record is None:
                return self._frame.missing(f"There is no contact {request.path_params['id']}.")
            company = cards.company_of(record)
            items = timeline(self._portal, "contacts", record.id)
            facts: dict[str, Any] = {
                "name": cards.name(record),
                "job": cards.text("contacts", record, "jobtitle"),
                "company": cards.text("companies", company, "name") if company else cards.text("contacts", record, "company"),
                "company_link": company_link(company.id) if company else "",
                "owner": cards.owner(cards.text("contacts", record, "hubspot_owner_id")),
                "state": cards.state(record),
                "lines": cards.built_in("contacts", record, _CONTACT),
                "linkedin": web_address(cards.text("contacts", record, "hs_linkedin_url")),
                "others": cards.others("contacts", record),
                "groups": cards.groups("contacts", record),
                "tasks": cards.tasks_of("contacts", record.id),
                "banner": "This contact is archived." if record.archived is not None else "",
            }
        return self._frame.page("contact.html", title=facts["name"], **facts, **by_month(items, request))

    def company(self, request: Request) -> HTMLResponse:
        """One company with its people."""
        with self._portal.lock:
            cards = Cards(self._portal)
            record = cards.find("companies", request.path_params["id"])
            if record is None:
                return self._frame.missing(f"There is no company {request.path_params['id']}.")
            people = self._portal.stores["contacts"].live
            numbers = self._portal.links.of(("companies", "contacts"), record.id)
            facts: dict[str, Any] = {
                "name": cards.text("companies", record, "name") or f"Company {record.id}",
                "owner": cards.owner(cards.text("companies", record, "hubspot_owner_id")),
                "lines": cards.built_in("companies", record, _COMPANY),
                "others": cards.others("companies", record),
                "groups": cards.groups("companies", record),
                "people": cards.rows(people[number] for number in numbers if number in people),
                "tasks": cards.tasks_of("companies", record.id),
                "banner": "This company is archived." if record.archived is not None else "",
            }
            items = timeline(self._portal, "companies", record.id)
        return self._frame.page("company.html", title=facts["name"], **facts, **by_month(items, request))
