"""XML as plain values and back: each element is text, or a dict from the names of its children to lists of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

METADATA = "http://soap.sforce.com/2006/04/metadata"
SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"

Tree = dict[str, list[Any]]
"""The children of an element by name, each a text or a tree."""


class BadXml(Exception):
    """A text that is no XML; the message is the parser's."""


def parse(text: bytes) -> ET.Element:
    """The root element. BadXml where the text is not well-formed, or declares entities."""
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise BadXml("DOCTYPE is disallowed")
    try:
        return ET.fromstring(text)  # noqa: S314 - entities, the one danger, are refused above
    except ET.ParseError as fault:
        raise BadXml(str(fault)) from None


def local(element: ET.Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def to_tree(element: ET.Element) -> Tree | str:
    """The children of an element, or its text where it has none. What is marked ``nil`` is left out."""
    children = list(element)
    if not children:
        return (element.text or "").strip()
    made: Tree = {}
    for child in children:
        if child.get(f"{{{SCHEMA_INSTANCE}}}nil") not in {"true", "1"}:
            made.setdefault(local(child), []).append(to_tree(child))
    return made


def one(tree: Mapping[str, list[Any]], name: str, default: str = "") -> str:
    """The text of the first child of that name."""
    found = tree.get(name)
    return found[0] if found and isinstance(found[0], str) else default


def flag(tree: Mapping[str, list[Any]], name: str) -> bool:
    """Whether the child of that name says true."""
    return one(tree, name).strip().lower() in {"true", "1"}


def number(tree: Mapping[str, list[Any]], name: str) -> int | None:
    """The whole number that the child of that name says; None where it says none."""
    text = one(tree, name).strip()
    return int(text) if text.lstrip("-").isdigit() else None


def branches(tree: Mapping[str, list[Any]], name: str) -> list[Tree]:
    """The children of that name that have children themselves."""
    return [found for found in tree.get(name, ()) if isinstance(found, dict)]


def texts(tree: Mapping[str, list[Any]], name: str) -> list[str]:
    """The texts of all children of that name."""
    return [found for found in tree.get(name, ()) if isinstance(found, str)]


def to_xml(name: str, content: Any, attributes: str = "") -> str:
    """An element: text, a boolean or a number is written; a dict becomes children in its order; a list repeats the element; None is left out."""
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(to_xml(name, part, attributes) for part in content)
    space = f" {attributes}" if attributes else ""
    if isinstance(content, dict):
        inner = children(content.items())
    elif isinstance(content, bool):
        inner = "true" if content else "false"
    else:
        inner = escape(str(content))
    return f"<{name}{space}>{inner}</{name}>" if inner else f"<{name}{space}/>"


def children(pairs: Iterable[tuple[str, Any]]) -> str:
    """Several elements after one another."""
    return "".join(to_xml(name, content) for name, content in pairs)
