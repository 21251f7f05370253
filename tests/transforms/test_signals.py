"""From activities with text to activities with signals."""

import time

import pandas as pd

from transforms.mail.checkins import is_checkin
from transforms.signals import read_signals
from transforms.vocabulary.tables import ACTIVITIES, STORED_ACTIVITIES, check_table, to_table


def activity(number: int, channel: str = "email", direction: str = "inbound", **more: object) -> dict[str, object]:
    """One row of the canonical table."""
    return {
        "activity_id": str(number),
        "contact_id": "c",
        "occurred_at": "2026-11-03T09:00:00Z",
        "channel": channel,
        "direction": direction,
        **more,
    }


def signals(*rows: dict[str, object]) -> pd.DataFrame:
    """The stored activities, by activity id."""
    return read_signals(to_table(ACTIVITIES, rows)).set_index("activity_id")


ROWS = [
    activity(1, subject="Automatic reply: offer", body="I have left the company. Please contact Julia Kern."),
    activity(2, subject="Re: offer", body="Hi Dana, fine with us."),
    activity(3, outcome="auto_reply"),
    activity(4, direction="outbound", outcome="bounced", body="Offer", headers="X-HubSpot-Bounce-Status: 5.1.1"),
    activity(5, direction="outbound", outcome="opened", body="Hi Tom,\n\njust checking in. Any updates?\n\nBest\nDana"),
    activity(6, channel="call", direction="outbound", outcome="connected"),
    activity(7, outcome="clicked"),
    activity(8, channel="linkedin", body="Thanks, Thursday works."),
    activity(9, is_automated=True, body="Your invoice 17"),
    activity(10, body="Today is my last day at Halden, thank you for everything."),
]


def test_each_activity_gets_the_kind_of_who_wrote_it() -> None:
    """People, servers and machines are told apart; what we did ourselves has no kind, unless it came back."""
    expected = {
        "1": "auto_reply",
        "2": "human",
        "3": "auto_reply",
        "4": "bounce",
        "5": None,
        "6": None,
        "7": "machine",
        "8": "human",
        "9": "machine",
        "10": "human",
    }
    kinds = signals(*ROWS)["kind"]
    assert expected == {key: None if pd.isna(kind) else kind for key, kind in kinds.items()}


def test_what_was_concluded_stands_in_place_of_the_text() -> None:
    """Reason, successor and evidence are kept; the frame is canonical and holds no text."""
    found = read_signals(to_table(ACTIVITIES, ROWS))
    check_table(STORED_ACTIVITIES, found)
    told = found.set_index("activity_id").loc["1"]
    assert (told["reason"], told["successor"], told["evidence"]) == ("left", "Julia Kern", "i have left the company")
    assert {"subject", "body", "headers"}.isdisjoint(found.columns)
    assert found.set_index("activity_id").loc["4", "reason"] == "mailbox_gone"
    assert found.set_index("activity_id").loc["10", "reason"] == "left"


def test_a_checkin_is_noticed_in_our_own_messages_only() -> None:
    """is_checkin is said of our messages with a text, of nothing else."""
    found = signals(*ROWS)["is_checkin"]
    assert found.dropna().to_dict() == {"5": True, "4": False}


def test_the_result_depends_on_the_rows_alone() -> None:
    """Another order of rows, or other rows beside them, changes nothing; an empty frame stays empty."""
    whole = signals(*ROWS)
    pd.testing.assert_frame_equal(whole, signals(*reversed(ROWS)).loc[whole.index])
    pd.testing.assert_frame_equal(whole.iloc[[0]], signals(ROWS[0]))
    assert len(read_signals(to_table(ACTIVITIES, ROWS).iloc[:0])) == 0


def test_a_message_with_substance_is_no_checkin() -> None:
    """A link, a time, an attachment, a proposal or a question of its own makes a message worth an answer."""
    opening = "Hi Tom,\n\njust checking in. "
    assert is_checkin(f"{opening}Hope all is well!\n\nBest\nDana")
    assert is_checkin(f"{opening}Any news?\n\nOn Mon, Dana wrote:\n> Here is the price list with all of the options that we discussed")
    assert not is_checkin(f"{opening}The report is here: https://vendor.example/report")
    assert not is_checkin(f"{opening}Shall we talk on Thursday at 10:30?")
    assert not is_checkin(f"{opening}Your team used a third more seats than planned this month, which would cost less on the larger plan.")
    assert not is_checkin(f"{opening}Any news?", has_attachment=True)
    assert not is_checkin("The import of your second file is repaired, please try it again.")
    assert not is_checkin("")


def test_ordinary_mail_is_read_fast() -> None:
    """100,000 bodies of ordinary mail take under a minute; here a fiftieth of that, with room for a busy machine."""
    body = (
        "Hi Dana,\n\nthanks for the notes. We looked at the numbers with Julia{n} and I think the import works now, but the second file still has a"
        " problem with the dates after the update. Could you check what happens there before we move to the new office in March?\n\n"
        "Best regards\nTom Becker\nHead of Operations\n\nOn Tue, Nov 3, 2026 at 10:02 AM Dana Ruiz <dana@vendor.example> wrote:\n"
        + "> lorem ipsum dolor sit amet\n"
        * 12
    )
    frame = to_table(ACTIVITIES, [activity(n, body=body.replace("{n}", str(n))) for n in range(2000)])
    read_signals(frame.iloc[:10])
    started = time.process_time()
    found = read_signals(frame)
    assert {"human"} == set(found["kind"])
    assert time.process_time() - started < 60 / 50 * 1.5
