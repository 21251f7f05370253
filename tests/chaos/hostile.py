"""A hostile loopback proxy: it drops, delays, doubles and cuts what passes through it, and answers in place of the server.

What becomes of a call is decided by the seed, the call's method and path, and how often that path was called before: the same seed
brings the same faults to the same calls, in whatever order threads make them.
"""

from __future__ import annotations

import http.client
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

PAGE = b"<!DOCTYPE html><html><head><title>Just a moment</title></head><body><h1>Something in between</h1></body></html>"
PASS = "pass"  # noqa: S105 - what is done with a call, not a secret
KINDS = {
    "slow": 3.0,
    "drop_before": 3.0,
    "drop_after": 4.0,
    "cut": 2.0,
    "truncated": 2.0,
    "short_by_a_few": 2.0,
    "empty": 2.0,
    "twice": 4.0,
    "late": 2.0,
    "too_many": 2.0,
    "error_before": 2.0,
    "error_after": 3.0,
    "page_before": 2.0,
    "page_after": 2.0,
    "delivered_late": 1.0,
}
"""What the proxy does, and how often in proportion. ``_before``: nothing was done; ``_after``: the server has done it all the same.

``delivered_late``: the connection breaks at once, and the call reaches the server only then, perhaps after it was sent again.
"""

ERRORS = (500, 502, 503, 504)
HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection"})


@dataclass(frozen=True)
class Passed:
    """One call that came by: the how manieth, what was asked, and what was done with it."""

    number: int
    method: str
    path: str
    done: str


class Hostile:
    """A proxy before the server at ``target``. ``share`` of the calls meet a fault; ``on_call`` is told the number of each, before it passes."""

    def __init__(self, target: str, seed: int, share: float) -> None:
        self.seed = seed
        self.share = share
        self.passed: list[Passed] = []
        self.on_call: Callable[[int], None] = lambda _number: None
        self._target = urlsplit(target)
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        self._under_way: list[threading.Timer] = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def decide(self, method: str, path: str) -> tuple[str, random.Random]:
        """What is done with a call, and where all that is random about it comes from."""
        place = re.sub(r"[0-9A-Za-z]{15,18}|\d{3,}", "#", path.partition("?")[0])
        with self._lock:
            self._seen[f"{method} {place}"] += 1
            draw = random.Random(f"{self.seed} {method} {place} {self._seen[f'{method} {place}']}")
            done = draw.choices(list(KINDS), list(KINDS.values()))[0] if draw.random() < self.share else PASS
            self.passed.append(Passed(len(self.passed) + 1, method, path, done))
            number = len(self.passed)
        self.on_call(number)
        return done, draw

    def forward(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Hand a call on; status, headers and body of the answer."""
        connection = http.client.HTTPConnection(self._target.hostname or "", self._target.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                if name.lower() not in HOP and name.lower() != "content-length":
                    connection.putheader(name, value)
            if body or method not in {"GET", "HEAD", "DELETE"}:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def deliver_later(self, seconds: float, *call: Any) -> None:
        """Hand a call on so many seconds from now."""
        timer = threading.Timer(seconds, self.deliver, call)
        with self._lock:
            self._under_way.append(timer)
        timer.start()

    def settle(self) -> None:
        """Wait until every call that was to be delivered late has arrived."""
        with self._lock:
            waiting, self._under_way = self._under_way, []
        for timer in waiting:
            timer.join()

    def deliver(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> None:
        """Hand a call on whose answer nobody waits for. Where the server is gone by now, nothing is lost."""
        with suppress(OSError, http.client.HTTPException):
            self.forward(method, path, headers, body)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(_Handler):
            hostile = proxy

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed breaks its connections; that is what is being tried."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hostile: Hostile

    def log_message(self, *_told: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._pass()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815 - names that the standard library looks for

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        done, draw = self.hostile.decide(self.command, self.path)
        sent = (self.command, self.path, self.headers.items(), body)
        if done == "slow":
            time.sleep(draw.uniform(0.05, 0.5))
        if done == "delivered_late":
            self.hostile.deliver_later(draw.uniform(0.1, 2), *sent)
        elif not done.endswith("_before") and done != "too_many":
            status, headers, answer = self.hostile.forward(*sent)
            if done == "twice":
                again = self.hostile.forward(*sent)
                status, headers, answer = again if draw.random() < 0.5 else (status, headers, answer)
        if done == "late":
            time.sleep(draw.uniform(0.5, 1.5))
        if done.startswith("drop") or done == "delivered_late":
            self._drop()
        elif done == "too_many":
            self._answer(429, [("Retry-After", "1")], b'{"message":"slow down"}')
        elif done.startswith(("error", "page")):
            self._answer(draw.choice(ERRORS) if done.startswith("error") else 200, [("Content-Type", "text/html")], PAGE)
        else:
            kept = {"empty": 0, "truncated": draw.randrange(len(answer) or 1), "short_by_a_few": max(len(answer) - draw.randint(1, 4), 0)}
            self._answer(status, headers, answer[: kept.get(done, len(answer))], cut=len(answer) // 2 if done == "cut" else None)

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, *, cut: int | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP and name.lower() != "content-length":
                self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if cut is None else body[:cut])
        self.wfile.flush()
        if cut is not None:
            self._drop()

    def _drop(self) -> None:
        """Break the connection off, as a network does: with a reset."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
