"""The plain text of what CRMs keep as HTML, for whoever reads it there or shows it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS = {"p", "div", "li", "tr", "h1", "h2", "h3", "h4", "blockquote", "table", "ul", "ol"}
_SILENT = {"style", "script", "head", "title"}


def to_plain(html: str, *, parts_paragraphs: bool = False) -> str:
    """The text of an HTML body, with its line breaks; with ``parts_paragraphs`` an empty line stands after each paragraph."""
    reader = _Reader(parts_paragraphs=parts_paragraphs)
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    """Collects the text between the tags."""

    def __init__(self, *, parts_paragraphs: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._parts_paragraphs = parts_paragraphs
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in _SILENT:
            self._silent += 1
        if tag == "br":
            self.parts.append("\n")
        elif tag in _BLOCKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        if tag in _BLOCKS:
            self._break()
        if tag == "p" and self._parts_paragraphs:
            self.parts.append("\n")

    def _break(self) -> None:
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)
