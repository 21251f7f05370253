"""What all tests share: the option for a real portal, and the place of the reference data that may be absent."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--live`` lets the conformance suite run against the real portal that the environment names."""
    parser.addoption("--live", action="store_true", default=False, help="also run against the real CRM named by the environment")


@pytest.fixture(scope="session")
def enron() -> Path:
    """The folder of the public mail log; the test skips where it is not there."""
    folder = SHARED / "real" / "enron"
    if not folder.is_dir():
        pytest.skip("the public mail log (shared/real/enron) is not beside the project")
    return folder
