"""The REST resources of an org, one module for each family of paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.salesforce.asking import Route
from sandbox.salesforce.rest import login, versions

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


def rest_routes(_org: Org) -> list[Route]:
    """All routes under ``/services`` and ``/id`` that speak JSON, and the SOAP login."""
    return [*login.ROUTES, *versions.ROUTES]
