"""A sandbox for each test that asks for one, and a small client that is not HubSpot's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from sandbox.running import Sandbox, SandboxOptions, run_sandbox


class Api:
    """Calls a sandbox over HTTP, with its token."""

    def __init__(self, sandbox: Sandbox, http: httpx.Client) -> None:
        self.sandbox = sandbox
        self.http = http

    def __call__(self, method: str, path: str, body: Any = None, **params: Any) -> httpx.Response:
        """One call; ``body`` goes as JSON."""
        return self.http.request(method, path, json=body, params=params or None)

    def create(self, kind: str, **properties: Any) -> str:
        """Make a record and give its id."""
        answer = self("POST", f"/crm/v3/objects/{kind}", {"properties": properties})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def search(self, kind: str, *filters: dict[str, Any], **more: Any) -> httpx.Response:
        """One search of one filter group."""
        return self("POST", f"/crm/v3/objects/{kind}/search", {"filterGroups": [{"filters": list(filters)}], **more})


Start = Callable[..., Api]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts sandboxes with the options given, and stops them after the test. Search knows everything at once unless told otherwise."""
    with ExitStack() as stack:

        def begin(*, world: Any = None, **options: Any) -> Api:
            given = SandboxOptions(**{"index_lag": (0.0, 0.0), **options})
            sandbox = stack.enter_context(run_sandbox(world=world, options=given))
            headers = {"Authorization": f"Bearer {sandbox.token}"}
            # Without verify=False every client reads the machine's certificates, which takes longer than the test.
            http = stack.enter_context(httpx.Client(base_url=sandbox.base_url, headers=headers, timeout=10, verify=False))  # noqa: S501 - loopback, without TLS
            return Api(sandbox, http)

        yield begin


@pytest.fixture
def api(start: Start) -> Api:
    """An empty portal with default options."""
    return start()
