"""The page that lists all fields, for docs/fields.md. Made of the fields alone, so that it cannot differ from them."""

from __future__ import annotations

from collections.abc import Sequence

from transforms.vocabulary.fields import Field, Group, Kind

_KINDS = {
    Kind.CHOICE: "one of",
    Kind.TEXT: "a line of text",
    Kind.LONG_TEXT: "a few sentences",
    Kind.DATE: "a day",
    Kind.DATETIME: "a day and time",
    Kind.COUNT: "a whole number",
    Kind.SCORE: "0 to 100",
    Kind.CHANCE: "a chance in percent, in steps of 5",
    Kind.SHARE: "a share in percent, in steps of 5",
    Kind.FLAG: "yes or no",
}
_OPENING = """# The fields

What Still There writes on contacts and companies. Nothing here counts an open or a click: machines make them.
This page is made from the fields themselves by `stillthere fields`; do not edit it.
"""


def render_fields_page(fields: Sequence[Field]) -> str:
    """The fields as one Markdown page: contacts by group, then companies."""
    parts = [_OPENING]
    for table, title in (("contacts", "On the contact"), ("companies", "On the company")):
        for group in Group:
            shown = [field for field in fields if field.table == table and field.group is group]
            if shown:
                parts.append(f"## {title}: {group.value[0].lower()}{group.value[1:]}\n")
                parts.extend(_entry(field) for field in shown)
    return "\n".join(parts)


def _entry(field: Field) -> str:
    options = ", ".join(f"`{option.value}` {option.label}" for option in field.options)
    kind = f"{_KINDS[field.kind]}: {options}" if options else _KINDS[field.kind]
    return f"### {field.label}\n\n`{field.name}` · {kind}\n\n{field.help}\n"
