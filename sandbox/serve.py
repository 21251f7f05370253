"""The sandbox as a program of its own: blocks until it is stopped. It prints nothing; the caller gets the addresses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.calls import CallLog
from sandbox.loader import LoadReport
from sandbox.options import SandboxOptions
from sandbox.running import World, listen, make_faults, make_server, make_vendors
from transforms.vocabulary.errors import BadSettings


@dataclass(frozen=True)
class Addresses:
    """Where a sandbox answers, and the token that opens it."""

    base_url: str
    admin_url: str
    pages_url: str
    token: str
    report: LoadReport | None
    org_report: LoadReport | None = None


def serve(
    options: SandboxOptions,
    port: int,
    *,
    world: World | None = None,
    salesforce: World | None = None,
    ready: Callable[[Addresses], None] | None = None,
) -> None:
    """Serve a sandbox on ``port`` (0: any free one) until SIGINT or SIGTERM. ``ready`` is called with the addresses just before.

    Raises BadInput for wrong files and BadSettings where the port is taken.
    """
    vendors = make_vendors(options, world=world, salesforce=salesforce)
    server, _ = make_server(vendors, CallLog(options.keep_bodies), make_faults(options))
    try:
        sock = listen(options.host, port)
    except OSError as fault:
        raise BadSettings(f"The sandbox cannot listen on {options.host}:{port} ({fault.strerror}); choose another port.") from None
    with sock:
        url = f"http://{options.host}:{sock.getsockname()[1]}"
        if ready is not None:
            ready(Addresses(url, f"{url}/_sandbox/state", f"{url}/contacts", options.token, vendors.report, vendors.org_report))
        server.run(sockets=[sock])
