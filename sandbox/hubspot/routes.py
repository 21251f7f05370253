"""Which path leads to which handler. One set of handlers serves v3, v4 and the dated path families."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.hubspot import account, batches, defining, linking, linking_v3, objects, search
from sandbox.hubspot.asking import Answer, Asked

Handler = Callable[[Asked], Answer]
DATES = ("2025-09", "2026-03", "2026-09")
_DATED = "|".join(DATES)
_CLASSIC = re.compile(r"^/crm/(?P<version>v3|v4)/(?P<family>[a-z-]+)(?P<rest>/.*)?$")
_DATED_CRM = re.compile(rf"^/crm/(?P<family>[a-z-]+)/(?P<version>{_DATED})(?P<rest>/.*)?$")
_OTHERS = re.compile(rf"^/(?P<family>account-info|oauth|calling|appinstalls)/(?P<version>v1|v2|v3|{_DATED})(?P<rest>/.*)?$")


@dataclass(frozen=True)
class Route:
    """A handler with what the gate must know of it. ``has_dated``: the dated path families have it too."""

    handler: Handler
    pattern: re.Pattern[str]
    classic: frozenset[str]
    is_search: bool = False
    is_association: bool = False
    is_open: bool = False
    has_dated: bool = True


def _route(
    method_and_path: str, handler: Handler, *versions: str, is_open: bool = False, has_dated: bool = True
) -> tuple[tuple[str, str], Route]:
    method, family, rest = method_and_path.split(" ")
    pattern = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", rest.removesuffix("/")) + "$")
    is_link = "{to}" in rest
    route = Route(
        handler,
        pattern,
        frozenset(versions or ("v3",)),
        is_search=rest.endswith("/search"),
        is_association=is_link,
        is_open=is_open,
        has_dated=has_dated,
    )
    return (method, family), route


_ALL = [
    _route("GET objects /{type}", objects.list_records),
    _route("POST objects /{type}", objects.create_record),
    _route("POST objects /{type}/search", search.search_records),
    _route("POST objects /{type}/merge", objects.merge_records),
    _route("POST objects /{type}/gdpr-delete", objects.erase_record),
    _route("POST objects /{type}/batch/read", batches.read_batch),
    _route("POST objects /{type}/batch/create", batches.create_batch),
    _route("POST objects /{type}/batch/update", batches.update_batch),
    _route("POST objects /{type}/batch/upsert", batches.upsert_batch),
    _route("POST objects /{type}/batch/archive", batches.archive_batch),
    _route("GET objects /{type}/{id}", objects.read_record),
    _route("PATCH objects /{type}/{id}", objects.update_record),
    _route("DELETE objects /{type}/{id}", objects.archive_record),
    _route("GET objects /{type}/{id}/associations/{to}", linking.read_links, "v4"),
    _route("PUT objects /{type}/{id}/associations/default/{to}/{to_id}", linking.create_default_link, "v4"),
    _route("PUT objects /{type}/{id}/associations/{to}/{to_id}", linking.create_link, "v4"),
    _route("DELETE objects /{type}/{id}/associations/{to}/{to_id}", linking.archive_link, "v4"),
    _route("POST associations /{type}/{to}/batch/read", linking.read_links_batch, "v4"),
    _route("POST associations /{type}/{to}/batch/create", linking.create_links_batch, "v4"),
    _route("POST associations /{type}/{to}/batch/associate/default", linking.create_default_links_batch, "v4"),
    _route("POST associations /{type}/{to}/batch/archive", linking.archive_links_batch, "v4"),
    _route("POST associations /{type}/{to}/batch/labels/archive", linking.archive_labels_batch, "v4"),
    _route("GET associations /{type}/{to}/labels", linking.list_labels, "v4"),
    _route("POST associations /{type}/{to}/labels", linking.create_label, "v4"),
    _route("PUT associations /{type}/{to}/labels", linking.update_label, "v4"),
    _route("DELETE associations /{type}/{to}/labels/{type_id}", linking.archive_label, "v4"),
    _route("GET objects /{type}/{id}/associations/{to}", linking_v3.read_links, has_dated=False),
    _route("PUT objects /{type}/{id}/associations/{to}/{to_id}/{name}", linking_v3.create_link, has_dated=False),
    _route("DELETE objects /{type}/{id}/associations/{to}/{to_id}/{name}", linking_v3.archive_link, has_dated=False),
    _route("POST associations /{type}/{to}/batch/read", linking_v3.read_links_batch, has_dated=False),
    _route("POST associations /{type}/{to}/batch/create", linking_v3.create_links_batch, has_dated=False),
    _route("POST associations /{type}/{to}/batch/archive", linking_v3.archive_links_batch, has_dated=False),
    _route("GET associations /{type}/{to}/types", linking_v3.list_types, has_dated=False),
    _route("GET properties /{type}/groups", defining.list_groups),
    _route("POST properties /{type}/groups", defining.create_group),
    _route("GET properties /{type}/groups/{name}", defining.read_group),
    _route("PATCH properties /{type}/groups/{name}", defining.update_group),
    _route("DELETE properties /{type}/groups/{name}", defining.archive_group),
    _route("POST properties /{type}/batch/read", defining.read_properties),
    _route("POST properties /{type}/batch/create", defining.create_properties),
    _route("POST properties /{type}/batch/archive", defining.archive_properties),
    _route("GET properties /{type}", defining.list_properties),
    _route("POST properties /{type}", defining.create_property),
    _route("GET properties /{type}/{name}", defining.read_property),
    _route("PATCH properties /{type}/{name}", defining.update_property),
    _route("DELETE properties /{type}/{name}", defining.archive_property),
    _route("GET owners /", account.list_owners),
    _route("GET owners /{id}", account.read_owner),
    _route("GET pipelines /{type}", account.pipelines),
    _route("GET pipelines /{type}/{id}", account.pipelines),
    _route("GET pipelines /{type}/{id}/audit", account.pipeline_audit),
    _route("GET pipelines /{type}/{id}/stages", account.pipeline_stages),
    _route("GET pipelines /{type}/{id}/stages/{stage}", account.pipeline_stages),
    _route("GET pipelines /{type}/{id}/stages/{stage}/audit", account.pipeline_audit),
    _route("GET limits /custom-properties", account.custom_property_limits),
    _route("GET account-info /details", account.details),
    _route("GET account-info /api-usage/daily/private-apps", account.daily_usage),
    _route("POST oauth /token", account.grant_token, "v1", "v3", is_open=True),
    _route("POST oauth /token/introspect", account.describe_token, "v3", is_open=True),
    _route("GET oauth /access-tokens/{token}", account.describe_token, "v1", is_open=True),
    _route("POST oauth /private-apps/get/access-token-info", account.describe_private_token, "v2", is_open=True),
    _route("GET calling /dispositions", account.dispositions, "v1"),
    _route("DELETE appinstalls /external-install", account.uninstall, "v3"),
]
_TABLE: dict[tuple[str, str], list[Route]] = {}
for _key, _made in _ALL:
    _TABLE.setdefault(_key, []).append(_made)


def find_route(method: str, path: str) -> tuple[Route, str, dict[str, str]] | None:
    """The route of a path, its version and what it matched; None where the vendor has no such path."""
    for pattern in (_CLASSIC, _DATED_CRM, _OTHERS):
        match = pattern.match(path)
        if match:
            version, rest = match["version"], (match["rest"] or "").rstrip("/")
            for route in _TABLE.get((method, match["family"]), ()):
                parts = route.pattern.match(rest)
                if parts and ((route.has_dated and version in DATES) or version in route.classic):
                    return route, version, parts.groupdict()
    return None
