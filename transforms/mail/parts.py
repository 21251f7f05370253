"""The part of a text that its writer wrote now: without markup, without what is quoted, without the signature."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from transforms.mail.phrases import fold, word_pattern

LONGEST = 20_000
"""Characters of a body that are looked at. What a notice says, it says early; the rest is quotes and small print."""

# Behind the name of a tag stands a space or its end: "<a.meier@halden.example>" is an address.
_MARKUP = re.compile(r"<\s{0,9}(?:!doctype|html|head|body|div|p|br|span|table|font|blockquote|a)(?=[\s/>])[^>]{0,1000}>", re.IGNORECASE)
_BRACKETED = re.compile(r"<(?=[\w.+'-]{1,64}@)([^<>\s]{3,320})>")
_BLOCKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol", "hr"})
_UNSEEN = frozenset({"script", "style", "head", "title", "blockquote"})
_VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "col", "area", "base", "wbr"})
_QUOTE_CLASSES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "divrplyfwdmsg", "appendonsend", "protonmail_quote")


class _Text(HTMLParser):
    """Collects what a reader sees, without quoted blocks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden: list[str] = []
        self.is_over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        marks = " ".join((value or "") for name, value in attrs if name in {"class", "id"}).lower()
        if any(mark in marks for mark in _QUOTE_CLASSES):
            # Mail programs put the quoted conversation last; nothing after it was written now.
            self.is_over = True
        if tag in _BLOCKS:
            self.pieces.append("\n\n" if tag in {"p", "div", "table", "hr"} else "\n")
        if tag in _UNSEEN and tag not in _VOID:
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            while self._hidden.pop() != tag:
                pass
        if tag in {"p", "div", "li", "tr"}:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden and not self.is_over:
            self.pieces.append(data.replace("\n", " "))


def to_plain(body: str) -> str:
    """The body as a reader sees it; what is no markup comes back as it is."""
    body = body[:LONGEST]
    if "<" not in body or not _MARKUP.search(body):
        return body
    parser = _Text()
    # Addresses in sharp brackets, which nobody wrote as markup should be, are no tags.
    body = _BRACKETED.sub(r" \1 ", body)
    try:
        parser.feed(body)
        parser.close()
    except (AssertionError, ValueError):
        # The standard parser gives up on some broken declarations; then the tags are cut out roughly.
        return html.unescape(re.sub(r"<[^>]{0,500}>", " ", body))
    return "".join(parser.pieces)


_RULE = re.compile(r"^\s*(?:_{10,}|-{10,})\s*$")
_DASHES = re.compile(r"^(?:--|__|—)\s*$")
_OLD_SIGN = re.compile(r"^\s*(?:>|\|)")
_HEADER_LINES = 2


def new_text(body: str) -> str:
    """The body without quoted text: cut at the first line that opens a quote, and without lines that begin with ``>``."""
    lines = to_plain(body).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    opens, heads = word_pattern("quote", starts_line=True), word_pattern("header", starts_line=True)
    kept: list[str] = []
    for number, line in enumerate(lines):
        if _OLD_SIGN.match(line):
            continue
        short = line.strip(" *\t")
        if short and len(short) <= 200 and kept and any(c in short for c in ":：-"):
            folded = fold(short)
            if opens.match(folded) or (len(short) < 80 and number + 1 < len(lines) and opens.match(fold(short + " " + lines[number + 1]))):
                break
            if heads.match(folded) and _count_heads(lines[number : number + 6], heads) >= _HEADER_LINES:
                break
        if _RULE.match(line) and any(heads.match(fold(nxt.strip(" *\t"))) for nxt in lines[number + 1 : number + 3] if nxt.strip()):
            break
        kept.append(line)
    return "\n".join(kept).strip()


def _count_heads(lines: list[str], heads: re.Pattern[str]) -> int:
    return sum(1 for line in lines if line.strip() and heads.match(fold(line.strip(" *\t"))))


def split_signature(text: str) -> tuple[str, str]:
    """The message and the signature: from ``-- `` on, or from a closing line such as "Kind regards" in the text's second part."""
    lines = text.split("\n")
    closing = word_pattern("signature", starts_line=True)
    for number, line in enumerate(lines):
        if number and _DASHES.match(line):
            return "\n".join(lines[:number]).strip(), "\n".join(lines[number:])
        short = line.strip()
        # A closing stands alone on its line: "Thanks," closes, "Thanks for your message" does not.
        if number and short and len(short) <= 40:
            found = closing.match(fold(short))
            if found and len(fold(short)) - found.end() <= 12 and any(rest.strip() for rest in lines[:number]):
                return "\n".join(lines[:number]).strip(), "\n".join(lines[number:])
    return text.strip(), ""


def without_greeting(message: str) -> str:
    """The message without its first line, where that is a short greeting."""
    first, _, rest = message.lstrip().partition("\n")
    if len(first) <= 40 and word_pattern("greeting", starts_line=True).match(fold(first)) and rest.strip():
        return rest.strip()
    return message.strip()
