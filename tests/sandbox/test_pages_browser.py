"""The pages in a real browser: they fit a desk and a phone. Skipped where there is no Chromium."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from sandbox.running import run_sandbox
from sandbox.salesforce.ids import make_id
from sandbox.world import WorldOptions, make_world, part_world

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0"),
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


class Browser:
    """A tab that is told what to do over Chromium's debugging protocol."""

    def __init__(self, address: str) -> None:
        self._socket = connect(address, max_size=None)
        self._count = 0

    def tell(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result."""
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=20))
            if answer.get("id") == self._count:
                return dict(answer["result"])

    def open(self, url: str, width: int) -> None:
        """Show an address in a window of that width and wait until it is there."""
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.tell("Page.navigate", url=url)
        for _ in range(200):
            if self.value("document.readyState === 'complete' && location.href !== 'about:blank'"):
                return
            time.sleep(0.05)
        raise AssertionError(f"{url} did not load")

    def value(self, script: str) -> Any:
        """What a script evaluates to."""
        return self.tell("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def picture(self, path: Path) -> None:
        """Keep what is seen, down to the end of the page."""
        shot = self.tell("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """Let go of the tab."""
        self._socket.close()


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    """The address of a small sandbox with both CRMs."""
    world = make_world(WorldOptions(contacts=60, companies=10, activities_per_contact=20))
    with run_sandbox(world=world, salesforce=part_world(world).salesforce) as sandbox:
        yield sandbox.base_url


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One tab of a fresh browser that is ended after the tests."""
    home = tmp_path_factory.mktemp("chromium")
    process = subprocess.Popen(  # noqa: S603 - the browser of this machine, with fixed flags
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={home}", "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        port_file = home / "DevToolsActivePort"
        for _ in range(400):
            if port_file.exists() and len(port_file.read_text().splitlines()) > 1:
                break
            time.sleep(0.05)
        port = port_file.read_text().splitlines()[0]
        tabs = _read(f"http://127.0.0.1:{port}/json/list")
        tab = Browser(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
        yield tab
        tab.close()
    finally:
        process.terminate()
        process.wait(10)


def _read(url: str) -> list[dict[str, Any]]:
    import urllib3  # noqa: PLC0415 - only this test asks the browser for its tabs

    with urllib3.PoolManager() as pool:
        return list(pool.request("GET", url).json())


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    "path",
    [
        *("/contacts", "/contacts/1002", "/companies/52000004", "/lightning/o/Contact/list"),
        *(f"/lightning/r/Contact/{make_id('003', 5001)}/view", f"/lightning/r/Account/{make_id('001', 1001)}/view"),
    ],
)
def test_a_page_fits_its_window(browser: Browser, pages: str, path: str, width: int) -> None:
    """Nothing runs out of the window, at a desk and on a phone, and the page's own style is applied."""
    browser.open(pages + path, width)
    if os.environ.get("STILLTHERE_PICTURES"):
        browser.picture(Path(os.environ["STILLTHERE_PICTURES"]) / f"{path.strip('/').replace('/', '-')}-{width}.png")
    assert browser.value("document.title.startsWith('Not found')") is False
    assert browser.value("document.documentElement.scrollWidth") == width
    assert browser.value("getComputedStyle(document.querySelector('.bar')).display") == "flex"


def test_a_message_unfolds(browser: Browser, pages: str) -> None:
    """The body of a message is folded away, and a click shows it."""
    browser.open(f"{pages}/contacts/1002", 1280)
    body = "document.querySelector('.item details .text').checkVisibility()"
    assert browser.value(body) is False
    browser.value("document.querySelector('.item details summary').click()")
    assert browser.value(body) is True
