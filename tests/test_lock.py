"""The offline review of the lock finds what it is there to find, and the lock as committed passes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from docs import dependencies
from docs.dependencies import Line, check_reviewed, check_wanted, read_lock, read_page, to_page

ROOT = Path(__file__).parents[1]


def test_the_committed_lock_is_sound_and_reviewed(capsys: pytest.CaptureFixture[str]) -> None:
    """Every line pins one package that the project needs, in the version and under the licence that were reviewed, and that is installed."""
    assert (dependencies.main([]), capsys.readouterr().out.count("\n")) == (0, 1)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("requests>=2", "only `name==version` may stand there"),
        ("requests", "only `name==version` may stand there"),
        ("requests @ https://files.example/requests.whl", "only `name==version` may stand there"),
        ("--index-url https://mirror.example/simple", "only `name==version` may stand there"),
        ("requests==2.34.2 ; python_version < '3.12'", "only `name==version` may stand there"),
        ("Requests==2.34.2", "only `name==version` may stand there"),
        ("attrs==26.1.0", "locked twice"),
        ("aaa==1", "not sorted"),
    ],
)
def test_a_line_that_is_no_plain_pin_is_found(line: str, fault: str) -> None:
    """Ranges, addresses, options, markers, packages that come twice: none of them passes."""
    assert [fault in found for found in read_lock(f"attrs==26.1.0\n{line}\n")[1]] == [True]


@pytest.mark.parametrize(
    ("pins", "fault"),
    [
        ({"urllib3": "2.6.0"}, "urllib3 is locked at 2.6.0, which breaks every call of hubspot-api-client"),
        ({"fastapi": "0.155.1"}, "fastapi is locked at 0.155.1, which"),
        ({"sqlalchemy": "2.1.9"}, "sqlalchemy is locked at 2.1.9, which"),
        ({"tenacity": "8.0"}, "tenacity is locked at 8.0, and pyproject.toml asks for >=9"),
        ({}, "tenacity is asked for in pyproject.toml and is not locked"),
    ],
)
def test_versions_that_must_not_be_locked_are_named(pins: dict[str, str], fault: str) -> None:
    """What is known to break us, and what contradicts pyproject.toml."""
    wanted = [Requirement("tenacity>=9")]
    assert [one for one in check_wanted({"tenacity": "9.2", **pins} if pins else {}, wanted) if one.startswith(fault)] != []


def test_a_change_that_nobody_reviewed_is_found() -> None:
    """Another version, another licence, a stray, a package without a licence, one that is gone: each is one line."""
    table = [
        Line("a", "1.1", "MIT", ("this project",)),
        Line("b", "1", "GPL", ("a",)),
        Line("c", "1", "MIT", ()),
        Line("d", "1", "", ("a",)),
    ]
    reviewed = {"a": ("1.0", "MIT"), "b": ("1", "MIT"), "c": ("1", "MIT"), "d": ("1", ""), "e": ("1", "MIT")}
    assert check_reviewed(table, reviewed) == [
        "a is locked at 1.1 under MIT, and what was reviewed is 1.0 under MIT",
        "b is locked at 1 under GPL, and what was reviewed is 1 under MIT",
        "c is locked, and nothing that the project asks for needs it",
        "d does not say under which licence it is",
        "e is in the reviewed table and not in the lock",
    ]


def test_the_page_is_read_as_it_was_written() -> None:
    """What was accepted is what is compared."""
    table = [Line("a", "1.1", "MIT OR Apache-2.0", ("b", "this project")), Line("b", "2", "BSD-3-Clause", ("a",))]
    assert read_page(to_page(table)) == {"a": ("1.1", "MIT OR Apache-2.0"), "b": ("2", "BSD-3-Clause")}


def test_no_file_names_the_host_of_a_registry() -> None:
    """Where packages come from is the business of whoever installs: neither the lock nor the build says it."""
    for name in ("requirements.lock", "pyproject.toml", "Makefile", "docs/dependencies.md", ".ci/run", "deployments/Containerfile"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert re.findall(r"--(?:extra-)?index-url|//[\w.-]*(?:pypi|pythonhosted)[\w.-]*", text) == [], name
