"""What a report is made of: the sender's frame, raw letters in a group, addresses that look like markup, several recipients in a text."""

from transforms.mail.parts import to_plain
from transforms.mail.reading import read_message
from transforms.mail.refusals import decide, from_diagnostic

DAEMON = "From: Mail Delivery System <Mailer-Daemon@vendor.example>\nTo: dana@vendor.example\n"


def test_letters_that_nobody_encoded_in_a_structured_report_are_read() -> None:
    """Servers put bare UTF-8 into the diagnostic of a report, against the RFC; its words count all the same."""
    raw = (
        DAEMON + "Subject: Undelivered Mail\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nSorry.\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.vendor.example\n\n"
        "Final-Recipient: rfc822; tom@halden.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 该邮箱不存在\n\n--b--\n"
    )
    assert [(r.recipient, r.reason) for r in read_message(raw.encode())] == [("tom@halden.example", "mailbox_gone")]


def test_an_address_in_sharp_brackets_is_no_markup() -> None:
    """``<a.meier@…>`` begins like a link and is an address: the text stays as it is, line by line."""
    text = "Failed:\n\n<a.meier@halden.example>:\nno mailbox here by that name\n"
    assert text == to_plain(text)


def test_an_address_in_sharp_brackets_stays_in_markup() -> None:
    """Reports in HTML often hold addresses in brackets that nobody escaped."""
    assert "tom@halden.example" in to_plain("<html><body><p>Failed: <tom@halden.example></p></body></html>")


def test_a_report_in_plain_text_tells_the_fate_of_each_recipient() -> None:
    """Where several addresses failed, each has the reason that stands with it."""
    raw = (
        DAEMON + "Subject: failure notice\n\nHi. This is the qmail-send program at vendor.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
        "<a.meier@halden.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        "<kim@halden.example>:\nThe users mailfolder is over the allowed quota (size). (#5.2.2)\n\n--- Below this line is a copy of the message.\n"
    )
    fates = {r.recipient: r.reason for r in read_message(raw.encode())}
    assert fates == {"a.meier@halden.example": "mailbox_gone", "kim@halden.example": "mailbox_full"}


def test_the_senders_frame_gives_no_reason() -> None:
    """That "it was rejected by the server for the recipient domain" says only that there is an answer; the answer decides."""
    frame = "Google tried to deliver your message, but it was rejected by the server for the recipient domain halden.example.\n\nThe error that the other server returned was:\n"
    assert [decide("", "", "", "", frame + said).reason for said in ("551 5.1.6 User has moved", "connect to mx: Connection refused")] == [
        "mailbox_gone",
        "temporary",
    ]


def test_the_frame_is_read_where_nothing_else_is_said() -> None:
    """A server that "does not like recipient" and says no more most likely does not know them."""
    assert decide("", "", "", "", "192.0.2.9 does not like recipient.\nRemote host said: 550 Nope").reason == "mailbox_gone"


def test_a_limit_is_passing_or_final_as_its_code_says() -> None:
    """Too many connections may be fewer later (4xx); what is refused for good (5xx) was turned away."""
    assert [from_diagnostic("", "", said).reason for said in ("421 Too many connections", "550 Too many connections")] == [
        "temporary",
        "blocked",
    ]


def test_words_of_a_server_weigh_more_than_the_step_of_the_dialogue() -> None:
    """A bare 550 after the data speaks of the mail; with clear words about the mailbox it speaks of the mailbox."""
    assert from_diagnostic("", "5.0.0", "550 user is inactive (in reply to end of DATA command)").reason == "mailbox_disabled"
