"""What a ticket is about stays as a sign; its text does not."""

import pandas as pd

from transforms.signals import read_signals
from transforms.vocabulary.tables import ACTIVITIES, to_table


def test_a_ticket_keeps_what_it_is_about_and_not_its_text() -> None:
    """The reason and the phrase of our lists are kept, subject and body are not; a closing says nothing of its own."""
    rows = [
        {"outcome": "opened_ticket", "direction": "inbound", "subject": "Export", "body": "The export fails at row 10,000."},
        {"outcome": "closed_ticket", "direction": "internal", "subject": "The export fails at row 10,000."},
        {"outcome": "opened_ticket", "direction": "inbound", "subject": "How do I add a colleague?"},
        {"outcome": "opened_ticket", "direction": "inbound"},
    ]
    shared = {"contact_id": "ana", "channel": "ticket", "occurred_at": "2026-11-02T09:00:00Z"}
    frame = to_table(ACTIVITIES, pd.DataFrame([{"activity_id": f"t{place}", **shared, **row} for place, row in enumerate(rows)]))
    read = read_signals(frame)
    assert read["reason"].fillna("").to_list() == ["breakage", "", "how_to", ""]
    assert read["evidence"].fillna("").to_list() == ["fails", "", "how do", ""]
    assert [name for name in ("subject", "body", "headers") if name in read.columns] == []
