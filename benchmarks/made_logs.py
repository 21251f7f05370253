"""Made interaction logs of very different kinds, with the truth known: for the prior of the chance to hear back, and to try it on.

People arrive, have a rhythm of their own (regular or not), drift to busier and quieter times, fall into conversations, answer some of our
messages, and leave. Kinds differ in all of it. Nothing is taken from any real log. Run: ``python benchmarks/made_logs.py DIR`` writes each
kind as contacts.csv and activities.csv.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

START = pd.Timestamp("2023-01-02", tz="UTC")


@dataclass(frozen=True)
class Kind:
    """How the people of a log behave. Rates are a day."""

    people: int = 400
    days: int = 900
    arrive: float = 0.6
    """The share who arrive in the course of the log; the others are there from its first day."""
    gap: float = 25.0
    """The median of people's mean gaps between conversations."""
    spread: float = 1.0
    """How much people differ: the deviation of the log of their mean gap."""
    stages: int = 1
    """1: irregular; more: a conversation comes only after so many steps, so that gaps are alike."""
    drift: float = 0.5
    """The deviation of the log of a person's rate over time."""
    drift_days: float = 120.0
    """After so many days a drift is half forgotten."""
    talk: float = 0.4
    """The chance that a conversation goes on tomorrow."""
    leave_days: float = 700.0
    """The mean time until somebody leaves for good."""
    cold: float = 0.1
    """The share of people who never come by themselves, and seldom answer."""
    once: float = 0.0
    """The share of people who come with one matter and never again."""
    touch: float = 0.02
    """How often we write by ourselves."""
    answer: float = 0.3
    """The mean share of our own messages that bring an answer within days."""
    respond: float = 0.8
    """How often we answer them."""
    season: float = 0.0
    """By how much August and the turn of the year are quieter."""
    weekend: float = 0.2
    """How much of a weekday's life a weekend has."""
    channel: str = "email"
    live: float = 0.05
    """The share of what they say that is said in a meeting."""
    mass: float = 0.0
    """Broadcasts of ours a day."""
    mass_in: float = 0.0
    """Broadcasts of theirs, as a share of their messages."""
    copies: float = 0.0
    """The share of rows that come twice."""
    owners: int = 5
    owner_leave: float = 0.0
    """How often an owner becomes quiet, and all whom they deal with."""
    hole: tuple[int, int] | None = None
    """The first and last day of a time of which nothing is on record."""


KINDS: dict[str, Kind] = {
    "questions": Kind(people=700, arrive=0.9, gap=60, spread=1.5, talk=0.3, leave_days=250, once=0.55, touch=0.0, respond=0.7, channel="community"),
    "mailing_list": Kind(people=500, gap=35, spread=1.4, drift=0.9, talk=0.6, leave_days=500, once=0.2, touch=0.0, respond=0.0),
    "support_desk": Kind(people=500, gap=70, spread=0.9, talk=0.65, leave_days=900, touch=0.0, respond=1.0, season=0.3),
    "sales_mail": Kind(people=500, gap=80, spread=1.3, drift=0.9, drift_days=60, talk=0.65, leave_days=300, once=0.2, touch=0.05, answer=0.12),
    "success": Kind(live=0.3, people=400, gap=18, spread=0.7, stages=4, drift=0.3, talk=0.35, leave_days=800, touch=0.05, answer=0.4, season=0.5),
    "success_irregular": Kind(live=0.2, people=400, gap=18, spread=0.9, drift=0.5, talk=0.4, leave_days=700, touch=0.04, answer=0.3, season=0.3),
    "colleagues": Kind(people=120, days=1100, gap=9, spread=1.2, drift=1.1, drift_days=90, talk=0.55, leave_days=900, touch=0.08, answer=0.25, mass=0.01, mass_in=0.15, owners=12, owner_leave=0.0015),
    "students": Kind(people=900, days=200, gap=14, spread=1.2, drift=0.6, drift_days=40, talk=0.6, leave_days=90, once=0.15, touch=0.03, answer=0.4),
    "young": Kind(people=250, days=110, gap=20, spread=1.0, talk=0.4, leave_days=400),
    "hole": Kind(people=400, days=1200, gap=15, spread=1.0, drift=0.6, leave_days=900, hole=(500, 772)),
    "rows_per_recipient": Kind(people=300, gap=15, spread=1.1, drift=0.7, talk=0.5, mass=0.03, mass_in=0.3, copies=0.3),
    "newsletter": Kind(people=500, gap=120, spread=1.0, drift=0.5, leave_days=600, touch=0.01, answer=0.1, mass=0.1),
    "product": Kind(people=400, gap=4, spread=1.2, drift=0.8, drift_days=60, talk=0.2, leave_days=400, touch=0.02, channel="product"),
    "slow_regular": Kind(people=300, gap=75, spread=0.5, stages=6, drift=0.1, talk=0.15, leave_days=1200, touch=0.01),
}  # fmt: skip
"""The kinds of logs by name."""


@dataclass(frozen=True)
class Log:
    """A made log: canonical rows, and for each contact the day (as a time) on which they left for good."""

    contacts: pd.DataFrame
    activities: pd.DataFrame
    left_at: pd.Series


def make_log(kind: Kind, seed: int) -> Log:
    """The log of one kind, the same for the same seed."""
    rng = np.random.default_rng(seed)
    n, days = kind.people, kind.days
    comes = np.where(rng.random(n) < kind.arrive, rng.integers(0, days, n), 0)
    leaves = comes + rng.exponential(kind.leave_days, n)
    rate = kind.stages / np.exp(np.log(kind.gap) + kind.spread * rng.standard_normal(n))
    only_once, is_cold = rng.random(n) < kind.once, rng.random(n) < kind.cold
    answers = rng.beta(4 * kind.answer, 4 * (1 - kind.answer), n) * np.where(is_cold, 0.1, 1.0)
    drift, fade = kind.drift * rng.standard_normal(n), 0.5 ** (1 / kind.drift_days)
    owner = rng.integers(0, kind.owners, n)
    owner_rate = np.ones(kind.owners)
    stage, talks, waiting = rng.integers(0, kind.stages, n), np.zeros(n, dtype=bool), np.zeros(n)
    talks[(comes == 0) & ~is_cold] = rng.random(((comes == 0) & ~is_cold).sum()) < 0.2
    rows: list[tuple[np.ndarray, int, str]] = []
    for today in range(days):
        weekday, date = today % 7, START + pd.Timedelta(days=today)
        life = kind.weekend if weekday >= 5 else 1.0
        if date.month == 8 or (date.month, date.day) >= (12, 20) or (date.month, date.day) <= (1, 3):
            life *= 1 - kind.season
        drift = drift * fade + kind.drift * np.sqrt(1 - fade**2) * rng.standard_normal(n)
        owner_rate = np.where(rng.random(kind.owners) < kind.owner_leave, 0.1, owner_rate)
        is_here = (comes <= today) & (today < leaves)
        moves = rng.random(n) < 1 - np.exp(-rate * np.exp(drift - kind.drift**2 / 2) * life * owner_rate[owner])
        stage = stage + (moves & is_here & ~only_once & ~is_cold)
        begins = (stage >= kind.stages) | ((comes == today) & (comes > 0) & ~is_cold)
        stage = np.where(stage >= kind.stages, 0, stage)
        waiting_answers = (waiting > 0) & (rng.random(n) < 0.45 * life)
        talks = (talks & (rng.random(n) < kind.talk)) | begins | waiting_answers
        waiting = np.where(waiting_answers, 0, np.maximum(waiting - 1, 0))
        speaks = is_here & talks & (begins | waiting_answers | (rng.random(n) < 0.6 * life))
        for _ in range(3):
            rows.append((np.flatnonzero(speaks), today, "inbound"))
            speaks = speaks & (rng.random(n) < 0.3)
        talked = np.isin(np.arange(n), rows[-3][0])
        rows.append((np.flatnonzero(talked & (rng.random(n) < kind.respond)), today, "outbound"))
        known = comes <= today
        writes = known & (rng.random(n) < kind.touch * life * owner_rate[owner])
        rows.append((np.flatnonzero(writes), today, "outbound"))
        waiting = np.where(writes & is_here & (rng.random(n) < answers), 5, waiting)
        if rng.random() < kind.mass:
            rows.append((np.flatnonzero(known), today, "mass"))
    return _log(kind, rng, rows, owner, comes, leaves)


def _log(kind: Kind, rng: np.random.Generator, rows: list[tuple[np.ndarray, int, str]], owner: np.ndarray, comes: np.ndarray, leaves: np.ndarray) -> Log:  # fmt: skip
    who = np.concatenate([people for people, _, _ in rows])
    day = np.concatenate([np.full(len(people), today) for people, today, _ in rows])
    way = np.concatenate([np.full(len(people), name) for people, _, name in rows])
    order = np.argsort(day, kind="stable")
    who, day, way = who[order], day[order], way[order]
    is_in = way == "inbound"
    is_live = is_in & (rng.random(len(way)) < kind.live)
    seconds = np.sort(rng.integers(7 * 3600, 19 * 3600, len(day)))[np.argsort(np.argsort(rng.random(len(day))))]
    activities = pd.DataFrame(
        {
            "activity_id": [f"a{place}" for place in range(len(who))],
            "contact_id": [f"c{person}" for person in who],
            "occurred_at": START + pd.to_timedelta(day * 86_400 + seconds, unit="s"),
            "channel": np.where(is_live, "meeting", np.where(is_in, kind.channel, "email")),
            "direction": np.where(is_in, "inbound", "outbound"),
            "outcome": np.where(is_live, "held", ""),
            "actor_id": [f"u{one}" for one in owner[who]],
            "is_broadcast": np.where(is_in, ~is_live & (rng.random(len(who)) < kind.mass_in), way == "mass"),
        }
    )
    copies = activities[rng.random(len(activities)) < kind.copies]
    activities = pd.concat([activities, copies.assign(activity_id=copies["activity_id"] + "-again")], ignore_index=True)
    if kind.hole:
        activities = activities[~(np.append(day, day[copies.index]) >= kind.hole[0]) | (np.append(day, day[copies.index]) > kind.hole[1])]
    people = [f"c{person}" for person in range(kind.people)]
    came = START + pd.to_timedelta(comes, unit="D")
    contacts = pd.DataFrame({"contact_id": people, "created_at": came, "company_id": [f"k{person // 8}" for person in range(kind.people)]})
    left = START + pd.to_timedelta(leaves, unit="D")
    return Log(contacts, activities.reset_index(drop=True), pd.Series(left, index=people))


def random_kind(seed: int) -> Kind:
    """A kind between and around the named ones."""
    rng = np.random.default_rng(seed + 10_000)
    base = list(KINDS.values())[seed % len(KINDS)]

    def stretch(value: float, much: float = 0.4) -> float:
        return float(value * np.exp(much * rng.standard_normal()))

    return replace(
        base,
        people=int(np.clip(stretch(base.people), 80, 1200)),
        gap=stretch(base.gap),
        spread=stretch(base.spread, 0.2),
        drift=stretch(base.drift, 0.3),
        drift_days=stretch(base.drift_days),
        leave_days=stretch(base.leave_days),
        touch=stretch(base.touch),
        talk=float(np.clip(stretch(base.talk, 0.2), 0.05, 0.8)),
        owner_leave=float(rng.choice([0.0, 0.001])),
    )


def main() -> None:
    """Write every kind into a folder of its own."""
    home = Path(sys.argv[1])
    for name, kind in KINDS.items():
        log, folder = make_log(kind, 1), home / name
        folder.mkdir(parents=True, exist_ok=True)
        log.contacts.to_csv(folder / "contacts.csv", index=False)
        log.activities.to_csv(folder / "activities.csv", index=False)


if __name__ == "__main__":
    main()
