"""SOAP envelopes of the Metadata API, read and written."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

from sandbox.salesforce.metadata.tree import METADATA, SCHEMA_INSTANCE, BadXml, Tree, children, local, parse, to_tree, to_xml

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
CONTENT_TYPE = "text/xml;charset=UTF-8"


class NoMessage(Exception):
    """The body is no call to the Metadata API."""


@dataclass(frozen=True)
class Message:
    """One call: the operation (``createMetadata``), its element, and its header ``AllOrNoneHeader``."""

    operation: str
    element: ET.Element
    all_or_none: bool

    @property
    def tree(self) -> Tree:
        """The call's parts as plain values."""
        found = to_tree(self.element)
        return found if isinstance(found, dict) else {}


def read_message(body: bytes) -> Message:
    """The call in an envelope. Raises NoMessage where there is none."""
    try:
        root = parse(body)
    except BadXml as fault:
        raise NoMessage(f"Unable to parse the message: {fault}") from None
    inside = root.find(f"{{{SOAP}}}Body")
    if inside is None or len(inside) == 0:
        raise NoMessage("The message has no operation in its Body")
    call = inside[0]
    if not call.tag.startswith(f"{{{METADATA}}}"):
        raise NoMessage(f"No operation available for request {call.tag}")
    option = root.find(f"{{{SOAP}}}Header/{{{METADATA}}}AllOrNoneHeader/{{{METADATA}}}allOrNone")
    return Message(local(call), call, option is not None and (option.text or "").strip().lower() in {"true", "1"})


def type_of(element: ET.Element) -> str:
    """The component type that ``xsi:type`` names, without its prefix."""
    return (element.get(f"{{{SCHEMA_INSTANCE}}}type") or "").rpartition(":")[2]


def answer_text(operation: str, results: str) -> bytes:
    """The envelope of an answer whose ``result`` elements are already written."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns="{METADATA}" '
        f'xmlns:xsi="{SCHEMA_INSTANCE}"><soapenv:Body>{to_raw(f"{operation}Response", results)}</soapenv:Body></soapenv:Envelope>'
    ).encode()


def to_raw(name: str, inner: str) -> str:
    """An element round text that is XML already."""
    return f"<{name}>{inner}</{name}>" if inner else f"<{name}/>"


def client_fault(text: str) -> bytes:
    """The envelope that refuses a body which is no call."""
    inner = f"<soapenv:Fault><faultcode>soapenv:Client</faultcode>{to_xml('faultstring', text)}</soapenv:Fault>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{SOAP}"><soapenv:Body>{inner}</soapenv:Body></soapenv:Envelope>'
    ).encode()


def record_text(type_name: str, tree: Tree) -> str:
    """One component as ``readMetadata`` tells it; a component that does not exist is an empty record."""
    if not tree:
        return '<records xsi:nil="true"/>'
    return f'<records xsi:type="{type_name}">{children(tree.items())}</records>'
