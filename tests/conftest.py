"""What all tests share: the option for a real portal, and the place of the reference data that may be absent."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No test is timed: the machine may be busy. In CI the same examples come every time, so that a failure is a change's doing.
settings.register_profile("project", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "project")

# As in flows/__init__.py, for tests that load numpy before it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

SHARED = Path(__file__).parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--live`` lets the conformance suite run against the real portal that the environment names; ``--slow`` runs the long forms too."""
    parser.addoption("--live", action="store_true", default=False, help="also run against the real CRM named by the environment")
    parser.addoption("--slow", action="store_true", default=False, help="also run what takes long, as `make slow` does")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long is left to ``make slow``."""
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="takes long: make slow"))


@pytest.fixture(scope="session")
def enron() -> Path:
    """The folder of the public mail log; the test skips where it is not there."""
    folder = SHARED / "real" / "enron"
    if not folder.is_dir():
        pytest.skip("the public mail log (shared/real/enron) is not beside the project")
    return folder
