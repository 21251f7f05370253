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
