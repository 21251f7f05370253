"""Parts of a plan: cells and tasks chosen by CRM, table, field, record, play or kind. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from transforms.vocabulary.errors import BadInput

KINDS = ("cells", "tasks")
KEYS = ("crm", "table", "field", "record", "play")
FORMS = ", ".join([*(f"{key}=…" for key in KEYS), *KINDS])
SHOWN = 12
"""So many of the words that a plan knows are named where one was not found."""


@dataclass(frozen=True)
class Changes:
    """What a plan would do: CELLS, and TASKS to create and to change."""

    cells: pd.DataFrame
    create: pd.DataFrame
    update: pd.DataFrame

    def facets(self) -> list[pd.DataFrame]:
        """For each of the three, in their order, what a row can be chosen by; missing where it has no such thing."""
        cells = self.cells[["crm", "table", "field"]].assign(record=self.cells["record_id"], play=pd.NA, kind="cells")
        tasks = [
            of[["crm", "play"]].assign(table=pd.NA, field=pd.NA, record=of["contact_id"], kind="tasks") for of in (self.create, self.update)
        ]
        return [cells, *tasks]


def pick_changes(changes: Changes, only: Sequence[str], without: Sequence[str]) -> Changes:
    """What is left of the changes. ``only``: at least one of the given words of each key must fit. ``without``: whatever fits one goes.

    A word is ``crm=hubspot``, ``table=contacts``, ``field=why``, ``record=51`` (for a task its contact), ``play=help_first``, ``cells`` or ``tasks``.
    A task has no table and no field, a cell no play: words about these leave it out, or leave it alone.

    Raises BadInput where a word is of no such form, fits nothing in the plan (then with what there is), or where nothing would be left.
    """
    facets = changes.facets()
    wanted, unwanted = ([_read(word, facets) for word in words] for words in (only, without))
    kept = [_kept(facet, wanted, unwanted) for facet in facets]
    if (only or without) and not sum(int(rows.sum()) for rows in kept):
        raise BadInput("What was given with --only and --without leaves nothing of the plan; ask for less at once.")
    cells, create, update = (
        frame[rows.to_numpy()].reset_index(drop=True)
        for frame, rows in zip((changes.cells, changes.create, changes.update), kept, strict=True)
    )
    return replace(changes, cells=cells, create=create, update=update)


def _read(word: str, facets: Sequence[pd.DataFrame]) -> tuple[str, str]:
    """A word as facet and value. Raises BadInput where nothing in the plan fits it."""
    key, _, value = (part.strip() for part in word.partition("="))
    if word.strip() in KINDS:
        key, value = "kind", word.strip()
    elif key not in KEYS or not value:
        raise BadInput(f"{word!r} was given to choose a part of the plan; give one of {FORMS}.")
    there = sorted({str(one) for facet in facets for one in facet[key].dropna().unique()})
    if value not in there:
        named = ", ".join(one if key == "kind" else f"{key}={one}" for one in there[:SHOWN]) or f"nothing with a {key}"
        more = f" and {len(there) - SHOWN:,} more" if len(there) > SHOWN else ""
        raise BadInput(f"{word!r} was given to choose a part of the plan, and nothing in it fits; there is {named}{more}.")
    return key, value


def _kept(facet: pd.DataFrame, wanted: Sequence[tuple[str, str]], unwanted: Sequence[tuple[str, str]]) -> pd.Series:
    kept = pd.Series(data=True, index=facet.index)
    for key in {key for key, _ in wanted}:
        kept &= facet[key].isin([value for of, value in wanted if of == key])
    for key in {key for key, _ in unwanted}:
        kept &= ~facet[key].isin([value for of, value in unwanted if of == key])
    return kept
