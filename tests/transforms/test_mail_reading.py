"""Reading whole mails: the order of the questions, the fates in a bounce, and no crash on anything."""

from datetime import date
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.mail.phrases import book
from transforms.mail.reading import Reading, read_message, read_text

REPORT = """\
From: Mail Delivery System <MAILER-DAEMON@mx.vendor.example>
To: dana@vendor.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.vendor.example

{groups}
--b
Content-Type: message/rfc822

From: dana@vendor.example
To: tom@halden.example
Subject: Just checking in

I have left you a message. Today is my last day before the holidays.
--b--
"""


def report(*groups: str) -> bytes:
    """A structured report with these groups of fields."""
    return REPORT.format(groups="\n".join(f"{group}\n" for group in groups)).encode()


def group(recipient: str, status: str, diagnostic: str, action: str = "failed") -> str:
    """One group of a delivery report."""
    return f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {diagnostic}"


def mail(subject: str, body: str, **headers: str) -> bytes:
    """A plain mail from Tom to Dana, written on 3 November 2026."""
    message = EmailMessage()
    named = {"from": "Tom Becker <tom@halden.example>", "to": "dana@vendor.example", "date": "Tue, 03 Nov 2026 09:00:00 +0100"}
    for key, value in {**named, "subject": subject, **headers}.items():
        message[key.replace("_", "-")] = value
    message.set_content(body)
    return message.as_bytes()


def one(raw: bytes) -> Reading:
    """The only reading of a mail."""
    (reading,) = read_message(raw)
    return reading


@pytest.mark.parametrize(
    ("status", "diagnostic", "reason"),
    [
        ("5.1.1", "550 5.1.1 <tom@halden.example>: Recipient address rejected: User unknown in virtual mailbox table", "mailbox_gone"),
        ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "mailbox_gone"),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", "mailbox_gone"),
        ("5.0.0", "550 No such user here", "mailbox_gone"),
        ("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled.", "mailbox_disabled"),
        ("5.4.4", "Host or domain name not found. Name service error for name=halden.example type=MX", "domain_gone"),
        ("5.1.2", "550 5.1.2 Bad destination system address", "domain_gone"),
        ("5.2.2", "552 5.2.2 Mailbox full", "mailbox_full"),
        ("4.2.2", "452 4.2.2 The email account that you tried to reach is over quota.", "mailbox_full"),
        ("5.7.1", "550 5.7.1 Service unavailable; client host [192.0.2.7] blocked using a block list", "blocked"),
        ("5.7.26", "550 5.7.26 This mail has been blocked because the sender is unauthenticated. DMARC policy", "blocked"),
        ("4.4.7", "421 4.4.7 Delivery time expired", "temporary"),
        ("4.7.1", "451 4.7.1 Greylisting in action, please come back later", "temporary"),
        ("5.3.4", "552 5.3.4 Message size exceeds fixed maximum message size", "other"),
    ],
)
def test_the_reason_comes_from_code_and_words(status: str, diagnostic: str, reason: str) -> None:
    """The same class of code means different things; the words of the server decide, the code helps."""
    reading = one(report(group("tom@halden.example", status, diagnostic)))
    assert ("bounce", reason, "tom@halden.example", status) == (reading.kind, reading.reason, reading.recipient, reading.status_code)


def test_each_recipient_has_its_own_fate() -> None:
    """One report, three recipients: one is unknown, one is full, and one was reached, of whom nothing is said."""
    readings = read_message(
        report(
            group("tom@halden.example", "5.1.1", "550 5.1.1 User unknown"),
            group("kim@halden.example", "5.2.2", "552 5.2.2 Mailbox is full"),
            group("lee@halden.example", "2.0.0", "250 2.0.0 OK", action="delivered"),
        )
    )
    assert {r.recipient: r.reason for r in readings} == {"tom@halden.example": "mailbox_gone", "kim@halden.example": "mailbox_full"}


def test_the_mail_that_came_back_is_not_read_as_an_answer() -> None:
    """Our own words inside a bounce are neither a farewell nor an absence."""
    assert one(report(group("tom@halden.example", "5.1.1", "550 User unknown"))).kind == "bounce"


def test_a_delivery_receipt_is_no_bounce() -> None:
    """A report that says "delivered" says nothing against the mailbox."""
    assert one(report(group("tom@halden.example", "2.0.0", "250 OK", action="delivered"))).kind != "bounce"


def test_free_text_of_a_daemon_is_read() -> None:
    """Without a structured report the addresses and reasons are taken from the text."""
    raw = mail(
        "failure notice",
        "Hi. This is the qmail-send program at mx.vendor.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n<tom@halden.example>:\n"
        "192.0.2.1 does not like recipient.\nRemote host said: 550 sorry, no mailbox here by that name (#5.1.1)\n\n"
        "--- Below this line is a copy of the message.\n\nReturn-Path: <dana@vendor.example>\n",
        **{"from": "MAILER-DAEMON@mx.vendor.example"},
    )
    reading = one(raw)
    assert (
        reading.kind,
        reading.reason,
        reading.recipient,
        reading.status_code,
        reading.smtp_code,
    ) == ("bounce", "mailbox_gone", "tom@halden.example", "5.1.1", "550")


def test_somebody_who_writes_about_a_bounce_is_a_person() -> None:
    """The word "undeliverable" in a subject, or a quoted bounce, makes no bounce."""
    assert one(mail("Re: Undeliverable: offer", "Hi Dana, your last mail bounced with 550 5.1.1, can you send it again?")).kind == "human"
    assert (
        one(mail("Delivery failed: pallets", "Hi Dana, the carrier could not unload this morning, shall we try on Friday?")).kind == "human"
    )


def test_an_absence_has_its_days() -> None:
    """First day and day of return are read with the year of the mail."""
    reading = one(
        mail(
            "Automatic reply: offer", "I am out of the office from 2 to 13 November and back on 16 November.", auto_submitted="auto-replied"
        )
    )
    assert ("auto_reply", "absent", date(2026, 11, 2), date(2026, 11, 16)) == (
        reading.kind,
        reading.reason,
        reading.absent_from,
        reading.absent_until,
    )


def test_a_departure_names_who_follows() -> None:
    """An address goes before a name; the writer's own address is nobody's successor."""
    text = "Tom Becker is no longer with Halden AG. Please contact Julia Kern at julia.kern@halden.example. Sent by tom@halden.example"
    reading = one(mail("Automatic reply: offer", text, auto_submitted="auto-replied"))
    assert (reading.reason, reading.successor) == ("left", "julia.kern@halden.example")


def test_a_departure_without_any_header_is_still_a_notice() -> None:
    """Some departure notices carry no header at all and the subject of our own mail."""
    reading = one(mail("Re: Your renewal", "Please note that Tom Becker has left the company. For all matters please contact Julia Kern."))
    assert (reading.kind, reading.reason, reading.successor) == ("auto_reply", "left", "Julia Kern")


def test_a_colleague_who_tells_of_a_departure_is_a_person() -> None:
    """Somebody who greets us by name and asks something was heard from, whatever they tell."""
    text = "Hi Dana,\n\nTom has left the company and I am taking over his projects. Could we talk on Thursday?\n\nBest\nJulia"
    assert (one(mail("Re: Your renewal", text)).kind, one(mail("Re: Your renewal", text)).reason) == ("human", "")


def test_headers_that_people_carry_decide_nothing() -> None:
    """X-Auto-Response-Suppress and an empty return path stand on human mail too."""
    raw = mail("Re: offer", "Hi Dana, that looks good, we take it.", x_auto_response_suppress="All", return_path="<>")
    assert one(raw).kind == "human"


def test_quoted_text_and_signature_are_set_aside() -> None:
    """What we wrote ourselves below, and a standing line in a signature, is not what they say now."""
    text = "Fine with me.\n\nBest regards\nTom\nI am out of the office on Fridays\n\nOn Tue, 3 Nov 2026, Dana wrote:\n> I have left the company"
    assert (one(mail("Re: offer", text)).kind, one(mail("Re: offer", text)).reason) == ("human", "")


def test_a_new_address_is_told_apart_from_a_successor() -> None:
    """``My new address is`` names the same person."""
    text = "I have left the company. You can reach me at tom.becker@fresh.example. Please contact julia@halden.example for orders."
    reading = one(mail("Automatic reply", text, auto_submitted="auto-replied"))
    assert (reading.new_address, reading.successor) == ("tom.becker@fresh.example", "julia@halden.example")


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("Ich bin vom 05.06.2026 bis 12.06.2026 im Urlaub.", date(2026, 6, 5), date(2026, 6, 12)),
        ("I am out of the office from 06/15/2026 to 06/26/2026.", date(2026, 6, 15), date(2026, 6, 26)),
        ("I will be out of the office until June 5th, 2026.", None, date(2026, 6, 5)),
        ("Je suis absente du 2 au 6 juin 2026.", date(2026, 6, 2), date(2026, 6, 6)),
        ("Estoy de vacaciones hasta el 3 de junio.", None, date(2026, 6, 3)),
        ("Sono in ferie fino al 3 giugno.", None, date(2026, 6, 3)),
        ("Ik ben met vakantie tot en met 3 juni.", None, date(2026, 6, 3)),
        ("Estarei de férias de 1 a 12 de junho.", date(2026, 6, 1), date(2026, 6, 12)),
        ("6月1日から6月5日まで休暇をいただいております。", date(2026, 6, 1), date(2026, 6, 5)),
        ("我目前休假，将于6月8日返回。", None, date(2026, 6, 8)),
        ("I am out of the office and back on Monday.", None, date(2026, 6, 1)),
        ("I am out of the office. Please call 030 1234.", None, None),
    ],
)
def test_days_are_read_in_every_language(text: str, start: date | None, end: date | None) -> None:
    """Order of day and month by language, or by what the text itself proves; the year is the one nearest the mail (30 May 2026, a Saturday)."""
    reading = read_text("Automatic reply", text, "Auto-Submitted: auto-replied", "inbound", "", at=date(2026, 5, 30))
    assert reading is not None
    assert (start, end) == (reading.absent_from, reading.absent_until)


def test_a_bounce_of_our_mail_is_read_from_what_the_crm_says() -> None:
    """Our own text is not read for reasons; the CRM's code and sentence are, whatever the CRM calls these headers."""
    headers = "To: tom@halden.example\nX-HubSpot-Bounce-Status: 5.1.1\nX-HubSpot-Bounce-Detail: 550 5.1.1 The account does not exist"
    reading = read_text("Full mailbox?", "Is your mailbox full?", headers, "outbound", "bounced")
    assert reading is not None
    assert (
        reading.kind,
        reading.reason,
        reading.status_code,
        reading.recipient,
    ) == ("bounce", "mailbox_gone", "5.1.1", "tom@halden.example")
    assert read_text("Offer", "I have left the company", headers, "outbound", "sent") is None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_give_a_reading(raw: bytes) -> None:
    """No mail, however broken, stops the reading."""
    assert read_message(raw)


PIECES = st.sampled_from(
    [
        *("From: MAILER-DAEMON@x", "Content-Type: multipart/report; report-type=delivery-status; boundary=b", "--b", "--b--", ""),
        *(
            "Content-Type: message/delivery-status",
            "Final-Recipient: rfc822;",
            "Status: 5.",
            "Action:",
            "Content-Transfer-Encoding: base64",
        ),
        *(
            "Content-Type: text/html; charset=nonsense",
            "<!DOCTYPE <![x <div class=gmail_quote",
            "Subject: =?utf-8?b?4?= Undeliverable",
            "=?x?q?=FF?=",
        ),
        *(
            "Content-Type: message/rfc822",
            "I am out of the office until 31.02.2026 - 99/99/9999",
            "\udcff",
            "Date: Foo, 99 Bar",
            "2月30日まで",
            "> \x00",
        ),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=25))
def test_broken_structures_give_a_reading(lines: list[str]) -> None:
    """Half reports, wrong charsets, days that do not exist: still a reading, and never anything but the words of our lists as evidence."""
    for reading in read_message("\n".join(lines).encode("utf-8", "surrogateescape")):
        assert reading.kind in {"human", "bounce", "auto_reply"}
        if reading.kind == "human" and reading.reason:
            assert reading.evidence in {phrase.shown for phrase in book("left_self").phrases}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=200))
def test_any_text_of_a_crm_gives_a_reading(subject: str, body: str, headers: str) -> None:
    """The lighter door holds as well."""
    assert read_text(subject, body, headers, "inbound", "") is not None


def test_a_mail_nested_too_deep_for_the_parser_is_read_by_its_headers() -> None:
    """Thousands of mails inside each other, as no mail program writes them, stop nothing; the outermost headers are still read."""
    raw = b"From: tom@halden.example\nSubject: hello\n" + b"Content-Type: message/rfc822\n\n" * 3000
    assert (one(raw).kind, one(raw).recipient) == ("human", "tom@halden.example")


@pytest.mark.parametrize(
    "piece",
    ["a@", "<div>", "- \n", "\n", "user unknown ", "I have left ", "550 ", ">>> RCPT To:<a@b.cd>\n", "from 3 to ", "=?utf-8?q?=41?= "],
)
def test_what_repeats_without_end_is_read(piece: str) -> None:
    """Long runs of what patterns look for are read like any mail: what is looked at is limited, and no pattern goes back over it."""
    head = "From: MAILER-DAEMON@mx.example\nSubject: Undeliverable\n\n"
    assert {"bounce"} == {reading.kind for reading in read_message((head + "550 5.1.1 <tom@halden.example>\n" + piece * 20_000).encode())}


def test_titles_that_nobody_encoded_are_read() -> None:
    """Some servers write their language into headers as bare bytes."""
    raw = "From: postmaster@halden.example\nSubject: 未送达: 续约\n\n无法将邮件传递给以下收件人:\n\ntom@halden.example\n找不到您输入的电子邮件地址。\n".encode()
    assert (one(raw).kind, one(raw).reason, one(raw).recipient) == ("bounce", "mailbox_gone", "tom@halden.example")


def test_the_address_that_was_written_to_is_named() -> None:
    """Where a report knows the original recipient, that one is meant, whatever mailbox it became."""
    told = group("tb17@mx3.halden.example", "5.1.1", "550 User unknown")
    assert one(report("Original-Recipient: rfc822;tom@halden.example\n" + told)).recipient == "tom@halden.example"
