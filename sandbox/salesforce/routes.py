"""Which path leads to which handler of an org. Each part of the org brings its own routes; the first that fits wins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sandbox.salesforce.asking import Route
from sandbox.salesforce.bulk.handlers import BULK_ROUTES
from sandbox.salesforce.bulk.old_handlers import OLD_ROUTES
from sandbox.salesforce.metadata.handlers import METADATA_ROUTES
from sandbox.salesforce.rest import rest_routes, row_routes

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

ORDER = ("HEAD", "GET", "PATCH", "PUT", "POST", "DELETE")
"""In what order Salesforce lists the methods that a path allows."""


@dataclass(frozen=True)
class Found:
    """A route that fits, and what its pattern matched."""

    route: Route
    parts: dict[str, str]


def all_routes(org: Org) -> list[Route]:
    """The routes of every part of an org."""
    return [*rest_routes(org), *BULK_ROUTES, *OLD_ROUTES, *METADATA_ROUTES, *row_routes()]


class Table:
    """Finds the route of a path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(route.regex(), route) for route in routes]

    def find(self, method: str, raw_path: str) -> Found | list[str]:
        """The route of a quoted path, or the methods that the path allows: none where there is no such path."""
        wanted = "GET" if method == "HEAD" else method
        allowed: set[str] = set()
        for pattern, route in self._routes:
            match = pattern.match(raw_path)
            if match is None:
                continue
            if route.method == wanted:
                return Found(route, {name: unquote(value) for name, value in match.groupdict().items()})
            # A path that one pattern spells out is not also a guess of a wider one.
            allowed.add(route.method)
        if "GET" in allowed:
            allowed.add("HEAD")
        return [name for name in ORDER if name in allowed]
