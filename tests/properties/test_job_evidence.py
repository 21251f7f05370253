"""Laws of the chance that somebody is still in their job, whatever happened before."""

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.book import Book, Tables
from transforms.evidence.seniority import HAZARD, HAZARDS, hazards
from transforms.evidence.signs import FAIR, SIGNS
from transforms.fields.job import job_evidence, job_state, still_there_chance
from transforms.org import Org
from transforms.policy import Policy
from transforms.tenure import evidence
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

NOW = pd.Timestamp("2026-11-22", tz="UTC")
POLICY = Policy()
ORG = Org.without_history(NOW, POLICY)
MANY = settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

HEARD = ("email", "inbound", None, "human", None)
NOTICE = ("email", "inbound", "auto_reply", "auto_reply", "left")
ORDINARY = (
    HEARD,
    ("call", "outbound", "connected", None, None),
    ("linkedin", "inbound", None, "human", None),
    ("email", "outbound", "sent", None, None),
    ("email", "inbound", "auto_reply", "auto_reply", "absent"),
)
LEAVING = (
    NOTICE,
    ("email", "inbound", None, "human", "left"),
    ("email", "outbound", "bounced", "bounce", "mailbox_gone"),
    ("email", "outbound", "bounced", "bounce", "mailbox_disabled"),
    ("email", "outbound", "bounced", "bounce", "mailbox_full"),
    ("email", "outbound", "bounced", "bounce", "domain_gone"),
    ("call", "outbound", "wrong_number", None, None),
)

Happening = tuple[int, tuple[str | None, ...]]
days = st.integers(1, 900)
ordinary = st.lists(st.tuples(days, st.sampled_from(ORDINARY)), max_size=8)
leaving = st.lists(st.tuples(days, st.sampled_from(LEAVING)), max_size=5)


def book_of(rows: list[Happening], **contact: object) -> Book:
    """One person, created three years ago, with what happened so many days ago."""
    names = ("channel", "direction", "outcome", "kind", "reason")
    told = [
        {
            "activity_id": f"a{place}",
            "contact_id": "ana",
            "occurred_at": NOW - pd.Timedelta(days=ago, minutes=place),
            **dict(zip(names, what, strict=True)),
        }
        for place, (ago, what) in enumerate(rows)
    ]
    people = [{"contact_id": "ana", "created_at": NOW - pd.Timedelta(days=1000), "email": "ana@halden.example", **contact}]
    return Book(Tables(to_table(CONTACTS, people), to_table(STORED_ACTIVITIES, told)), NOW, POLICY, ORG)


def chance(rows: list[Happening], **contact: object) -> float:
    """The chance of that one person."""
    return float(book_of(rows, **contact).value(still_there_chance).iloc[0])


@MANY
@given(ordinary, leaving, st.tuples(days, st.sampled_from(LEAVING)))
def test_more_evidence_of_leaving_never_raises_the_chance(past: list[Happening], signs: list[Happening], more: Happening) -> None:
    """Whatever was known, one more sign, new or old, leaves the chance as it was or lowers it."""
    assert chance([*past, *signs, more]) <= chance([*past, *signs]) + 1e-9


@MANY
@given(ordinary, leaving)
def test_hearing_from_them_again_gives_the_chance_back(past: list[Happening], signs: list[Happening]) -> None:
    """Each further day on which they write raises it; one word of theirs ends "left", and five days of them the doubt."""
    before = [(ago + 60, what) for ago, what in [*past, *signs]]
    chances = [chance([*before, *((10 - day, HEARD) for day in range(number))]) for number in range(6)]
    assert chances == sorted(chances)
    assert chances[5] >= 0.9
    assert book_of([*before, (10, HEARD)]).value(job_state).iloc[0] not in ("left", "probably_moved")


@MANY
@given(ordinary, leaving, st.integers(0, 9999))
def test_the_order_of_rows_does_not_matter(past: list[Happening], signs: list[Happening], seed: int) -> None:
    """Chance and words are the same however the rows are sorted."""
    rows = [*past, *signs]
    book = book_of(rows)
    frame = book.activities.drop(columns="person_id").sample(frac=1, random_state=seed).reset_index(drop=True)
    people = to_table(CONTACTS, [{"contact_id": "ana", "created_at": NOW - pd.Timedelta(days=1000), "email": "ana@halden.example"}])
    again = Book(Tables(people, to_table(STORED_ACTIVITIES, frame)), NOW, POLICY, ORG)
    for field in (still_there_chance, job_state, job_evidence):
        assert book.value(field).astype("str").fillna("").tolist() == again.value(field).astype("str").fillna("").tolist()


@MANY
@given(ordinary)
def test_time_alone_makes_nobody_gone(past: list[Happening]) -> None:
    """Without a sign of leaving they are unverified at worst, however long ago they were heard from."""
    rows = [(ago + 3000, what) for ago, what in past]
    assert book_of(rows, created_at=NOW - pd.Timedelta(days=5000)).value(job_state).iloc[0] == "unverified"


@MANY
@given(ordinary, leaving)
def test_no_piece_of_evidence_is_hidden(past: list[Happening], signs: list[Happening]) -> None:
    """For every cause there is one that counts, and the words tell each of these."""
    book = book_of([*past, *signs])
    items = book.frame(evidence)
    counted = items[items["counts"]]
    assert sorted({SIGNS[place].cause for place in items["sign"]}) == sorted(SIGNS[place].cause for place in counted["sign"])
    words = book.value(job_evidence).fillna("").iloc[0]
    assert [SIGNS[place].weight for place in counted["sign"] if f"({SIGNS[place].weight}" not in words] == []


def test_every_sign_has_a_ratio_above_one_and_a_source() -> None:
    """A sign that is no likelier if they left is none; the weight in words follows the number."""
    assert [sign.name for sign in SIGNS if sign.ratio <= 1 or not sign.source] == []
    assert {sign.weight for sign in SIGNS} == {"strong sign", "sign", "weak sign"}
    assert [sign.name for sign in SIGNS if sign.is_stated and sign.ratio < FAIR] == []


def test_ranks_are_told_in_nine_languages() -> None:
    """A head of something is a head whatever the language; a word inside another word is none."""
    leads = [
        "Head of IT",
        "Leiterin Einkauf",
        "Directeur financier",
        "Jefa de compras",
        "Responsabile acquisti",
        "Hoofd IT",
        "Diretora",
        "営業部長",
        "采购总监",
    ]
    starters = ["Intern", "Werkstudent", "Stagiaire", "Becaria", "Tirocinante", "Stagiair", "Estagiária", "研修生", "实习生"]
    plain = ["Accountant", "International sales", "Misleading", "Buchhalter", ""]
    expected = [HAZARDS["lead"]] * len(leads) + [HAZARDS["beginner"]] * len(starters) + [HAZARD] * len(plain)
    assert expected == hazards(pd.Series([*leads, *starters, *plain], dtype="str")).tolist()
