"""Components as files: the zip that set-up deploys, the one that takes them away, and the source package that an admin installs. Pure."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import orjson

from connectors.salesforce.definitions import FIELD, PERMISSIONS, VIEW, Component, field_components, permission_components
from connectors.salesforce.list_views import view_components
from transforms.vocabulary.fields import Field

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
API_VERSION = "63.0"
"""The version in whose words the components are written: that of the metadata WSDL which the client library carries."""

SOURCE = "force-app/main/default"
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_IN_OBJECT = {FIELD: "fields", VIEW: "listViews"}
_SUFFIX = {FIELD: "field", VIEW: "listView"}


def components(fields: Sequence[Field]) -> list[Component]:
    """All that these fields need in an org, in an order in which it can be created: fields, permission sets, list views."""
    own = field_components(fields)
    return [*own, *permission_components(own), *view_components(fields)]


def to_xml(component: Component) -> str:
    """A component as a file of its own."""
    root = ET.Element(component.kind, xmlns=NAMESPACE)
    if component.kind != PERMISSIONS:
        ET.SubElement(root, "fullName").text = component.own_name
    _fill(root, component.body)
    return _text(root)


def deploy_zip(many: Sequence[Component]) -> bytes:
    """The archive with which the Metadata API creates or changes these components."""
    files = {"package.xml": _manifest(many)}
    for name in dict.fromkeys(one.object for one in many if one.object):
        root = ET.Element("CustomObject", xmlns=NAMESPACE)
        for kind, tag in _IN_OBJECT.items():
            for one in many:
                if one.object == name and one.kind == kind:
                    _fill(root, {tag: [{"fullName": one.own_name, **one.body}]})
        files[f"objects/{name}.object"] = _text(root)
    files |= {f"permissionsets/{one.name}.permissionset": to_xml(one) for one in many if one.kind == PERMISSIONS}
    return _zip(files)


def destroy_zip(names: Iterable[tuple[str, str]]) -> bytes:
    """The archive with which the Metadata API deletes components, given as pairs of kind and full name."""
    gone = [Component(kind, name, {}) for kind, name in names]
    return _zip({"package.xml": _manifest([]), "destructiveChanges.xml": _manifest(gone, is_versioned=False)})


def source_files(fields: Sequence[Field]) -> dict[str, str]:
    """The source package: path below its folder to text. The README beside them is written by hand."""
    many = components(fields)
    project = {
        "packageDirectories": [{"path": "force-app", "default": True, "package": "Still There", "versionNumber": "0.1.0.NEXT"}],
        "name": "stillthere",
        "namespace": "",
        "sourceApiVersion": API_VERSION,
    }
    files = {
        "sfdx-project.json": orjson.dumps(project, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode(),
        "manifest/package.xml": _manifest(many),
    }
    for one in many:
        if one.kind == PERMISSIONS:
            files[f"{SOURCE}/permissionsets/{one.name}.permissionset-meta.xml"] = to_xml(one)
        else:
            folder = f"{SOURCE}/objects/{one.object}/{_IN_OBJECT[one.kind]}"
            files[f"{folder}/{one.own_name}.{_SUFFIX[one.kind]}-meta.xml"] = to_xml(one)
    return files


def _manifest(many: Sequence[Component], *, is_versioned: bool = True) -> str:
    root = ET.Element("Package", xmlns=NAMESPACE)
    for kind in (FIELD, VIEW, PERMISSIONS):
        names = sorted(one.name for one in many if one.kind == kind)
        if names:
            _fill(root, {"types": [{"members": names, "name": kind}]})
    if is_versioned:
        _fill(root, {"version": API_VERSION})
    return _text(root)


def _fill(parent: ET.Element, body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        for one in value if isinstance(value, list) else [value]:
            element = ET.SubElement(parent, name)
            if isinstance(one, Mapping):
                _fill(element, one)
            else:
                element.text = _plain(one)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(root: ET.Element) -> str:
    ET.indent(root, "    ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode", short_empty_elements=False)}\n'


def _zip(files: Mapping[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _bytes(files):
            # One day for all of them: the same components make the same archive.
            archive.writestr(zipfile.ZipInfo(name, _FIRST_DAY), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _bytes(files: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    yield from ((name, text.encode()) for name, text in files.items())
