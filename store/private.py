"""Files and folders for their owner alone, whatever the umask is."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType


class _PrivateFiles:
    """While entered, new files of this process are readable by their owner alone.

    The umask belongs to the whole process, so the first who enters sets it and the last who leaves puts it back:
    other threads may meanwhile make files more private than they meant to, never less.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = os.umask(0o077)
            self._inside += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                os.umask(self._before)


PRIVATE_FILES = _PrivateFiles()


def make_private(folder: Path) -> None:
    """Make the folder where there is none, and let only its owner into it (0700), also one that others could read before.

    Folders above it that must be made are as private. Raises OSError where it cannot be done, as with a folder that is somebody else's.
    """
    with PRIVATE_FILES:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def open_private(file: Path) -> int:
    """A descriptor to write a file anew, readable by its owner alone (0600), also one that others could read before."""
    opened = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    if os.fstat(opened).st_mode & 0o077:
        os.fchmod(opened, 0o600)
    return opened
