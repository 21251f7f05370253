"""Judges what pip-audit found: ``python -m docs.audit REPORT``. Exit code 0 where it found nothing that was not accepted, or could not ask; else 1.

A known hole of a locked package is accepted in docs/accepted_holes.toml, for one version and with a reason; another version must be judged anew.
The form of the report is pip-audit's ``--format json``: ``dependencies``, each with ``name`` and either ``version`` and ``vulns`` or ``skip_reason``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

ACCEPTED = Path(__file__).with_name("accepted_holes.toml")

OFFLINE = "The database of known holes could not be asked, so the lock was reviewed offline alone (.venv/audit.log says what was tried).\n"


class OtherForm(ValueError):
    """A report or a list that is not as it should be."""


@dataclass(frozen=True)
class Hole:
    """A known hole of a package: its names in the databases, the first of them pip-audit's own, and the versions that mend it."""

    package: str
    version: str
    names: tuple[str, ...]
    mended_in: tuple[str, ...] = ()

    def __str__(self) -> str:
        also = f" ({', '.join(self.names[1:])})" if len(self.names) > 1 else ""
        way = f"mended in {', '.join(self.mended_in)}" if self.mended_in else "not mended yet"
        return f"{self.package} {self.version}: {self.names[0]}{also}, {way}"


@dataclass(frozen=True)
class Accepted:
    """A hole that somebody judged to be none for us, in that version of the package, and why."""

    package: str
    version: str
    name: str
    reason: str

    def covers(self, hole: Hole) -> bool:
        """Whether it speaks of this hole."""
        return (self.package, self.version) == (hole.package, hole.version) and self.name in hole.names


@dataclass(frozen=True)
class Report:
    """What pip-audit found, how many packages it looked up, and which it could not, each with its reason."""

    holes: list[Hole] = field(default_factory=list)
    asked: int = 0
    skipped: dict[str, str] = field(default_factory=dict)


def read_report(text: str) -> Report:
    """Read pip-audit's report. Raises OtherForm where it has another one, so that a hole is never overlooked for that."""
    data = json.loads(text)
    dependencies = data.get("dependencies") if isinstance(data, dict) else None
    if not isinstance(dependencies, list):
        raise OtherForm("it lists no dependencies")
    names = [_name(one) for one in dependencies]
    found = Report([], sum("skip_reason" not in one for one in dependencies))
    for name, one in zip(names, dependencies, strict=True):
        if "skip_reason" in one:
            found.skipped[name] = str(one["skip_reason"])
            continue
        if not isinstance(one.get("vulns"), list) or not isinstance(one.get("version"), str):
            raise OtherForm(f"it does not say what is known of {name}")
        found.holes.extend(_hole(name, one["version"], hole) for hole in one["vulns"])
    return found


def read_accepted(text: str) -> list[Accepted]:
    """Read the list of accepted holes. Raises OtherForm for an entry that lacks anything, above all the reason."""
    found = []
    for one in tomllib.loads(text).get("hole", []):
        lacks = [key for key in ("package", "version", "name", "reason") if not str(one.get(key) or "").strip()]
        if lacks or len(one) != 4:
            raise OtherForm(f"the accepted hole {one} must have package, version, name and reason, and nothing else")
        found.append(Accepted(canonicalize_name(one["package"]), one["version"], one["name"], one["reason"]))
    return found


def judge(report: Report, accepted: Sequence[Accepted]) -> tuple[list[str], bool]:
    """What is to be said, and whether nothing is left to do."""
    open_holes = [hole for hole in report.holes if not any(one.covers(hole) for one in accepted)]
    lines = [f"FOUND {hole}; renew the lock, or accept it with a reason in docs/accepted_holes.toml" for hole in open_holes]
    lines += [f"accepted {hole}: {one.reason}" for hole in report.holes for one in accepted if one.covers(hole)]
    lines += [
        f"{one.name} of {one.package} {one.version} is accepted and is no longer found; take it out" for one in _stale(report, accepted)
    ]
    lines += [f"{name} could not be looked up: {why}" for name, why in report.skipped.items()]
    lines.append(
        f"{report.asked} packages were looked up, {len(report.holes)} known holes were found, {len(open_holes)} of them not accepted."
    )
    return lines, not open_holes


def main(arguments: Sequence[str]) -> int:
    """Print the verdict on the report and return the exit code. Without a report the database could not be asked; that is said, and is no fault."""
    parser = argparse.ArgumentParser(description="Judge what pip-audit found.")
    parser.add_argument("report", type=Path, help="what pip-audit wrote with --format json; absent or empty where it could not ask")
    parser.add_argument("--accepted", type=Path, default=ACCEPTED, help="the list of accepted holes")
    given = parser.parse_args(arguments)
    text = given.report.read_text(encoding="utf-8") if given.report.is_file() else ""
    if not text.strip():
        sys.stdout.write(OFFLINE)
        return 0
    try:
        lines, is_good = judge(read_report(text), read_accepted(given.accepted.read_text(encoding="utf-8")))
    except ValueError as error:
        sys.stdout.write(f"The report or the list of accepted holes cannot be read: {error}.\n")
        return 1
    sys.stdout.write("\n".join([*lines, ""]))
    return 0 if is_good else 1


def _name(one: Any) -> str:
    name = one.get("name") if isinstance(one, dict) else None
    if not isinstance(name, str):
        raise OtherForm("it lists a dependency without a name")
    return canonicalize_name(name)


def _hole(package: str, version: str, told: Any) -> Hole:
    if not isinstance(told, dict) or not isinstance(told.get("id"), str):
        raise OtherForm(f"it lists a hole of {package} without a name")
    return Hole(package, version, (told["id"], *_texts(told.get("aliases"))), _texts(told.get("fix_versions")))


def _texts(told: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in told) if isinstance(told, list) else ()


def _stale(report: Report, accepted: Iterable[Accepted]) -> list[Accepted]:
    return [one for one in accepted if not any(one.covers(hole) for hole in report.holes)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
