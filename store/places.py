"""Where the lake lies: a private local folder, or any object store that delta-rs can reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from deltalake.exceptions import DeltaError

from store.private import PRIVATE_FILES, make_private
from transforms.vocabulary.errors import BadSettings, PersonMustAct


@dataclass(frozen=True)
class Place:
    """The root under which all tables lie. ``options`` go to the object store as they are and are never shown."""

    root: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def at(cls, url: str | Path, options: Mapping[str, str] | None = None) -> Place:
        """The place of that folder or URL; a local folder is made, readable by its owner alone (0700).

        Raises BadSettings where the folder cannot be made, or exists as a file.
        """
        text = str(url)
        parts = urlsplit(text)
        if parts.scheme == "file":
            text = unquote(parts.path)
        elif "://" in text:
            return cls(text.rstrip("/"), dict(options or {}))
        folder = Path(text).expanduser().absolute()
        try:
            make_private(folder)
        except OSError as error:
            raise BadSettings(
                f"The lake's folder {folder} could not be made private ({error.strerror}); name another one in STILLTHERE_LAKE."
            ) from error
        return cls(str(folder), {})

    @property
    def is_local(self) -> bool:
        """Whether the lake is a folder of this machine."""
        return "://" not in self.root

    @property
    def shown(self) -> str:
        """The root as it may be shown: without user and password."""
        if self.is_local:
            return self.root
        parts = urlsplit(self.root)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def table(self, name: str) -> str:
        """The address of a table."""
        return f"{self.root}/{name}"

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Keep new files private, and turn what the storage raises into PersonMustAct: one sentence."""
        with PRIVATE_FILES if self.is_local else _NOTHING:
            try:
                yield
            except (DeltaError, pa.ArrowException, OSError) as error:
                said = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise PersonMustAct(
                    f"{what} in the lake at {self.shown} did not work ({said}); check STILLTHERE_LAKE, its credentials and the space left."
                ) from error


class _Nothing:
    """An object store has no umask."""

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing to do."""


_NOTHING = _Nothing()
