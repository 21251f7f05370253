"""What is known of the whole customer base: learned from small tallies that can be added up over buckets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Org:
    """Facts of the whole customer base at one moment."""
