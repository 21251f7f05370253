"""``stillthere fields``: every field, its name in the CRM, its type, and what it means."""

from __future__ import annotations

from rich.table import Table

from connectors.hubspot.definitions import property_name
from connectors.salesforce.names import api_name
from flows.answer import Answer
from transforms.fields import FIELDS


def run_fields() -> Answer:
    """All fields, in the order of the registry."""
    rows = [
        {
            "name": field.name,
            "table": field.table,
            "label": field.label,
            "kind": field.kind.value,
            "group": field.group.value,
            "options": {option.value: option.label for option in field.options},
            "help": field.help,
            "hubspot": property_name(field.name),
            "salesforce": api_name(field.name),
        }
        for field in FIELDS
    ]
    table = Table("Field", "HubSpot and Salesforce", "What it means", show_lines=True)
    for field, row in zip(FIELDS, rows, strict=True):
        table.add_row(f"[bold]{field.label}[/bold]\n{field.table}, {field.kind}", f"{row['hubspot']}\n{row['salesforce']}", field.help)
    return Answer({"fields": rows}, [table])
