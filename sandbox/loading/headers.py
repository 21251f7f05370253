"""What a loader reads of a mail's raw headers."""

from __future__ import annotations

import re

_FROM = re.compile(r"^From:[ \t]*(?:\"?([^\"<\r\n]*?)\"?[ \t]*)?<?([^<>\s]+@[^<>\s]+)>?", re.MULTILINE | re.IGNORECASE)
_MESSAGE_ID = re.compile(r"^Message-ID:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)


def sender_in(headers: str | None) -> tuple[str, str] | None:
    """Name (empty where there is none, or it is encoded) and address, in lower case, of the line ``From:``; None without one."""
    found = _FROM.search(headers) if headers else None
    if found is None:
        return None
    return ("" if "=?" in (found[1] or "") else (found[1] or "").strip()), found[2].lower()


def message_id_in(headers: str | None) -> str | None:
    """The ``Message-ID``, with its brackets; None without one."""
    found = _MESSAGE_ID.search(headers) if headers else None
    return found[1] if found else None
