"""The whole sandbox as one ASGI application: the vendor's paths, its own, and the person's pages."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from sandbox.admin import admin_routes
from sandbox.calls import CallLog
from sandbox.faults import Faults
from sandbox.gate import Gate, Receive, Scope, Send, http_date
from sandbox.hubspot.portal import Portal

VENDOR_PATHS = ("/crm/", "/account-info/", "/oauth/", "/calling/", "/appinstalls/", "/email/")


class SandboxApp:
    """Sends each call to the vendor's side or to the pages, and stamps every answer with the sandbox's time."""

    def __init__(self, portal: Portal, calls: CallLog, faults: Faults, drop: Callable[[Scope], None], pages: list[BaseRoute]) -> None:
        self._portal = portal
        self._gate = Gate(portal, calls, faults, drop)
        self._pages = Starlette(routes=[*admin_routes(portal, calls, faults), *pages])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
        elif scope["path"].startswith(VENDOR_PATHS):
            await self._gate(scope, receive, send)
        else:

            async def stamp(message: Scope) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], (b"date", http_date(self._portal))]
                await send(message)

            await self._pages(scope, receive, stamp)
