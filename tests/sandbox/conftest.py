"""A sandbox for each test that asks for one, and a small client that is not HubSpot's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
import requests
from requests.adapters import HTTPAdapter

from sandbox.running import Sandbox, SandboxOptions, run_sandbox
from sandbox.salesforce.options import OrgOptions


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


DATA = "/services/data/v64.0"


class OrgApi:
    """Calls the Salesforce side of a sandbox over HTTP, with a session of its integration user."""

    def __init__(self, sandbox: Sandbox, http: httpx.Client) -> None:
        self.sandbox = sandbox
        self.http = http
        self.org = sandbox.org
        self.session = sandbox.sessions.begin(sandbox.org.integration_id)
        http.headers["Authorization"] = f"Bearer {self.session.id}"

    def __call__(self, method: str, path: str, body: Any = None, **params: Any) -> httpx.Response:
        """One call below the data of the newest version, or anywhere below ``/services``; ``body`` goes as JSON."""
        whole = path if path.startswith(("/services", "/id/")) else f"{DATA}/{path}"
        return self.http.request(method, whole, json=body, params=params or None)

    def create(self, kind: str, **values: Any) -> str:
        """Make a record and give its id."""
        answer = self("POST", f"sobjects/{kind}", values)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def query(self, soql: str) -> list[dict[str, Any]]:
        """The rows of a query that fits on one page, without their attributes."""
        answer = self("GET", "query", q=soql)
        assert answer.status_code == 200, answer.text
        return [{name: value for name, value in row.items() if name != "attributes"} for row in answer.json()["records"]]


StartOrg = Callable[..., OrgApi]


@pytest.fixture
def start_org() -> Iterator[StartOrg]:
    """Starts sandboxes for their Salesforce side; options are those of the org, and those of the sandbox by ``sandbox``."""
    with ExitStack() as stack:

        def begin(*, sandbox: dict[str, Any] | None = None, **org: Any) -> OrgApi:
            options = SandboxOptions(org=OrgOptions(**org), **(sandbox or {}))
            running = stack.enter_context(run_sandbox(options=options))
            # Without verify=False every client reads the machine's certificates, which takes longer than the test.
            http = stack.enter_context(httpx.Client(base_url=running.base_url, timeout=10, verify=False))  # noqa: S501 - loopback, without TLS
            return OrgApi(running, http)

        yield begin


@pytest.fixture
def org(start_org: StartOrg) -> OrgApi:
    """An org without customers, with default options."""
    return start_org()


class ToSandbox(HTTPAdapter):
    """Leads calls to any https address to the sandbox, under the name that they were meant for."""

    def __init__(self, base_url: str) -> None:
        self._base = urlsplit(base_url)
        super().__init__()

    def send(self, request: Any, *args: Any, **more: Any) -> requests.Response:
        """Send to the sandbox what was meant for Salesforce."""
        meant = urlsplit(request.url)
        request.headers["Host"] = meant.netloc
        request.url = urlunsplit((self._base.scheme, self._base.netloc, meant.path, meant.query, ""))
        more["proxies"] = {}
        return super().send(request, *args, **more)


@pytest.fixture
def https() -> Iterator[Callable[[OrgApi], requests.Session]]:
    """Makes sessions that Salesforce's Python client can be given: all their https calls reach the sandbox."""
    with ExitStack() as stack:

        def begin(api: OrgApi) -> requests.Session:
            session = stack.enter_context(requests.Session())
            session.trust_env = False
            session.mount("https://", ToSandbox(api.sandbox.base_url))
            return session

        yield begin
