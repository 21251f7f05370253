"""A server on loopback that answers with exactly the bytes it is given: what no well-behaved server sends, a connector must bear too."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A call as it came."""

    method: str
    path: str
    body: bytes

    def json(self) -> Any:
        """Its body, read as JSON."""
        return json.loads(self.body)


Answerer = Callable[[Seen], bytes]


@dataclass
class Scripted:
    """The server: calls are answered by ``script``, one after the other, the last one again and again; those to ``signing_in`` with a session."""

    base_url: str
    script: list[bytes | Answerer] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def tell(self, *answers: bytes | Answerer) -> None:
        """Answer with these from now on."""
        self.script[:] = answers
        self.seen.clear()

    def answer(self, call: Seen) -> bytes:
        """The bytes for a call."""
        if call.path.startswith("/services/oauth2/token"):
            return reply(200, {"access_token": "s1", "instance_url": "https://acme.my.salesforce.com"})
        self.seen.append(call)
        one = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return one if isinstance(one, bytes) else one(call)


def reply(status: int, body: Any = b"", *, length: int | None = None, **headers: str) -> bytes:
    """An answer: ``body`` as bytes, or as what is to be JSON. ``length`` is the Content-Length that it claims."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"Content-Type": "application/json", "Content-Length": str(len(content) if length is None else length), "Connection": "close"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status} Told\r\n{head}\r\n".encode() + content


@contextmanager
def scripted_server() -> Iterator[Scripted]:
    """A server that runs while the block does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Scripted(f"http://127.0.0.1:{listener.getsockname()[1]}", [reply(500)])
        threading.Thread(target=_serve, args=(listener, server), daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, server: Scripted) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # the block has ended
        with connection:
            call = _read(connection)
            if call is not None:
                connection.sendall(server.answer(call))


def _read(connection: socket.socket) -> Seen | None:
    text = b""
    while b"\r\n\r\n" not in text:
        more = connection.recv(65_536)
        if not more:
            return None
        text += more
    head, _, body = text.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length") or 0):
        body += connection.recv(65_536)
    method, path, _ = first.split(" ", 2)
    return Seen(method, path, body)
