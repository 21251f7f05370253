"""Files of mail as people have them: several at once, empty ones, saved by an editor, broken on purpose."""

from pathlib import Path

import pytest

from flows.answer import DONE, SOME_ROWS_FAILED
from flows.commands.read_mail import run_read_mail
from transforms.mail.reading import read_message
from transforms.vocabulary.errors import BadInput

PLAIN = "From: Tom Becker <tom@halden.example>\nTo: dana@vendor.example\nSubject: Re: offer\n\nThanks, that looks good to us.\n"


def test_one_file_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    """Each file has its line: what it holds, or why it could not be read; and the exit code says that some failed."""
    good = tmp_path / "good.eml"
    good.write_text(PLAIN)
    answer = run_read_mail([good, tmp_path / "absent.eml"])
    lines = answer.lines or []
    assert (answer.exit_code, [sorted(set(line) & {"kind", "error"}) for line in lines]) == (SOME_ROWS_FAILED, [["kind"], ["error"]])


def test_no_file_that_can_be_read_is_an_error(tmp_path: Path) -> None:
    """Where nothing could be read there is nothing to answer."""
    with pytest.raises(BadInput, match=r"absent\.eml"):
        run_read_mail([tmp_path / "absent.eml"])


def test_an_empty_file_has_one_clear_answer(tmp_path: Path) -> None:
    """An empty file is no bounce and no automatic reply, and says that it is empty."""
    empty = tmp_path / "empty.eml"
    empty.write_bytes(b"\r\n")
    answer = run_read_mail([empty])
    assert (answer.exit_code, [(line["kind"], line["evidence"]) for line in answer.lines or []]) == (DONE, [("human", "an empty file")])


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16"])
def test_the_mark_of_an_editor_before_a_mail_is_no_part_of_it(charset: str) -> None:
    """Saved by an editor, a mail may begin with a byte order mark, or have two bytes a letter."""
    assert read_message(PLAIN.encode(charset))[0].recipient == "tom@halden.example"


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@b.example\n" + b"X-A: b\n" * 20_000 + b"\nhello",
        b"From: a@b.example\nSubject: " + b"=?utf-8?b?aGk=?= " * 20_000 + b"\n\nhello",
        b"From: a@b.example\nContent-Type: text/plain" + b"; a=b" * 50_000 + b"\n\nhello",
        b"From: a@b.example\nContent-Type: text/plain" + b";\n a=b" * 50_000 + b"\n\nhello",
    ],
    ids=["headers", "encoded words", "parameters", "folded parameters"],
)
def test_a_mail_with_far_too_much_of_something_is_read_in_part(raw: bytes) -> None:
    """What no real mail has is cut before it costs: the mail is still a person's."""
    assert [(r.kind, r.recipient) for r in read_message(raw)] == [("human", "a@b.example")]


def test_a_mailbox_is_read_mail_by_mail(tmp_path: Path) -> None:
    """A file of several mails (mbox) has a line for each, named by its number behind the path."""
    box = tmp_path / "box.mbox"
    box.write_text("".join(f"From a@b.example Mon Jan  1 00:00:00 2025\n{PLAIN}\n" for _ in range(3)))
    answer = run_read_mail([box])
    assert [(line["file"], line["kind"]) for line in answer.lines or []] == [(f"{box}#{number}", "human") for number in (1, 2, 3)]


@pytest.mark.parametrize(
    "raw", [bytes(range(256)) * 20, "Grüße vom Nordkap".encode("latin-1") * 9, b"From ", b"From \xff\n\n\n", b"x y z \n" * 500_000]
)
def test_any_bytes_have_an_answer(tmp_path: Path, raw: bytes) -> None:
    """Bytes that are no mail, a mailbox cut off, three megabytes of nothing: a line, and no mistake that is shown."""
    file = tmp_path / "odd.eml"
    file.write_bytes(raw)
    answer = run_read_mail([file])
    assert (answer.exit_code, {line["kind"] for line in answer.lines or []}) == (DONE, {"human"})


def test_a_folder_is_no_mail(tmp_path: Path) -> None:
    """A folder in place of a file is told in one sentence."""
    with pytest.raises(BadInput, match="is a directory"):
        run_read_mail([tmp_path])


@pytest.mark.parametrize("header", ["From", "To", "Cc", "Subject", "Date", "Content-Type"])
def test_a_header_of_brackets_is_no_trap(header: str) -> None:
    """Ten thousand brackets that open, which the standard parser of addresses follows call by call, leave a mail that is read."""
    raw = f"{header}: {'(' * 10_000} tom.becker@halden.example\nAuto-Submitted: auto-replied\n\nI no longer work for Halden. Please write to info@halden.example."
    assert [reading.reason for reading in read_message(raw.encode())] == ["left"]
