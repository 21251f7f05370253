"""Reviews the lock without any network: ``python -m docs.dependencies``. With ``--accept`` it writes docs/dependencies.md anew, after you have read what changed.

A lock can be wrong in ways that no database of known holes tells: a package that nobody asked for, a version that is known to break us,
an address in it, or a change that nobody looked at. The committed table makes each change of the lock a line in a diff that somebody reads.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK, PAGE, PROJECT = ROOT / "requirements.lock", ROOT / "docs" / "dependencies.md", ROOT / "pyproject.toml"

DENIED = {
    "urllib3": ("==2.6.0", "breaks every call of hubspot-api-client"),
    "fastapi": (">=0.151", "Prefect's server does not import with it"),
    "sqlalchemy": (">=2.1", "Prefect's scheduler makes no runs with it"),
    "prefect": ("==3.9.0,==3.9.1", "asks for packages that cannot be had together"),
}
"""Versions that must never be locked, and why. Each alternative after a comma stands for itself."""

_PIN = re.compile(r"(?P<name>[a-z0-9]([a-z0-9-]*[a-z0-9])?)==(?P<version>[0-9][A-Za-z0-9.!+]*)")
_PLACES: tuple[dict[str, str], ...] = (
    {},
    {"python_version": "3.11", "python_full_version": "3.11.0"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
)
"""For this machine, for the oldest Python and for another system: the lock is one for all."""

_HEAD = """# Dependencies

Written by `python -m docs.dependencies --accept` from `requirements.lock`; read what changed before you accept it.

`make audit` holds this table against the lock, and asks pip-audit for known holes where its database can be reached. The lock pins every package
to one version. It holds no hashes: it is a constraints file, and pip takes hashes only where every requirement, also this project itself, has one.

| package | version | licence | asked for by |
| --- | --- | --- | --- |
"""


@dataclass(frozen=True)
class Line:
    """One locked package: under which licence it is, and which packages (or this project) ask for it."""

    name: str
    version: str
    licence: str
    asked_by: tuple[str, ...]


def read_lock(text: str) -> tuple[dict[str, str], list[str]]:
    """The versions by name, and what is wrong with the lines: each must pin one package and say nothing else."""
    pins: dict[str, str] = {}
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        found = _PIN.fullmatch(line)
        if not found:
            faults.append(
                f"line {number} of the lock is {line!r}, and only `name==version` may stand there: no address, range, option or marker"
            )
        elif found["name"] in pins:
            faults.append(f"{found['name']} is locked twice")
        else:
            pins[found["name"]] = found["version"]
    if list(pins) != sorted(pins):
        faults.append("the lock is not sorted by name")
    return pins, faults


def check_wanted(pins: Mapping[str, str], wanted: Iterable[Requirement]) -> list[str]:
    """What the project asks for and the lock does not give, and what must never be locked."""
    faults = []
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        if name not in pins:
            faults.append(f"{name} is asked for in pyproject.toml and is not locked")
        elif not requirement.specifier.contains(pins[name], prereleases=True):
            faults.append(f"{name} is locked at {pins[name]}, and pyproject.toml asks for {requirement.specifier}")
    for package, (denied, why) in DENIED.items():
        if any(SpecifierSet(one).contains(pins[package], prereleases=True) for one in denied.split(",") if package in pins):
            faults.append(f"{package} is locked at {pins[package]}, which {why}")
    return faults


def project_requirements(text: str) -> list[Requirement]:
    """What pyproject.toml asks for, to run and to develop."""
    project = tomllib.loads(text)["project"]
    return [Requirement(one) for one in (*project["dependencies"], *project["optional-dependencies"]["dev"])]


def asked_by(wanted: Iterable[Requirement]) -> dict[str, set[str]]:
    """Every package that the project needs, directly or through others, by what is installed; with who asks for it."""
    found: dict[str, set[str]] = {}
    open_ends = [("this project", requirement) for requirement in wanted]
    walked: set[tuple[str, str]] = set()
    while open_ends:
        who, requirement = open_ends.pop()
        name = canonicalize_name(requirement.name)
        found.setdefault(name, set()).add(who)
        for extra in ("", *requirement.extras):
            if (name, extra) in walked:
                continue
            walked.add((name, extra))
            open_ends += [(name, one) for one in _requirements(name, extra)]
    return found


def _requirements(name: str, extra: str) -> Iterator[Requirement]:
    try:
        told = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return  # wanted on another system or by an older Python only
    for text in told:
        requirement = Requirement(text)
        if _may_apply(requirement.marker, extra):
            yield requirement


def _may_apply(marker: Marker | None, extra: str) -> bool:
    return marker is None or any(marker.evaluate({"extra": extra, **place}) for place in _PLACES)


def licence_of(name: str) -> str:
    """The licence by the package's own word, short; empty where it is not installed here or says nothing."""
    try:
        told = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    expression, *_ = *(told.get_all("License-Expression") or []), ""
    text = "\n".join(told.get_all("License") or []).strip().splitlines()
    classes = [one.rpartition("::")[2].strip() for one in told.get_all("Classifier") or [] if one.startswith("License ::")]
    return expression or (text[0] if len(text) == 1 and len(text[0]) < 60 else "") or ", ".join(classes)


def lines(pins: Mapping[str, str], askers: Mapping[str, set[str]], known: Mapping[str, str]) -> list[Line]:
    """The table. A package that is not installed here keeps the licence that was ``known``."""
    return [
        Line(name, version, licence_of(name) or known.get(name, ""), tuple(sorted(askers.get(name, ()))))
        for name, version in sorted(pins.items())
    ]


def to_page(table: Iterable[Line]) -> str:
    """The page docs/dependencies.md."""
    rows = (f"| {one.name} | {one.version} | {one.licence} | {', '.join(one.asked_by)} |\n" for one in table)
    return _HEAD + "".join(rows)


def read_page(text: str) -> dict[str, tuple[str, str]]:
    """Version and licence of each package that was reviewed, by name."""
    rows = (line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ") and "---" not in line)
    return {row[0]: (row[1], row[2]) for row in rows if len(row) == 4 and row[0] != "package"}


def check_reviewed(table: Iterable[Line], reviewed: Mapping[str, tuple[str, str]]) -> list[str]:
    """What stands in the lock and not in the reviewed table, or the other way round; strays; packages without a licence."""
    found = {one.name: one for one in table}
    faults = [f"{name} is in the reviewed table and not in the lock" for name in reviewed.keys() - found.keys()]
    for name, one in found.items():
        if not one.asked_by:
            faults.append(f"{name} is locked, and nothing that the project asks for needs it")
        if not one.licence:
            faults.append(f"{name} does not say under which licence it is")
        if reviewed.get(name) != (one.version, one.licence):
            was = " under ".join(reviewed[name]) if name in reviewed else "nothing"
            faults.append(f"{name} is locked at {one.version} under {one.licence}, and what was reviewed is {was}")
    return sorted(faults)


def check_installed(pins: Mapping[str, str]) -> list[str]:
    """Locked packages that are installed here in another version: then something else than what was reviewed runs."""
    faults = []
    for name, version in pins.items():
        try:
            here = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if here != version:
            faults.append(f"{name} is installed as {here} and locked at {version}; install anew")
    return faults


def main(arguments: list[str]) -> int:
    """Print what is wrong and return 1; or return 0. With ``--accept`` write the table, where the lock itself is sound."""
    parser = argparse.ArgumentParser(description="Review the lock of dependencies, offline.")
    parser.add_argument("--accept", action="store_true", help="write docs/dependencies.md anew: what changed was reviewed")
    accepts = parser.parse_args(arguments).accept
    wanted = project_requirements(PROJECT.read_text(encoding="utf-8"))
    pins, faults = read_lock(LOCK.read_text(encoding="utf-8"))
    reviewed = read_page(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    table = lines(pins, asked_by(wanted), {name: licence for name, (_, licence) in reviewed.items()})
    faults += check_wanted(pins, wanted) + check_installed(pins)
    if accepts and not faults:
        PAGE.write_text(to_page(table), encoding="utf-8")
        reviewed = read_page(PAGE.read_text(encoding="utf-8"))
    faults += check_reviewed(table, reviewed)
    sys.stdout.write(
        "".join(f"{fault}\n" for fault in faults) or f"{len(pins)} locked packages are pinned, needed, licensed and reviewed.\n"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
