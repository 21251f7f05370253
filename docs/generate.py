"""Writes the reference pages and the Salesforce package from the program itself: ``python -m docs.generate``, and ``--check`` in CI."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import typer

from connectors.hubspot.scopes import SCOPES
from connectors.salesforce.package import source_files
from connectors.salesforce.rights import RIGHTS
from flows.cli import app
from flows.settings import Settings
from transforms.fields import FIELDS
from transforms.fields.page import render_fields_page
from transforms.policy import Policy
from transforms.vocabulary.tables import TABLES

FOLDER = Path(__file__).parent


def commands_page() -> str:
    """Every command with its options, as the program itself explains them."""
    group = typer.main.get_command(app)
    context = typer.Context(group, info_name="stillthere")
    parts = ["# Commands", "", "Written by `make docs` from the program; do not edit.", "", group.help or "", ""]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        parts += [f"## stillthere {name}", "", command.help or "", ""]
        epilog = (command.epilog or "").partition("[/dim]")[2].strip()
        parts += ["```", epilog, "```", "", "| option | meaning | default |", "| --- | --- | --- |"]
        for option in command.params:
            spelling = f"`{option.name.upper()}`" if option.param_type_name == "argument" else ", ".join(f"`{o}`" for o in option.opts)
            default = "" if option.default in (None, False) or option.required else f"`{option.default}`"
            parts.append(f"| {spelling}{' (required)' if option.required else ''} | {getattr(option, 'help', '') or ''} | {default} |")
        parts.append("")
    parts += [
        "Exit codes: 0 done · 3 done, but some rows failed (each listed) · 10 a person must change something · 20 the CRM cannot be reached ·",
        "30 refused to guess · 130 stopped with Ctrl-C.",
        "",
    ]
    return "\n".join(parts)


FILES_PAGE = """# Your own files

Written by `make docs` from the program; do not edit.

`stillthere score`, `stillthere backtest` and `stillthere sandbox --load` read these tables from CSV or Parquet files.
The table owners is read by the sandbox alone. A column with * is required, in every row; all others may be missing, or empty in some rows. A column that is not listed is refused by name.

    contact_id,email,company_id,created_at
    007,priya@northwind.example,12,2024-03-01

    activity_id,contact_id,occurred_at,channel,direction,outcome
    a1,007,2026-11-02T09:30:00Z,email,outbound,delivered
    a2,007,2026-11-02T11:05:00Z,email,inbound,

- **CSV**: UTF-8, commas, names of columns in the first line. An empty cell is missing; words such as NA are texts.
- **Ids** are texts: `007` and `7` are two. In Parquet they may be numbers.
- **Times** are ISO 8601, such as `2026-11-22T09:00:00Z`; without a time zone they are UTC. What is dated before 1970, or after the moment that is
  asked for, is left out. `--as-of` must name its time zone.
- **Flags** are true or false, yes or no, 1 or 0, in any case.
- **crm** may be left out; then it must be left out of all files. A contact comes once for each `crm` and `contact_id`, an activity once for
  each `crm`, `activity_id` and `contact_id`.
- Activities whose contact is not in the file are left out by `score`, which says how many; `sandbox --load` refuses them.
- `--out` of `score` must be another file than those that are read. What stood there is replaced as a whole, or not at all.
"""


def files_page() -> str:
    """The tables that can be read from files, column by column."""
    parts = [FILES_PAGE]
    for table in TABLES.values():
        parts += [f"## {table.name}", "", "| column | type | meaning |", "| --- | --- | --- |"]
        for column in table.columns:
            words = f": {', '.join(map(str, column.words))}" if column.words else ""
            parts.append(f"| `{column.name}`{' *' if column.required else ''} | {column.type} | {column.meaning}{words} |")
        parts.append("")
    return "\n".join(parts)


def settings_page() -> str:
    """Every setting with its names and default."""
    parts = ["# Settings", "", "Written by `make docs` from the program; do not edit.", ""]
    parts += [
        "Settings come from the environment and from `stillthere.toml` in the working folder; the environment wins. Secrets come from the environment alone.",
        "",
    ]
    parts += ["| environment | in the file | meaning | default |", "| --- | --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        if name == "policy":
            continue
        is_secret = "Secret" in str(field.annotation)
        default = "" if field.default is None or field.default_factory is not None else f"`{field.default}`"
        parts.append(f"| `{field.validation_alias}` | {'(never)' if is_secret else f'`{name}`'} | {field.description} | {default} |")
    parts += [
        "",
        "## Thresholds",
        "",
        "Any of these may stand in the table `[policy]` of the file.",
        "",
        "| name | meaning | default |",
        "| --- | --- | --- |",
    ]
    meanings = threshold_meanings()
    parts += [f"| `{one.name}` | {meanings[one.name]} | `{one.default}` |" for one in dataclasses.fields(Policy)]
    return "\n".join([*parts, ""])


def threshold_meanings() -> dict[str, str]:
    """The text below each threshold in the source of Policy."""
    body = ast.parse(inspect.getsource(Policy)).body[0].body
    return {
        one.target.id: " ".join(text.value.value.split())
        for one, text in itertools.pairwise(body)
        if isinstance(one, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


def scopes_table() -> str:
    """The least scopes of HubSpot, each with its reason."""
    return "\n".join(["| scope | for |", "|---|---|", *(f"| `{one.name}` | {one.why} |" for one in SCOPES)])


def rights_table() -> str:
    """The least rights in Salesforce, each with its reason."""
    return "\n".join(["| right | for |", "|---|---|", *(f"| {one.label} | {one.why} |" for one in RIGHTS)])


BLOCKS = {
    "SECURITY.md": {"scopes": scopes_table, "rights": rights_table},
    "docs/hubspot.md": {"scopes": scopes_table},
    "docs/salesforce.md": {"rights": rights_table},
}
"""Parts of pages that are otherwise written by hand, between two marks."""


def with_blocks(text: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """A page with its generated parts as they should be."""
    for name, render in blocks.items():
        begin, end = f"<!-- {name}: written by make docs -->\n", f"<!-- end of {name} -->\n"
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"a page lacks the marks of its part {name}")
        text = f"{before}{begin}\n{render()}\n\n{end}{after}"
    return text


PAGES = {
    "commands.md": commands_page,
    "files.md": files_page,
    "settings.md": settings_page,
    "fields.md": lambda: render_fields_page(FIELDS),
}
PACKAGE = FOLDER.parent / "deployments" / "salesforce"
BY_HAND = {PACKAGE / "README.md"}


def generated() -> dict[Path, str]:
    """Every generated file with its text."""
    pages = {FOLDER / name: render() for name, render in PAGES.items()}
    for name, blocks in BLOCKS.items():
        path = FOLDER.parent / name
        pages[path] = with_blocks(path.read_text(encoding="utf-8"), blocks)
    return pages | {PACKAGE / name: text for name, text in source_files(FIELDS).items()}


def main(arguments: list[str]) -> int:
    """Write the files and take away those of the package that belong to no field any more; with --check only say which (exit code 1)."""
    wanted = generated()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    orphans = [path for path in PACKAGE.rglob("*") if path.is_file() and path not in wanted.keys() | BY_HAND]
    if "--check" in arguments:
        if stale or orphans:
            names = ", ".join(str(path.relative_to(FOLDER.parent)) for path in (*stale, *orphans))
            sys.stderr.write(f"Not current: {names}; run `make docs` and commit what it writes.\n")
        return int(bool(stale or orphans))
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    for path in orphans:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
