"""Giving memory back: what a step has freed returns to the system before the next step begins.

Frames come and go by the hundred megabytes. Python's and Arrow's allocators keep what was freed for later, so that without this the
largest moments of all steps would add up.
"""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa

_ARENA_MAX = -8
"""The number of M_ARENA_MAX in glibc's malloc.h."""

_ARENAS = 2
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""The numbers of these in the same file."""

_KEPT = 2**28


def share_pools() -> None:
    """Let all threads share two pools of memory, and Arrow use them too. Call it before threads begin.

    Many threads with a pool each keep much that nobody uses, and so does Arrow's own pool: columns that stay lie between columns that
    went, and whole pages cannot be handed back. In a first sync of 20,000 contacts that was 75 MB, and it is no slower.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    if sys.platform == "linux":
        choose = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it, musl has not
        if choose is not None:
            choose(_ARENA_MAX, _ARENAS)


def keep_freed() -> None:
    """Keep up to 256 MB of what is freed: for a process that computes much and then ends.

    Else each large column is asked of the system anew, which hands it out page by page: a fifth of the time of computing fields.
    """
    if sys.platform == "linux":
        choose = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it, musl has not
        if choose is not None:
            choose(_MMAP_THRESHOLD, _KEPT)
            choose(_TRIM_THRESHOLD, _KEPT)
            pa.set_memory_pool(pa.system_memory_pool())


def give_back() -> None:
    """Hand freed memory back to the system. Takes some milliseconds; changes nothing else, and does nothing where the C library cannot."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
        if trim is not None:
            trim(0)
