"""Starts and stops a sandbox: in a thread of this process for tests and the demo, or blocking for the command line."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.admin import admin_routes
from sandbox.app import SandboxApp
from sandbox.calls import CallLog
from sandbox.clock import Clock
from sandbox.faults import Faults, read_rules
from sandbox.gate import Gate, Scope
from sandbox.hubspot.door import HubSpotDoor
from sandbox.hubspot.portal import Portal
from sandbox.loader import LoadReport, Tables, last_moment, load_tables
from sandbox.options import SandboxOptions
from sandbox.pages import page_routes
from sandbox.salesforce.door import SalesforceDoor
from sandbox.salesforce.loading import load_org
from sandbox.salesforce.org import Org
from sandbox.salesforce.signing_in import Sessions

__all__ = ["Sandbox", "SandboxOptions", "Tables", "World", "make_portal", "make_vendors", "run_sandbox"]

DEFAULT_NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
START_S, STOP_S, GRACE_S, TICK_S = 20.0, 5.0, 1.0, 0.02


class World(Protocol):
    """Made customers: canonical frames, and what only the vendor would know beside them."""

    @property
    def contacts(self) -> Any: ...  # noqa: D102 - the canonical tables, see transforms.vocabulary.tables
    @property
    def companies(self) -> Any: ...  # noqa: D102 - the same
    @property
    def activities(self) -> Any: ...  # noqa: D102 - the same
    @property
    def owners(self) -> Any: ...  # noqa: D102 - the same


class Connections:
    """The open connections of a server, so that one can be broken off."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[H11Protocol]:
        """A protocol class that reports its connections here."""
        held = self._open

        class Reported(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the parent declares it
                super().connection_made(transport)
                if self.client:
                    held[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client:
                    held.pop(self.client, None)
                super().connection_lost(exc)

        return Reported

    def drop(self, scope: Scope) -> None:
        """Break off the connection over which a call came."""
        transport = self._open.get(tuple(scope["client"]))
        if transport is not None:
            transport.abort()


class Server(uvicorn.Server):
    """uvicorn's server, but one that notices sooner that it is to stop: tests start and stop hundreds of them."""

    async def main_loop(self) -> None:
        """Wait until told to stop."""
        while not self.should_exit:  # noqa: ASYNC110 - uvicorn's signal handlers set a flag, not an event
            await asyncio.sleep(TICK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let what is under way finish, but for no longer than ``GRACE_S``."""
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        waited = 0.0
        while self.server_state.connections and waited < GRACE_S:
            await asyncio.sleep(TICK_S / 4)
            waited += TICK_S / 4
        for task in list(self.server_state.tasks):
            task.cancel()


@dataclass
class Sandbox:
    """A sandbox that answers: where, with which token, and everything one may look at or change from outside.

    ``report`` tells what became of the tables that were put into the portal, ``org_report`` of those put into the org.
    """

    base_url: str
    token: str
    portal: Portal
    org: Org
    sessions: Sessions
    calls: CallLog
    clock: Clock
    faults: Faults
    report: LoadReport | None
    org_report: LoadReport | None = None


@dataclass(frozen=True)
class Vendors:
    """Both CRMs behind one gate, on one clock, and what was put into them."""

    portal: Portal
    org: Org
    report: LoadReport | None = None
    org_report: LoadReport | None = None


def make_vendors(
    options: SandboxOptions,
    *,
    world: World | None = None,
    salesforce: World | None = None,
    portal: Portal | None = None,
    org: Org | None = None,
) -> Vendors:
    """A portal filled from ``world`` and an org filled from ``salesforce``. One that is given is taken as it is, and lends its clock.

    Raises BadInput where a table is wrong, ValueError where the portal and the org given do not share a clock.
    """
    if portal is not None and org is not None and portal.clock is not org.clock:
        raise ValueError("a portal and an org of one sandbox share one clock")
    tables, others = (None if given is None else _tables(given) for given in (world, salesforce))
    last = [moment for one in (tables, others) if one is not None and (moment := last_moment(one)) is not None]
    clock = portal.clock if portal is not None else org.clock if org is not None else None
    clock = clock or Clock(options.now or max(last, default=DEFAULT_NOW), frozen=options.frozen)
    report = org_report = None
    if portal is None:
        portal = Portal(options, clock)
        report = None if tables is None else load_tables(portal, tables)
    if org is None:
        org = Org(options, clock)
        org_report = None if others is None else load_org(org, others)
    if tables is not None or others is not None:
        # The frames took as much room as the records do; give it back.
        del tables, others
        gc.collect()
        pa.default_memory_pool().release_unused()
    return Vendors(portal, org, report, org_report)


def make_portal(options: SandboxOptions, *, world: World | None = None) -> tuple[Portal, LoadReport | None]:
    """A portal with its clock, filled from the canonical frames of ``world``. Raises BadInput where one is wrong."""
    made = make_vendors(options, world=world)
    return made.portal, made.report


def _tables(world: World) -> Tables:
    return Tables(world.contacts, world.activities, world.companies, world.owners, getattr(world, "extras", None))


def make_faults(options: SandboxOptions) -> Faults:
    """The faults of the options' file, or none. Raises BadInput where the file is wrong."""
    if options.faults is None:
        return Faults(options.seed)
    seed, rules = read_rules(Path(options.faults))
    return Faults(options.seed if seed is None else seed, rules)


def make_server(vendors: Vendors, calls: CallLog, faults: Faults) -> tuple[uvicorn.Server, Sessions]:
    """The server of a sandbox, not yet listening; and the sessions of its org."""
    portal, org = vendors.portal, vendors.org
    connections = Connections()
    door = SalesforceDoor(org)
    gate = Gate([HubSpotDoor(portal), door], portal.options, portal.clock, calls, faults, connections.drop)
    app = SandboxApp(gate, portal.clock, [*admin_routes(portal, org, calls, faults), *page_routes(portal, org)])
    config = uvicorn.Config(
        app,
        http=connections.protocol(),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    return Server(config), door.sessions


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on a loopback address. OSError where the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns off Nagle's algorithm on each connection; without, every answer waits 40 ms.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        # Whoever is told the address may call before the server takes its first call; that call waits instead of being refused.
        made.listen()
    except OSError:
        made.close()
        raise
    return made


@contextmanager
def run_sandbox(
    portal: Portal | None = None,
    *,
    world: World | None = None,
    salesforce: World | None = None,
    org: Org | None = None,
    options: SandboxOptions | None = None,
    port: int = 0,
) -> Iterator[Sandbox]:
    """A sandbox in a thread of this process, on a free loopback port, stopped at the end of the block.

    ``portal`` and ``org`` are served as they are; else the one is made of ``world`` and the other of ``salesforce``.
    """
    given = portal.options if portal is not None else org.options if org is not None else SandboxOptions()
    options = options or given
    vendors = make_vendors(options, world=world, salesforce=salesforce, portal=portal, org=org)
    calls, faults = CallLog(options.keep_bodies), make_faults(options)
    server, sessions = make_server(vendors, calls, faults)
    with listen(options.host, port) as sock:
        bound = sock.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name=f"sandbox-{bound}", daemon=True)
        thread.start()
        _await(server, thread)
        try:
            yield Sandbox(
                f"http://{options.host}:{bound}",
                options.token,
                vendors.portal,
                vendors.org,
                sessions,
                calls,
                vendors.portal.clock,
                faults,
                vendors.report,
                vendors.org_report,
            )
        finally:
            server.should_exit = True
            thread.join(STOP_S)
            if thread.is_alive():
                server.force_exit = True
                thread.join(STOP_S)


def _await(server: uvicorn.Server, thread: threading.Thread) -> None:
    started = threading.Event()
    waited = 0.0
    while not server.started:
        if not thread.is_alive() or waited > START_S:
            raise RuntimeError("the sandbox's server did not start")
        started.wait(0.01)
        waited += 0.01
