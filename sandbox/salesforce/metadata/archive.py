"""A deployed archive: package.xml, the objects and permission sets it names, and what it wants destroyed.

Salesforce's own texts, as its users quote them: a component in package.xml without its file, a file whose component package.xml does not
name, an unknown type, an element that is not allowed. Where in a file a problem stands is told by line and column only for XML that cannot
be parsed; for the others the real service tells more than the sandbox does.
"""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from dataclasses import dataclass, field

from sandbox.salesforce.metadata.component import FIELD, OBJECT, PERMISSIONS, VIEW, Component
from sandbox.salesforce.metadata.tree import BadXml, Tree, branches, one, parse, texts, to_tree

IN_OBJECT = {"fields": FIELD, "listViews": VIEW}
KNOWN = frozenset({FIELD, OBJECT, PERMISSIONS, VIEW})
LARGEST = 39 * 1024 * 1024
"""Bytes of an archive that the Metadata API takes; 50 MB once they are written as base64."""


class BadArchive(Exception):
    """The bytes are no archive that can be deployed; its text is the deployment's errorMessage."""


@dataclass
class Found:
    """One component of the archive, the file it came from, and what is wrong with it already."""

    component: Component
    file: str
    problem: str = ""


@dataclass
class Archive:
    """What is to be done: destroyed first, then made, then destroyed after; and what is wrong with the archive itself."""

    before: list[Found] = field(default_factory=list)
    made: list[Found] = field(default_factory=list)
    after: list[Found] = field(default_factory=list)
    faults: list[Found] = field(default_factory=list)


def read_archive(text: str) -> Archive:
    """The components of an archive given as base64. Raises BadArchive where nothing in it can be read."""
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
        opened = zipfile.ZipFile(io.BytesIO(raw))
    except (binascii.Error, ValueError, zipfile.BadZipFile):
        raise BadArchive("The archive is no zip file in base64.") from None
    if len(raw) > LARGEST:
        raise BadArchive("LIMIT_EXCEEDED: Maximum size of request reached. Maximum size of request is 52428800 bytes.")
    with opened:
        names = [name for name in opened.namelist() if not name.endswith("/")]
        manifest = next((name for name in names if name.rpartition("/")[2] == "package.xml"), None)
        if manifest is None:
            raise BadArchive("No package.xml found")
        folder = manifest.removesuffix("package.xml")
        files = {name.removeprefix(folder): opened.read(name) for name in names if name.startswith(folder)}
    archive = Archive()
    wanted = _manifest(archive, files, "package.xml")
    archive.before = _doomed(archive, files, "destructiveChangesPre.xml") + _doomed(archive, files, "destructiveChanges.xml")
    archive.after = _doomed(archive, files, "destructiveChangesPost.xml")
    found = _components(archive, files)
    _match(archive, wanted, found)
    return archive


def _manifest(archive: Archive, files: dict[str, bytes], name: str) -> dict[str, set[str]]:
    wanted: dict[str, set[str]] = {}
    for entry in branches(_tree(archive, files, name), "types"):
        kind = one(entry, "name")
        if kind not in KNOWN:
            _fault(archive, name, kind, name, f"Unknown type name '{kind}' specified in package.xml")
            continue
        wanted.setdefault(kind, set()).update(texts(entry, "members"))
    return wanted


def _doomed(archive: Archive, files: dict[str, bytes], name: str) -> list[Found]:
    if name not in files:
        return []
    return [
        Found(Component(kind, member, {}), name) for kind, members in _manifest(archive, files, name).items() for member in sorted(members)
    ]


def _components(archive: Archive, files: dict[str, bytes]) -> list[Found]:
    found: list[Found] = []
    for name in sorted(files):
        folder, _, leaf = name.partition("/")
        stem = leaf.rpartition(".")[0]
        if folder == "objects" and leaf.endswith(".object"):
            tree = _tree(archive, files, name)
            found.append(Found(Component(OBJECT, stem, {part: value for part, value in tree.items() if part not in IN_OBJECT}), name))
            for tag, kind in IN_OBJECT.items():
                found += [Found(Component(kind, f"{stem}.{one(entry, 'fullName')}", entry), name) for entry in branches(tree, tag)]
        elif folder == "permissionsets" and leaf.endswith(".permissionset"):
            found.append(Found(Component(PERMISSIONS, stem, _tree(archive, files, name)), name))
        elif "/" in name:
            _fault(archive, name, "", stem, f"The sandbox deploys nothing from the folder {folder}")
    return found


def _match(archive: Archive, wanted: dict[str, set[str]], found: list[Found]) -> None:
    named = {kind: {name.lower() for name in members} for kind, members in wanted.items()}
    for one_found in found:
        component = one_found.component
        members = named.get(component.type, set())
        with_object = component.object.lower() in named.get(OBJECT, set())
        is_wanted = component.full_name.lower() in members or ("*" in members and component.type != OBJECT) or with_object
        if component.type == OBJECT:
            # Standard objects stand in a file only to hold their fields and views.
            extra = sorted(set(component.values) - {"fullName"})
            if extra:
                _fault(
                    archive,
                    one_found.file,
                    OBJECT,
                    component.full_name,
                    f"The sandbox deploys of an object only fields and list views, not {extra[0]}",
                )
        elif is_wanted:
            archive.made.append(one_found)
        else:
            _fault(archive, one_found.file, component.type, component.full_name, "Not in package.xml")
    there = {(item.component.type, item.component.full_name.lower()) for item in found}
    for kind, members in wanted.items():
        for member in sorted(members - {"*"}):
            if (kind, member.lower()) not in there:
                _fault(
                    archive,
                    "package.xml",
                    "",
                    member,
                    f"An object '{member}' of type {kind} was named in package.xml, but was not found in zipped directory",
                )
    order = {FIELD: 0, VIEW: 1, PERMISSIONS: 2}
    archive.made.sort(key=lambda item: order[item.component.type])


def _tree(archive: Archive, files: dict[str, bytes], name: str) -> Tree:
    try:
        found = to_tree(parse(files[name]))
    except BadXml as fault:
        _fault(archive, name, "", name, f"Error parsing file: {fault}")
        return {}
    return found if isinstance(found, dict) else {}


def _fault(archive: Archive, file: str, kind: str, full_name: str, text: str) -> None:
    archive.faults.append(Found(Component(kind, full_name, {}), file, text))
