"""The gate of the metadata service: every exception of the libraries that speak to it becomes one of ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree as ET

from lxml.etree import LxmlError  # type: ignore[import-untyped]  # lxml has no types
from simple_salesforce.exceptions import SalesforceError
from zeep.exceptions import Error as ZeepError
from zeep.exceptions import Fault, TransportError, ValidationError

from connectors.salesforce.answers import ENDED_SESSIONS, cut_short, verdict
from transforms.vocabulary.errors import RequestRejected

OWN_FAULTS = frozenset({"SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION"})
"""Codes by which the service says that the fault is its own."""


def _holds_no_message(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


# At this level zeep logs whole messages, with the session in them; whoever turns all logging up must not get that.
logging.getLogger("zeep.transports").addFilter(_holds_no_message)


@contextmanager
def library_gate(what: str) -> Iterator[None]:
    """Turn what zeep, lxml and simple-salesforce raise into our errors. ``what`` completes 'we tried to …'.

    An answer that cannot be read is asked for again; a message that the library would not build is our own defect. Theirs are not kept as the cause
    of ours: they quote what was sent or came back, with the session in it, and whatever logs an error logs its cause too.
    """
    try:
        yield
    except Fault as fault:
        code = str(fault.code or "").rpartition(":")[2]
        if not code:  # zeep takes a gateway's page for a fault
            raise cut_short(what) from None
        status = 401 if code in ENDED_SESSIONS else 500 if code in OWN_FAULTS else 400
        raise verdict(status, {}, [{"errorCode": code, "message": str(fault.message)}], what=what) from None
    except TransportError as error:
        status = int(error.status_code or 500)
        raise (cut_short(what) if status < 300 else verdict(status, {}, None, what=what)) from None
    except SalesforceError as error:
        status = error.status if isinstance(error.status, int) else 500
        raise verdict(status, {}, error.content, what=what) from None
    except ValidationError as error:
        raise RequestRejected(
            f"We tried to {what} and the client library would not send it ({type(error).__name__}); please report this.",
            status=0,
            code=type(error).__name__,
        ) from None
    except (ZeepError, LxmlError, ET.ParseError, AttributeError):
        # zeep asks nothing for its root where an answer holds no XML at all, such as JSON.
        raise cut_short(what) from None
