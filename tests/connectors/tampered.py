"""A sandbox behind a server on loopback that changes its answers: what the vendors send besides what the sandbox does, a connector must bear too."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Change = Callable[[str, Any], Any]
"""Given the method and path of a call and its answer's JSON: the JSON to answer with."""

Texts = Callable[[str, str, dict[str, str]], str]
"""The same for an answer in CSV. It may change the headers as well."""


class Tampered:
    """The server: ``change`` is applied to answers in JSON, ``texts`` to those in CSV."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.change: Change = lambda _call, body: body
        self.texts: Texts = lambda _call, text, _headers: text

    def tell(self, change: Change | None = None, texts: Texts | None = None) -> None:
        """Answer with these changes from now on."""
        self.change = change or (lambda _call, body: body)
        self.texts = texts or (lambda _call, text, _headers: text)


@contextmanager
def tampered_server(base_url: str) -> Iterator[Tampered]:
    """A server before that one, which runs while the block does."""
    behind = urlsplit(base_url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given = {name: value for name, value in self.headers.items() if name.lower() not in ("accept-encoding", "connection")}
            connection = http.client.HTTPConnection(behind.hostname or "", behind.port or 0, timeout=10)
            connection.request(self.command, self.path, body or None, given)
            answer = connection.getresponse()
            content, headers = answer.read(), dict(answer.getheaders())
            connection.close()
            call, kind = f"{self.command} {self.path}", headers.get("Content-Type") or headers.get("content-type") or ""
            if content and "json" in kind:
                content = json.dumps(server.change(call, json.loads(content))).encode()
            elif "csv" in kind:
                content = server.texts(call, content.decode(), headers).encode()
            self.send_response(answer.status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "content-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _pass_on  # noqa: N815 - the names that http.server calls

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        server = Tampered(f"http://127.0.0.1:{running.server_address[1]}")
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        running.shutdown()
        thread.join()
