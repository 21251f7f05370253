"""The messages in the source distribution of flufl.bounce: the same recipients, and temporary where the library says so.

They are read where ``FLUFL_BOUNCE_SOURCE`` names the unpacked distribution; they are not part of this project.
"""

import ast
import os
from pathlib import Path

import pytest

from transforms.mail.reading import read_message

FEWEST_FOUND = 0.97
"""The library reads these messages by rules that were made on them; some of its findings are differences of opinion (an original against a final recipient)."""


def expectations(tests: Path) -> dict[str, tuple[set[str], bool]]:
    """The library's own table: file, recipients, and whether the failure is temporary."""
    for node in ast.parse((tests / "test_detectors.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "DETECTORS":
            table = ast.literal_eval(node.value)
            return {name: ({a.decode("ascii").lower() for a in addresses}, temporary) for _, name, addresses, temporary in table}
    raise AssertionError("the table DETECTORS is not in test_detectors.py")


def test_the_messages_of_the_library_are_read_as_the_library_reads_them() -> None:
    """Nearly every recipient of its table is found, nearly nobody else, and what it calls temporary is temporary or a full mailbox."""
    source = os.environ.get("FLUFL_BOUNCE_SOURCE")
    if not source:
        pytest.skip("FLUFL_BOUNCE_SOURCE does not name an unpacked source distribution of flufl.bounce")
    tests = Path(source) / "tests"
    hit = missed = others = 0
    for name, (expected, is_temporary) in expectations(tests).items():
        readings = [r for r in read_message((tests / "data" / name).read_bytes()) if r.kind == "bounce"]
        found = {reading.recipient for reading in readings}
        hit, missed, others = hit + len(found & expected), missed + len(expected - found), others + len(found - expected)
        if is_temporary:
            assert {reading.reason for reading in readings} <= {"temporary", "mailbox_full"}
    assert hit / (hit + missed) >= FEWEST_FOUND
    assert hit / (hit + others) >= FEWEST_FOUND
