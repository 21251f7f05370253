"""The whole sandbox as one ASGI application: the vendors' paths behind one gate, its own, and the person's pages."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from sandbox.clock import Clock
from sandbox.gate import Gate, Receive, Scope, Send, http_date


class SandboxApp:
    """Sends each call to a vendor's side or to the pages, and stamps every answer with the sandbox's time."""

    def __init__(self, gate: Gate, clock: Clock, pages: list[BaseRoute]) -> None:
        self._gate = gate
        self._clock = clock
        self._pages = Starlette(routes=pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
        elif self._gate.door(scope["path"]) is not None:
            await self._gate(scope, receive, send)
        else:

            async def stamp(message: Scope) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], (b"date", http_date(self._clock))]
                await send(message)

            await self._pages(scope, receive, stamp)
