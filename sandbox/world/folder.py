"""Writes a world as files: what the sandbox loads, and the truth in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd

from sandbox.world.making import World


def write_world(world: World, folder: Path | str, format: Literal["csv", "parquet"] = "csv") -> list[Path]:  # noqa: A002 - the word people expect
    """Write ``contacts``, ``companies``, ``activities`` and ``owners`` into ``folder``, and return the paths of all files.

    These four are what ``stillthere sandbox --load`` and ``stillthere score`` read. The facts that only HubSpot has go to ``extras/``,
    the truth to ``truth/``; neither is loaded. Files that are there already are replaced.
    """
    root = Path(folder)
    tables: dict[str, pd.DataFrame] = {
        "contacts": world.contacts,
        "companies": world.companies,
        "activities": world.activities,
        "owners": world.owners,
        **{f"extras/{name}": frame for name, frame in world.extras.items()},
        "truth/contacts": world.truth,
        "truth/companies": world.company_truth,
        "truth/messages": world.message_truth,
    }
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
