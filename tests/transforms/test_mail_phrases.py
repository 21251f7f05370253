"""The lists of phrases: every example in a data file is a test, and what is reported is always the wording of the list."""

from datetime import date

import pytest

from transforms.mail.checkins import is_checkin
from transforms.mail.phrases import Group, PhraseBook, book, expand, fold, languages, to_phrases
from transforms.mail.reading import Reading, read_text
from transforms.mail.refusals import diagnostic_groups, from_diagnostic

GROUPS = [group for language in languages().values() for group in language.groups]
ON = date(2026, 8, 1)
FROM_A_MACHINE = "From: tom@halden.example\nTo: dana@vendor.example\nAuto-Submitted: auto-replied"
FROM_A_PERSON = "From: tom@halden.example\nTo: dana@vendor.example"
REPLIES = {"absent", "left", "role_change", "acknowledgement", "challenge"}


def read(text: str, headers: str, subject: str = "Your renewal") -> Reading:
    """The reading of a mail that came in on 1 August 2026."""
    found = read_text(subject, text, headers, "inbound", "", at=ON)
    assert found is not None
    return found


def cases(which: str) -> list[tuple[Group, str]]:
    """All examples (or counter-examples) with their group."""
    return [(group, text) for group in GROUPS for text in getattr(group, which)]


def name(case: object) -> str:
    """How a case is called in the names of tests."""
    return f"{case.language}-{case.reason}" if isinstance(case, Group) else ""


@pytest.mark.parametrize(("group", "text"), cases("examples"), ids=name)
def test_every_example_is_read_as_its_group_says(group: Group, text: str) -> None:
    """An example of a data file is read with the reason and in the language of its group."""
    if group.reason in REPLIES:
        reading = read(text, FROM_A_MACHINE, "Automatic reply")
        assert ("auto_reply", group.reason, group.language) == (reading.kind, reading.reason, reading.language)
    elif group.reason == "left_self":
        reading = read(text, FROM_A_PERSON)
        assert ("human", "left", group.language) == (reading.kind, reading.reason, reading.language)
    elif group.reason == "person":
        reading = read(text, FROM_A_PERSON)
        assert (reading.kind, reading.reason) == ("human", "")
    elif group.reason == "checkin":
        assert is_checkin(text)
    else:
        assert book(group.reason).find(fold(text)), "no phrase of the group stands in its own example"


@pytest.mark.parametrize(("group", "text"), cases("never"), ids=name)
def test_no_hard_negative_is_taken_for_its_group(group: Group, text: str) -> None:
    """A sentence that only looks like the group is read as a person's, without a reason."""
    reading = read(text, FROM_A_PERSON)
    expected = "human" if group.reason == "absent" else ("human", "")
    assert expected == (reading.kind if group.reason == "absent" else (reading.kind, reading.reason))


@pytest.mark.parametrize(("reason", "text"), [(g["reason"], text) for g in diagnostic_groups() for text in g["examples"]])
def test_every_diagnostic_example_gives_its_reason(reason: str, text: str) -> None:
    """What a server says is read with the reason under which it stands in the list."""
    assert reason == from_diagnostic("", "", text).reason


def test_all_languages_have_what_reading_needs() -> None:
    """Nine languages, each with twelve months, seven weekdays, and phrases for every kind of reply, for farewells and for check-ins."""
    assert sorted(languages()) == ["de", "en", "es", "fr", "it", "ja", "nl", "pt", "zh"]
    for language in languages().values():
        assert set(range(1, 13)) == set(language.months.values())
        assert set(range(1, 8)) == set(language.weekdays.values())
        needed = REPLIES | {
            "left_self",
            "person",
            "checkin",
            "pleasantry",
            "notice",
            "subject_auto",
            "subject_absent",
            "subject_bounce",
            "new_address",
            "ticket_broken",
            "ticket_how",
        }
        assert needed == {group.reason for group in language.groups}
        assert {"left", "left_self", "absent"} <= {group.reason for group in language.groups if group.never}


def test_what_is_reported_is_the_wording_of_the_list() -> None:
    """A gap in a phrase may span names; the evidence shows the phrase with its gap, never the name."""
    reading = read("Tom Becker ist nicht mehr bei der Halden AG beschäftigt.", FROM_A_MACHINE)
    assert reading.evidence == "nicht mehr bei der … beschäftigt"
    shown = {phrase.shown for group in GROUPS for phrase in to_phrases(group.language, group.reason, 1.0, group.wordings)}
    assert reading.evidence in shown


def test_expand_gives_each_wording_once() -> None:
    """Alternatives multiply; an empty alternative leaves the word out, without a double space."""
    assert expand("(no longer|not) (with|at)") == ["no longer with", "no longer at", "not with", "not at"]
    assert expand("is (|now )mine") == ["is mine", "is now mine"]


def test_folding_takes_accents_and_case_but_not_the_voicing_of_kana() -> None:
    """``É`` is ``e``, ``ß`` is ``ss``; ``が`` stays apart from ``か``; a single line break is a space."""
    assert fold("École\nStraße  CAFÉ") == "ecole strasse cafe"
    assert fold("が") == "が"
    assert fold("one\n \ntwo") == "one\n\ntwo"


def test_a_phrase_is_undone_within_its_sentence_only() -> None:
    """``unless`` looks at the sentence of the phrase, not at the whole text; a question is marked as one."""
    phrases = PhraseBook(to_phrases("en", "left", 1.0, ["has left"], ["just because"]))
    assert phrases.find("not just because tom has left.") == []
    assert [hit.is_question for hit in phrases.find("just because. tom has left.")] == [False]
    assert [hit.is_question for hit in phrases.find("tom has left?")] == [True]


def test_no_phrase_is_written_wrongly() -> None:
    """Alternatives do not nest, and no wording keeps a bracket or a bar, which would never be found in a mail."""
    shown = [each for group in GROUPS for item in (*group.wordings, *group.unless) for each in expand(item)]
    shown += [each for group in diagnostic_groups() for item in (*group["any"], *group.get("unless", ())) for each in expand(item)]
    assert [each for each in shown if set("()|") & set(each)] == []
