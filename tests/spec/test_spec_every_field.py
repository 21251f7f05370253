"""No field without a spec, a help text, a label: a field that lacks one is named."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from transforms.accounts import AccountBook
from transforms.book import Book
from transforms.fields import FIELDS
from transforms.fields.page import render_fields_page
from transforms.vocabulary.fields import Field, Kind

HERE = Path(__file__).parent


def specified() -> set[tuple[str, str]]:
    """(table, name) of every field that is the first argument of a ``check`` in a spec."""
    found = set()
    for path in HERE.glob("test_spec_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "check" and node.args:
                field = node.args[0]
                if isinstance(field, ast.Attribute) and isinstance(field.value, ast.Name):
                    found.add(("companies" if field.value.id == "account" else "contacts", field.attr))
                elif isinstance(field, ast.Name):
                    found.add(("contacts", field.id))
    return found


def key(field: Field) -> str:
    """How a field is called in the names of tests."""
    return f"{field.table}-{field.name}"


@pytest.mark.parametrize("field", FIELDS, ids=key)
def test_every_field_has_a_spec(field: Field) -> None:
    """Each field is checked by at least one table of what happened."""
    assert (field.table, field.name) in specified(), f"write a spec table for {field.name} in tests/spec"


@pytest.mark.parametrize("field", FIELDS, ids=key)
def test_every_field_speaks_to_people(field: Field) -> None:
    """A short label, and a help text of at least one whole sentence that fits the CRM's description (HubSpot keeps 1,024 characters or more)."""
    assert 3 <= len(field.label) <= 40
    assert field.help.endswith(".")
    assert 40 <= len(field.help) <= 1000


@pytest.mark.parametrize("field", FIELDS, ids=key)
def test_every_field_fits_the_crm_name(field: Field) -> None:
    """At most 40 characters with the prefix, lower case, words parted by underscores."""
    assert field.name.replace("_", "").isalnum()
    assert field.name == field.name.lower()
    assert len(f"stillthere_{field.name}") <= 40


@pytest.mark.parametrize("field", FIELDS, ids=key)
def test_every_field_names_views_that_exist(field: Field) -> None:
    """``explain`` shows the rows of these views."""
    book = Book if field.table == "contacts" else AccountBook
    known = set(dir(book)) | {"activities", "persons", "people"}
    assert field.views
    assert [view for view in field.views if view not in known] == []


def test_no_two_fields_share_a_name_or_label() -> None:
    """Within one table, names and labels are unique."""
    for attribute in ("name", "label"):
        counts = Counter((field.table, getattr(field, attribute)) for field in FIELDS)
        assert [word for word, count in counts.items() if count > 1] == []


def test_names_say_what_the_value_is() -> None:
    """Times end in _at, flags begin with is_ or has_ (a fact that needs neither is left alone)."""
    assert [f.name for f in FIELDS if f.kind is Kind.DATETIME and not f.name.endswith("_at")] == []


def test_the_page_of_fields_shows_each_field() -> None:
    """docs/fields.md is made of FIELDS alone: label, name, help and options of each."""
    page = render_fields_page(FIELDS)
    assert [field.name for field in FIELDS if f"`{field.name}`" not in page or field.label not in page or field.help not in page] == []
    assert [option.value for field in FIELDS for option in field.options if f"`{option.value}`" not in page] == []
