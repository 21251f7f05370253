"""Retrievals: components as the archive with which they could be deployed."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.ids import make_id, normal_id
from sandbox.salesforce.metadata.catalogue import Catalogue
from sandbox.salesforce.metadata.component import FIELD, OBJECT, PERMISSIONS, VIEW, Component
from sandbox.salesforce.metadata.tree import METADATA, Tree, branches, children, flag, one, texts, to_xml

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

TAGS = {FIELD: "fields", VIEW: "listViews"}
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Retrieval:
    """One retrieval: the archive, its files and what each is about, and a line for each component that is not there."""

    id: str
    archive: bytes
    files: tuple[tuple[str, Component], ...]
    missing: tuple[str, ...]


def retrieve(org: Org, user_id: str, request: Tree) -> Retrieval:
    """Retrieve what a request names; it is ready at once. The files stand below ``unpackaged`` unless a single package is asked for."""
    catalogue = Catalogue.of(org)
    found: list[Component] = []
    missing: list[str] = []
    for package in branches(request, "unpackaged"):
        for entry in branches(package, "types"):
            kind = one(entry, "name")
            for member in texts(entry, "members"):
                chosen = _chosen(catalogue, kind, member)
                found += chosen
                if not chosen and member != "*":
                    missing.append(f"Entity of type '{kind}' named '{member}' cannot be found")
    held: dict[str, Retrieval] = org.beside.setdefault(Retrieval, {})
    now = org.now_ms()
    manifest = Component("Package", "", {}, created_by=user_id, modified_by=user_id, created_ms=now, modified_ms=now)
    folder = "" if flag(request, "singlePackage") else "unpackaged/"
    archive, files = _archive(catalogue, found, one(request, "apiVersion") or org.org.api_version, folder, manifest)
    made = Retrieval(make_id("09S", len(held) + 1), archive, files, tuple(missing))
    held[made.id] = made
    return made


def find_retrieval(org: Org, retrieval_id: str) -> Retrieval:
    """The retrieval of an id. OrgError where there is none."""
    found: Retrieval | None = org.beside.get(Retrieval, {}).get(normal_id(retrieval_id) or "")
    if found is None:
        raise OrgError(500, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    return found


def retrieval_text(retrieval: Retrieval, files: list[dict[str, str]], *, with_archive: bool) -> str:
    """The ``result`` of checkRetrieveStatus; ``files`` are the properties of each file."""
    return to_xml(
        "result",
        {
            "done": True,
            "fileProperties": files,
            "id": retrieval.id,
            "messages": [{"fileName": "package.xml", "problem": text} for text in retrieval.missing],
            "status": "Succeeded",
            "success": True,
            "zipFile": base64.b64encode(retrieval.archive).decode() if with_archive else "",
        },
    )


def _chosen(catalogue: Catalogue, kind: str, member: str) -> list[Component]:
    if kind == OBJECT:
        # Of a standard object the sandbox tells what was added to it.
        return [held for of_kind in TAGS for held in catalogue.all(of_kind) if member in {"*", held.object}]
    if kind not in {FIELD, VIEW, PERMISSIONS}:
        return []
    if member == "*":
        return catalogue.all(kind)
    held = catalogue.find(kind, member)
    return [held] if held is not None else []


def _archive(
    catalogue: Catalogue, found: Iterable[Component], version: str, folder: str, manifest: Component
) -> tuple[bytes, tuple[tuple[str, Component], ...]]:
    unique = {held.key: held for held in found}
    files: dict[str, str] = {}
    about: dict[str, Component] = {}
    for name in sorted({held.object for held in unique.values() if held.object}):
        inner = "".join(
            to_xml(
                tag,
                [
                    {**catalogue.read(held), "fullName": held.own_name}
                    for held in unique.values()
                    if (held.type, held.object) == (kind, name)
                ],
            )
            for kind, tag in TAGS.items()
        )
        files[f"{folder}objects/{name}.object"] = _document("CustomObject", inner)
        newest = max((held for held in unique.values() if held.object == name), key=lambda held: held.modified_ms)
        about[f"{folder}objects/{name}.object"] = replace(newest, type=OBJECT, full_name=name, id="")
    for held in unique.values():
        if held.type == PERMISSIONS:
            values = {name: value for name, value in catalogue.read(held).items() if name != "fullName"}
            files[f"{folder}permissionsets/{held.full_name}.permissionset"] = _document(PERMISSIONS, children(values.items()))
            about[f"{folder}permissionsets/{held.full_name}.permissionset"] = held
    types = [
        {"members": sorted(held.full_name for held in unique.values() if held.type == kind), "name": kind}
        for kind in (FIELD, VIEW, PERMISSIONS)
        if any(held.type == kind for held in unique.values())
    ]
    about[f"{folder}package.xml"] = replace(manifest, full_name=f"{folder}package.xml")
    files[f"{folder}package.xml"] = _document("Package", children([("types", types), ("version", version)]))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, text in files.items():
            opened.writestr(zipfile.ZipInfo(name, _FIRST_DAY), text)
    return made.getvalue(), tuple(about.items())


def _document(name: str, inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{METADATA}">{inner}</{name}>\n'
