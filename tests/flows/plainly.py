"""Flows run as plain functions, for tests of what they do. That Prefect sees them is tested once, in a process of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Plain:
    """A place to run flows that asks no server: the flow's body is called."""

    def __init__(self) -> None:
        self.stopping = threading.Event()

    def run(self, flow: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run the body of a flow."""
        return flow.fn(*args, **kwargs)  # type: ignore[attr-defined]  # a flow has it


@contextmanager
def plainly(_home: Path) -> Iterator[Plain]:
    """What ``flows.orchestration.runtime`` is to a command, without Prefect's server."""
    yield Plain()
