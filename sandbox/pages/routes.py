"""The addresses of the pages. They look at the portal itself: they are no client of its API, and count neither in its log nor its limits."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.hubspot.portal import Portal
from sandbox.pages.cards import STATE, Cards, Row
from sandbox.pages.timeline import timeline
from sandbox.pages.wording import TONES, moment

_FOLDER = Path(__file__).parent / "templates"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
PAGE, SHORT = 50, 60
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


def page_routes(portal: Portal) -> list[BaseRoute]:
    """The routes of the pages of one portal: ``/`` and ``/contacts``, ``/contacts/{id}``, ``/companies/{id}``."""
    pages = _Pages(portal)
    return [
        Route("/", pages.contacts),
        Route("/contacts", pages.contacts),
        Route("/contacts/{id}", pages.contact),
        Route("/companies/{id}", pages.company),
        Route("/pages/style.css", _style),
    ]


def _style(_request: Request) -> Response:
    return Response((_FOLDER / "style.css").read_text(encoding="utf-8"), media_type="text/css", headers={"Cache-Control": "no-store"})


class _Pages:
    """The pages of one portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
        )

    def _page(self, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
        now = moment(self._portal.clock.now_ms())
        text = self._templates.get_template(template).render(now=now, portal_id=self._portal.options.portal_id, **facts)
        return HTMLResponse(text, status, headers=_HEADERS)

    def _missing(self, what: str) -> HTMLResponse:
        return self._page("missing.html", 404, title="Not found", what=what)

    def contacts(self, request: Request) -> HTMLResponse:
        """All contacts, or those that a search or a filter leaves; the tasks that wait, by owner."""
        words = request.query_params.get("q", "").strip()
        chosen_state, chosen_owner = request.query_params.get("state", ""), request.query_params.get("owner", "")
        page_text = request.query_params.get("page", "1")
        with self._portal.lock:
            cards = Cards(self._portal)
            found = [row for row in cards.rows(self._portal.stores["contacts"].live.values()) if _matches(row, words)]
            counts = Counter(row.state_value for row in found)
            rows = [
                row
                for row in found
                if (not chosen_state or row.state_value == chosen_state) and (not chosen_owner or row.owner_id == chosen_owner)
            ]
            rows.sort(key=lambda row: (-row.open_tasks, row.name.lower(), row.record_id))
            waiting = [
                (owner, list(tasks))
                for owner, tasks in groupby(sorted(cards.open_tasks(), key=lambda t: (t.owner, t.due_ms)), lambda t: t.owner)
            ]
            states = self._states(counts)
            chosen_owner_name = cards.owner(chosen_owner)
        pages = max(1, -(-len(rows) // PAGE))
        page = min(max(int(page_text) if page_text.isdecimal() else 1, 1), pages)
        return self._page(
            "contacts.html",
            title="Contacts",
            words=words,
            rows=rows[(page - 1) * PAGE : page * PAGE],
            total=len(rows),
            page=page,
            pages=pages,
            states=states,
            state=chosen_state,
            owner=chosen_owner,
            owner_name=chosen_owner_name,
            has_states=bool(states),
            waiting=sorted(waiting, key=lambda pair: -len(pair[1])),
        )

    def _states(self, counts: Counter[str]) -> list[dict[str, Any]]:
        """The options of the engagement field with how many contacts each has; none before set-up."""
        definition = self._portal.schemas["contacts"].active(STATE, self._portal.clock.elapsed())
        options = definition.options if definition is not None else []
        return [
            {
                "value": option["value"],
                "label": option["label"],
                "count": counts[option["value"]],
                "tone": TONES.get(option["value"], "plain"),
            }
            for option in options
            if counts[option["value"]]
        ]

    def contact(self, request: Request) -> HTMLResponse:
        """One contact the way a CSM sees it."""
        with self._portal.lock:
            cards = Cards(self._portal)
            record = cards.find("contacts", request.path_params["id"])
            if record is None:
                return self._missing(f"There is no contact {request.path_params['id']}.")
            company = cards.company_of(record)
            items = timeline(self._portal, "contacts", record.id)
            link = cards.text("contacts", record, "hs_linkedin_url")
            facts: dict[str, Any] = {
                "name": cards.name(record),
                "job": cards.text("contacts", record, "jobtitle"),
                "company": cards.text("companies", company, "name") if company else cards.text("contacts", record, "company"),
                "company_id": company.id if company else None,
                "owner": cards.owner(cards.text("contacts", record, "hubspot_owner_id")),
                "state": cards.state(record),
                "lines": cards.built_in("contacts", record, _CONTACT),
                # Only a web address becomes a link; anything else could be a script.
                "linkedin": link if link.startswith(("https://", "http://")) else "",
                "others": cards.others("contacts", record),
                "groups": cards.groups("contacts", record),
                "tasks": cards.tasks_of("contacts", record.id),
                "is_archived": record.archived is not None,
                "record_id": record.id,
            }
        return self._page("contact.html", title=facts["name"], **facts, **_cut(items, request))

    def company(self, request: Request) -> HTMLResponse:
        """One company with its people."""
        with self._portal.lock:
            cards = Cards(self._portal)
            record = cards.find("companies", request.path_params["id"])
            if record is None:
                return self._missing(f"There is no company {request.path_params['id']}.")
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
                "is_archived": record.archived is not None,
                "record_id": record.id,
            }
            items = timeline(self._portal, "companies", record.id)
        return self._page("company.html", title=facts["name"], **facts, **_cut(items, request))


def _matches(row: Row, words: str) -> bool:
    """Whether every word of a search stands in name, title, company or e-mail."""
    text = f"{row.name} {row.title} {row.company} {row.email} {row.record_id}".lower()
    return all(word in text for word in words.lower().split())


def _cut(items: list[Any], request: Request) -> dict[str, Any]:
    """The newest items, or all of them with ``?all=1``, by month."""
    is_all = request.query_params.get("all") == "1" or len(items) <= SHORT
    shown = items if is_all else items[:SHORT]
    return {
        "months": [(name, list(group)) for name, group in groupby(shown, lambda item: item.month)],
        "hidden": len(items) - len(shown),
        "total": len(items),
    }
