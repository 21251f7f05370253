"""Writes a world as files: what the sandbox loads, and the truth in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd

from sandbox.world.making import World
from sandbox.world.parting import Parted
from transforms.vocabulary.tables import TABLES


def write_world(world: World, folder: Path | str, format: Literal["csv", "parquet"] = "csv") -> list[Path]:  # noqa: A002 - the word people expect
    """Write ``contacts``, ``companies``, ``activities`` and ``owners`` into ``folder``, and return the paths of all files.

    These four are what ``stillthere sandbox --load`` and ``stillthere score`` read. The facts that only HubSpot has go to ``extras/``,
    the truth to ``truth/``; neither is loaded. Files that are there already are replaced.
    """
    return _write(
        {
            **{name: getattr(world, name) for name in TABLES},
            **{f"extras/{name}": frame for name, frame in world.extras.items()},
            **_truth(world),
        },
        Path(folder),
        format,
    )


def write_parted(parted: Parted, folder: Path | str, format: Literal["csv", "parquet"] = "csv") -> list[Path]:  # noqa: A002 - the same
    """Write the customers of two CRMs into one folder: the four tables with both CRMs' rows, told apart by ``crm``.

    What only a vendor has goes to ``extras/hubspot/`` and ``extras/salesforce/``; the truth to ``truth/``, with ``truth/persons`` saying
    which records are one human.
    """
    both = (parted.hubspot, parted.salesforce)
    return _write(
        {
            **{name: pd.concat([getattr(world, name) for world in both], ignore_index=True) for name in TABLES},
            **{
                f"extras/{crm}/{name}": frame
                for crm, world in zip(("hubspot", "salesforce"), both, strict=True)
                for name, frame in world.extras.items()
            },
            **{name: pd.concat([_truth(world)[name] for world in both], ignore_index=True) for name in _truth(parted.hubspot)},
            "truth/persons": parted.persons,
        },
        Path(folder),
        format,
    )


def _truth(world: World) -> dict[str, pd.DataFrame]:
    return {"truth/contacts": world.truth, "truth/companies": world.company_truth, "truth/messages": world.message_truth}


def _write(tables: dict[str, pd.DataFrame], root: Path, format: str) -> list[Path]:  # noqa: A002 - the same
    paths = []
    for name, frame in tables.items():
        path = root / f"{name}.{format}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if format == "parquet":
            frame.to_parquet(path, index=False)
        else:
            frame.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
        paths.append(path)
    return paths
