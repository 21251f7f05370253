"""What pip-audit found is judged: nothing, accepted holes, others, an unreachable database, a report of another form. And CI goes on, loudly."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from docs import audit

ROOT = Path(__file__).parents[1]

CLEAN = {"name": "attrs", "version": "26.1.0", "vulns": []}
HOLE = {
    "name": "Flask",
    "version": "0.5",
    "vulns": [
        {
            "id": "PYSEC-2019-179",
            "fix_versions": ["1.0"],
            "aliases": ["CVE-2019-1010083", "GHSA-5wv5-4vpf-pj6m"],
            "description": "Unexpected memory usage.",
        }
    ],
}
UNMENDED = {"name": "six", "version": "1.17.0", "vulns": [{"id": "GHSA-aaaa-bbbb-cccc", "fix_versions": [], "aliases": []}]}
SKIPPED = {"name": "stillthere", "skip_reason": "Dependency not found on PyPI and could not be audited: stillthere (0.1)"}
"""In the form in which pip-audit writes them with ``--format json``."""

REASON = "We do not parse forms with it."


def report(*dependencies: dict[str, Any]) -> str:
    """A report on these packages."""
    return json.dumps({"dependencies": list(dependencies), "fixes": []})


def accepted(name: str, version: str = "0.5", reason: str = REASON, package: str = "flask") -> str:
    """A list with one accepted hole."""
    return f'[[hole]]\npackage = "{package}"\nversion = "{version}"\nname = "{name}"\nreason = "{reason}"\n'


def judged(folder: Path, capsys: pytest.CaptureFixture[str], text: str | None, holes: str = "") -> tuple[int, str]:
    """The exit code and what is said, of a report (None: there is none) and a list of accepted holes."""
    (folder / "accepted.toml").write_text(holes, encoding="utf-8")
    if text is not None:
        (folder / "audit.json").write_text(text, encoding="utf-8")
    code = audit.main([str(folder / "audit.json"), "--accepted", str(folder / "accepted.toml")])
    return code, capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "holes", "code", "says"),
    [
        (report(CLEAN), "", 0, "1 packages were looked up, 0 known holes were found"),
        (report(CLEAN, HOLE), "", 1, "FOUND flask 0.5: PYSEC-2019-179 (CVE-2019-1010083, GHSA-5wv5-4vpf-pj6m), mended in 1.0"),
        (report(UNMENDED), "", 1, "FOUND six 1.17.0: GHSA-aaaa-bbbb-cccc, not mended yet"),
        (report(CLEAN, HOLE), accepted("PYSEC-2019-179"), 0, f"accepted flask 0.5: PYSEC-2019-179 (CVE-2019-1010083, GHSA-5wv5-4vpf-pj6m), mended in 1.0: {REASON}"),
        (report(HOLE), accepted("CVE-2019-1010083", package="Flask"), 0, "accepted flask"),
        (report(HOLE), accepted("PYSEC-2019-179", version="0.4"), 1, "FOUND flask"),
        (report(HOLE), accepted("PYSEC-2019-180"), 1, "PYSEC-2019-180 of flask 0.5 is accepted and is no longer found"),
        (report(HOLE, UNMENDED), accepted("PYSEC-2019-179"), 1, "2 known holes were found, 1 of them not accepted"),
        (report(CLEAN), accepted("PYSEC-2019-179"), 0, "is no longer found; take it out"),
        (report(CLEAN, SKIPPED), "", 0, "stillthere could not be looked up: Dependency not found"),
        (None, "", 0, "could not be asked, so the lock was reviewed offline alone"),
        ("", "", 0, "could not be asked"),
        ("\n", "", 0, "could not be asked"),
        ("{", "", 1, "cannot be read"),
        ("[]", "", 1, "it lists no dependencies"),
        ('{"dependencies": {}}', "", 1, "it lists no dependencies"),
        ('{"dependencies": [5]}', "", 1, "a dependency without a name"),
        (report({"name": "flask"}), "", 1, "it does not say what is known of flask"),
        (report({"name": "flask", "version": "0.5", "vulns": [{}]}), "", 1, "a hole of flask without a name"),
        (report({"version": "0.5", "vulns": []}), "", 1, "a dependency without a name"),
        (report(HOLE), accepted("PYSEC-2019-179", reason=" "), 1, "must have package, version, name and reason"),
        (report(HOLE), "[[hole]", 1, "cannot be read"),
    ],
)  # fmt: skip
def test_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, holes: str, code: int, says: str) -> None:
    """A hole counts unless it is accepted by one of its names, for that version and with a reason; a report that cannot be read is never good."""
    found, said = judged(tmp_path, capsys, text, holes)
    assert found == code
    assert says in said


def test_the_committed_list_can_be_read() -> None:
    """Each entry has its reason, and none is for a version that is not locked."""
    pins = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines())
    for one in audit.read_accepted(audit.ACCEPTED.read_text(encoding="utf-8")):
        assert pins.get(one.package) == one.version


@pytest.mark.parametrize(("failing", "exit_code"), [("audit", 0), ("none", 0), ("check", 2), ("slow", 2)])
def test_a_hole_is_shown_in_ci_and_stops_no_change(tmp_path: Path, failing: str, exit_code: int) -> None:
    """What is published about a dependency overnight is no fault of the change under test; everything else that fails ends CI."""
    for name, body in {"make": f'echo "made $1"; [ "$1" != {failing} ] || exit 2', "chromium": "exit 0"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["bash", str(ROOT / ".ci" / "run")], env={"PATH": path}, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603, S607 - our own script
    assert done.returncode == exit_code
    assert ("made audit" in done.stdout) == (exit_code == 0)
    assert ("The audit has found something" in done.stdout) == (failing == "audit")
