"""A server between program and sandbox that can turn into the worst one there is: it answers with a page that quotes the whole call."""

from __future__ import annotations

import html
import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}

_GROWING = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11))
_ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
XML = {
    "bomb": f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "zq7zq7zq7zq7">{_GROWING}]>{_ENVELOPE.format("&a10;")}',
    "file": f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>{_ENVELOPE.format("<r>&a;</r>")}',
}


@dataclass
class Echo:
    """Which calls are answered by an echo, with which status and kind of body; the others go through.

    json and html quote the call, bytes as well but are no text; codes quotes it wherever a code, an id, a scope or a property is due, and rows does so
    for each row of a batch in an answer that is good as a whole; bomb is XML whose entities would grow to gigabytes; file is XML that asks for a file of this machine.
    """

    path: str
    status: int
    kind: str = "html"
    method: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behind: ClassVar[str] = ""
    echoes: ClassVar[list[Echo]] = []

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        for echo in self.echoes:
            if re.search(echo.path, self.path) and echo.method in ("", self.command):
                self._echo(echo, body)
                return
        address = urlsplit(self.behind)
        through = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            through.request(self.command, self.path, body or None, headers)
            answer = through.getresponse()
            data = answer.read()
            self._send(answer.status, data, [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP])
        finally:
            through.close()

    def _echo(self, echo: Echo, body: bytes) -> None:
        """All that we were sent, quoted in the answer: also in its headers."""
        heard = "\n".join(f"{name}: {value}" for name, value in self.headers.items()) + "\n" + body.decode("utf-8", "replace")
        if echo.kind == "json" and "/services/" in self.path:
            text, kind = json.dumps([{"errorCode": "SOMETHING_ODD", "message": f"What was that? {heard}"}]), "application/json"
        elif echo.kind == "json":
            about = {"category": "VALIDATION_ERROR", "correlationId": "c-1", "message": f"What was that? {heard}"}
            text, kind = json.dumps({"status": "error", **about}), "application/json"
        elif echo.kind in ("codes", "rows"):
            text, kind = (
                json.dumps(_in_place_of_names(heard, body, is_org="/services/" in self.path, by_row=echo.kind == "rows")),
                "application/json",
            )
        elif echo.kind in XML:
            text, kind = XML[echo.kind], "text/xml"
        else:
            text, kind = f"<html><body><h1>Trouble</h1><pre>{html.escape(heard)}</pre>{heard}</body></html>", "text/html"
        said = (self.headers.get("Authorization") or "").encode("ascii", "replace").decode()
        self._send(
            echo.status, text.encode(), [("Content-Type", kind), ("X-You-Said", said), ("WWW-Authenticate", f'Bearer realm="{said}"')]
        )

    def _send(self, status: int, data: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response_only(status)  # whoever answered has said already when that was
        for name, value in headers:
            self.send_header(name, value)
        if status != http.client.NO_CONTENT:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status != http.client.NO_CONTENT:
            self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer  # noqa: N815 - the names are the standard library's

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


def _in_place_of_names(heard: str, body: bytes, *, is_org: bool, by_row: bool) -> Any:
    """An error in the vendor's form, with what we were sent in every place where a name is due; or a batch whose rows all failed so."""
    if is_org:
        told = {"errorCode": heard, "statusCode": heard, "exceptionCode": {heard: heard}, "message": heard, "fields": [heard, [heard]]}
        rows = _json_of(body).get("records") or [{}]
        return [{"success": False, "id": heard, "errors": [told]} for _ in rows] if by_row else [told]
    context = {name: [heard, {heard: heard}] for name in ("requiredGranularScopes", "propertyName", "ids", "id", heard)}
    told = {"status": "error", "category": heard, "subCategory": [heard], "correlationId": heard, "message": heard, "context": context}
    told |= {"errors": [{"code": heard, "subCategory": heard, "message": heard, "in": heard, "context": context}], "links": {heard: heard}}
    if not by_row:
        return told
    inputs = _json_of(body).get("inputs") or [{}]
    errors = [told | {"context": {"objectWriteTraceId": [str(one.get("objectWriteTraceId"))], heard: [heard]}} for one in inputs]
    return {"status": "COMPLETE", "results": [], "numErrors": len(errors), "errors": errors}


def _json_of(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def echoing(behind: str) -> Iterator[tuple[str, list[Echo]]]:
    """The address of such a server, and the list of its echoes, which may be changed at any time."""
    echoes: list[Echo] = []
    handler = type("Handler", (_Handler,), {"behind": behind, "echoes": echoes})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", echoes
        finally:
            server.shutdown()
            thread.join()
