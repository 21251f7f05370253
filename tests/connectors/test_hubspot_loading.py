"""Full loads shared among threads: ranges cover all ids exactly once, and a list that is not what we expect is still read whole."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot import HubSpot, Manner
from connectors.hubspot.cursors import END, Load, Standing, Window
from connectors.hubspot.paths import Paths
from connectors.sending import Patience
from transforms.vocabulary.errors import BadInput


@given(st.lists(st.tuples(st.integers(0, 1_000), st.integers(1, 200)), max_size=30))
def test_what_is_left_is_what_was_not_done(done: list[tuple[int, int]]) -> None:
    """Whatever ranges are handed on, in whatever order, exactly the other ids are left."""
    load = Load()
    for first, length in done:
        load.done(first, first + length)
    left = {one for low, high in load.left for one in range(low, min(high, 1_300))}
    assert left == set(range(1_300)) - {one for first, length in done for one in range(first, first + length)}
    assert load.left[-1][1] == END


def test_a_cursor_survives_being_text() -> None:
    """What is written is what is read; a stream that the cursor does not know begins with a full load."""
    standing = Standing.fresh("activities", 5)
    standing.states["emails"] = Window(1, 2, 3, 4, at_ms=6, after_id=7, archived_ms=5)
    assert Standing.parse("activities", standing.text()) == standing
    data = json.loads(standing.text())
    del data["streams"]["calls"]
    assert Standing.parse("activities", json.dumps(data)).states["calls"] == Load()
    with pytest.raises(BadInput, match="contacts"):
        Standing.parse("contacts", standing.text())


def test_addresses_of_both_generations() -> None:
    """Numbered paths today, dated ones by a setting."""
    old, new = Paths(), Paths("2026-09")
    assert (old.objects("contacts", "search"), new.objects("contacts", "search")) == (
        "/crm/v3/objects/contacts/search",
        "/crm/objects/2026-09/contacts/search",
    )
    assert old.associations("emails", "contacts", "read") == "/crm/v4/associations/emails/contacts/batch/read"
    assert new.associations("emails", "contacts", "read") == "/crm/associations/2026-09/emails/contacts/batch/read"
    assert (old.account(), new.account()) == ("/account-info/v3/details", "/account-info/2026-09/details")
    assert (old.owners(), new.owners()) == ("/crm/v3/owners", "/crm/owners/2026-09")
    assert old.properties("contacts", "groups", "g") == "/crm/v3/properties/contacts/groups/g"
    assert (old.usage(), new.usage()) == (
        "/account-info/v3/api-usage/daily/private-apps",
        "/account-info/2026-09/api-usage/daily/private-apps",
    )
    assert new.pipelines("tickets") == "/crm/pipelines/2026-09/tickets"


class OddHubSpot(BaseHTTPRequestHandler):
    """A server that keeps HubSpot's contract to the letter and nothing that it does only today: tokens that are no ids, ids in no order."""

    protocol_version = "HTTP/1.1"
    ids: tuple[int, ...] = ()
    is_opaque = True
    turns_odd_after = 0
    pages_sent = 0

    def do_POST(self) -> None:
        """Search: how many there are, and the greatest id."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"total": len(self.ids), "results": [{"id": str(max(self.ids)), "properties": {}}]})

    def do_GET(self) -> None:
        """List: a hundred a page."""
        cls = type(self)
        after = parse_qs(urlsplit(self.path).query).get("after", [""])[0]
        cls.pages_sent += 1
        if cls.is_opaque or cls.pages_sent > cls.turns_odd_after:
            start = int(after[4:]) if after.startswith("tok-") else 0
            token = f"tok-{start + 100}"
        else:
            start = next((n for n, one in enumerate(self.ids) if one >= int(after or 0)), len(self.ids))
            token = str(self.ids[start + 100]) if start + 100 < len(self.ids) else ""
        part = self.ids[start : start + 100]
        body: dict[str, Any] = {"results": [{"id": str(one), "properties": {"lastmodifieddate": "2020-01-01T00:00:00Z"}} for one in part]}
        if start + 100 < len(self.ids):
            body["paging"] = {"next": {"after": token}}
        self._answer(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-HubSpot-RateLimit-Max", "100000")
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture(params=["opaque from the start", "opaque later on"])
def odd(request: pytest.FixtureRequest) -> Iterator[tuple[str, type[OddHubSpot]]]:
    """Such a server, with 1,230 contacts."""
    is_opaque = request.param == "opaque from the start"
    ids = tuple(range(5_000, 1_310, -3)) if is_opaque else tuple(range(1_000, 4_690, 3))
    handler = type("Odd", (OddHubSpot,), {"ids": ids, "is_opaque": is_opaque, "turns_odd_after": 5, "pages_sent": 0})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_list_that_is_not_in_the_order_of_ids_is_read_whole(odd: tuple[str, type[OddHubSpot]]) -> None:
    """Where tokens are no ids, the stream is read with one token after the other; nothing is missing."""
    url, handler = odd
    crm = HubSpot("token", url, manner=Manner(threads=4, answers_a_page=1, patience=Patience(first_wait_s=0.01)))
    found: list[str] = []
    for page in crm.pages("contacts", None):
        found += page.rows["contact_id"].tolist()
    crm.close()
    assert {int(one) for one in found} == set(handler.ids)
