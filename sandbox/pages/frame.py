"""What all pages have in common: the frame around them, lists in pages, and timelines by month."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sandbox.clock import Clock
from sandbox.pages.shown import Item, Row, Task, matches
from sandbox.pages.wording import moment

_FOLDER = Path(__file__).parent / "templates"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
PAGE, SHORT = 50, 60


@dataclass(frozen=True)
class Site:
    """One CRM as its pages name it. ``other`` is the name and the address of the other one's list, where there is another."""

    name: str
    home: str
    theme: str
    firm: str
    timeline: str
    other: tuple[str, str] | None = None


@dataclass(frozen=True)
class Tab:
    """One way to narrow a list: its label, its address, how many it leaves, and its colour."""

    label: str
    link: str
    is_on: bool
    count: int | None = None
    tone: str = ""


class Frame:
    """Makes the pages of one CRM."""

    def __init__(self, site: Site, clock: Clock) -> None:
        self._site = site
        self._clock = clock
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
        )

    def page(self, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
        """A page of a template."""
        text = self._templates.get_template(template).render(now=moment(self._clock.now_ms()), site=self._site, **facts)
        return HTMLResponse(text, status, headers=_HEADERS)

    def missing(self, what: str) -> HTMLResponse:
        """The page that says kindly that something is not there."""
        return self.page("missing.html", 404, title="Not found", what=what)

    def listing(
        self,
        request: Request,
        title: str,
        rows: Iterable[Row],
        tabs: Sequence[Tab],
        tasks: Iterable[Task],
        *,
        owner_name: str,
        has_states: bool,
    ) -> HTMLResponse:
        """A list of people, those with open tasks first, and beside it the tasks that wait, by owner."""
        owner = request.query_params.get("owner", "")
        kept = [row for row in rows if not owner or row.owner_id == owner]
        kept.sort(key=lambda row: (-row.open_tasks, row.name.lower(), row.record_id))
        pages = max(1, -(-len(kept) // PAGE))
        text = request.query_params.get("page", "1")
        page = min(max(int(text) if text.isdecimal() else 1, 1), pages)
        in_turn = sorted(tasks, key=lambda task: (task.owner, task.due_ms))
        waiting = [(name, list(group)) for name, group in groupby(in_turn, lambda task: task.owner)]
        return self.page(
            "contacts.html",
            title=title,
            words=request.query_params.get("q", "").strip(),
            rows=kept[(page - 1) * PAGE : page * PAGE],
            total=len(kept),
            page=page,
            pages=pages,
            before=address(request, page=str(page - 1)) if page > 1 else "",
            after=address(request, page=str(page + 1)) if page < pages else "",
            tabs=tabs,
            owner=owner,
            owner_name=owner_name,
            everything=request.url.path,
            has_states=has_states,
            waiting=sorted(waiting, key=lambda pair: -len(pair[1])),
        )


def found(request: Request, rows: Iterable[Row]) -> list[Row]:
    """The rows that a search leaves."""
    words = request.query_params.get("q", "").strip()
    return [row for row in rows if matches(row, words)]


def address(request: Request, **changes: str) -> str:
    """The address of the same list with other parameters; a page number is kept only where it is one of them."""
    query = {name: value for name, value in request.query_params.items() if name != "page"} | changes
    text = urlencode({name: value for name, value in query.items() if value})
    return f"{request.url.path}?{text}" if text else request.url.path


def by_month(items: list[Item], request: Request) -> dict[str, Any]:
    """The newest items, or all of them with ``?all=1``, by month."""
    is_all = request.query_params.get("all") == "1" or len(items) <= SHORT
    shown = items if is_all else items[:SHORT]
    return {
        "months": [(name, list(group)) for name, group in groupby(shown, lambda item: item.month)],
        "hidden": len(items) - len(shown),
        "total": len(items),
    }


def web_address(link: str) -> str:
    """The link where it is a web address; anything else could be a script."""
    return link if link.startswith(("https://", "http://")) else ""


def style(_request: Request) -> Response:
    """The style sheet of all pages."""
    return Response((_FOLDER / "style.css").read_text(encoding="utf-8"), media_type="text/css", headers={"Cache-Control": "no-store"})
