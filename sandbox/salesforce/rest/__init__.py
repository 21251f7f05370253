"""The REST resources of an org, one module for each family of paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.salesforce.asking import Route
from sandbox.salesforce.rest import collections, composite, login, replication, rows, searching, sobjects, tree, usage, versions
from sandbox.salesforce.rest.queries import query_routes

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


def rest_routes(org: Org) -> list[Route]:
    """All routes under ``/services`` and ``/id`` that speak JSON, and the SOAP login."""
    definitions = sobjects.Definitions(sobjects.started_at(org.clock.now_ms()))
    return [
        *login.ROUTES,
        *versions.ROUTES,
        *query_routes(org),
        *searching.ROUTES,
        *sobjects.definition_routes(definitions),
        *replication.ROUTES,
        *usage.ROUTES,
        *collections.ROUTES,
        *composite.ROUTES,
        *tree.ROUTES,
    ]


def row_routes() -> list[Route]:
    """The routes of single records. They stand last: their patterns fit nearly everything under ``sobjects``."""
    return rows.ROUTES
