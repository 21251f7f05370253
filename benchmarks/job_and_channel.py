"""How true the fields about job, channel and help are: made customers, whose truth is known, but never shown to the fields.

Run: ``python benchmarks/job_and_channel.py [--seed 7 11 23 --contacts 2000]``. The figures of docs/job-and-channel.md come from it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sandbox.world import WorldOptions, make_world
from sandbox.world.firms import make_companies, make_owners
from sandbox.world.options import Span
from sandbox.world.people import make_people
from transforms.book import Book, Tables
from transforms.channels.odds import CHOICES
from transforms.compute import combine, tally
from transforms.fields.choosing import best_channel, best_time
from transforms.fields.job import job_state, still_there_chance
from transforms.fields.reaching import email_blindness
from transforms.fields.state import engagement_state
from transforms.fields.support import support_state
from transforms.policy import Policy
from transforms.signals import read_signals
from transforms.vocabulary.tables import CONTACTS, to_table

FIELDS = (job_state, still_there_chance, best_channel, best_time, email_blindness, engagement_state, support_state)


@dataclass(frozen=True)
class Trial:
    """One made world: the fields and the truth of each person, and how often they really answer by each way that they use."""

    book: Book
    values: pd.DataFrame
    truth: pd.DataFrame
    answers: pd.DataFrame


def try_world(seed: int, contacts: int) -> Trial:
    """Make a world, read it as a sync would, and compute the fields. A fifth of the leavers have a date of HubSpot's own data service."""
    options = WorldOptions(seed=seed, contacts=contacts, companies=max(contacts // 7, 1))
    world = make_world(options)
    noticed = world.extras["contacts"].set_index("contact_id")["hs_job_change_detected_date"]
    people = to_table(CONTACTS, world.contacts.assign(job_changed_at=world.contacts["contact_id"].map(noticed)))
    tables = Tables(people, read_signals(world.activities), world.companies, world.owners)
    as_of, policy = pd.Timestamp(options.now), Policy()
    book = Book(tables, as_of, policy, combine([tally(tables, as_of, policy)]))
    values = pd.DataFrame({field.name: book.value(field) for field in FIELDS})
    contact = book.members.drop_duplicates("person_id").set_index("person_id")["contact_id"].reindex(values.index)
    truth = world.truth.set_index("contact_id").reindex(contact).set_axis(values.index)
    span = Span.of(options)
    owners = make_owners(options, span)
    made = {person.contact_id: person for person in make_people(options, span, make_companies(options, span, owners), owners)}
    answers = pd.DataFrame(
        [{way: made[one].answers.get(way, 0.0) if made[one].weights.get(way) else 0.0 for way in CHOICES} for one in contact],
        index=values.index,
    )
    is_human = truth["kind"].isin(["person", "free_mail"])
    return Trial(book, values[is_human], truth[is_human], answers[is_human])


def auc(scores: pd.Series, is_true: pd.Series) -> float:
    """The chance that one of those of whom it is true has the higher score."""
    ranks, yes = scores.rank(), int(is_true.sum())
    return float((ranks[is_true].sum() - yes * (yes + 1) / 2) / (yes * (len(scores) - yes)))


def show_job(trial: Trial) -> None:
    """How good the chance and the state are."""
    chance, there = trial.values["still_there_chance"], ~trial.truth["has_left"].astype(bool)
    base = there.mean()
    print(
        f"  still_there_chance: AUC {auc(chance, there):.3f} · Brier {((chance - there) ** 2).mean():.4f}, {base * (1 - base):.4f} for the mean alone"
    )
    tenth = (chance * 5).astype(int).clip(0, 4)
    parts = [
        f"{chance[tenth == n].mean():.2f} → {there[tenth == n].mean():.2f} ({(tenth == n).sum()})" for n in range(5) if (tenth == n).any()
    ]
    print(f"    said → true (people): {' · '.join(parts)}")
    gone = trial.values["job_state"].isin(["left", "probably_moved"])
    traced = ~there & trial.truth["left_traces"].notna()
    print(
        f"  left or probably_moved: precision {(~there[gone]).mean():.3f} · recall {gone[~there].mean():.3f}, {gone[traced].mean():.3f} of those who left a trace"
    )
    roles = trial.truth["role_changed_at"].notna() & there
    print(f"    of {roles.sum()} people at another desk, {gone[roles].sum()} read as gone")


def show_channel(trial: Trial) -> None:
    """Whether following the advice beats the most used way; among people who still listen."""
    listens = trial.truth["fate"].isin(["steady", "drifting", "came_back", "seeks_help", "struggles"])
    ways = [str(way) for way in CHOICES]
    touches = trial.book.touches[trial.book.touches["channel"].isin(ways)]
    used = pd.crosstab(touches["person_id"].astype("str"), touches["channel"]).idxmax(axis=1).reindex(trial.values.index)
    advised = trial.values["best_channel"].where(trial.values["best_channel"].isin(ways))
    both = listens & used.notna() & advised.notna()
    real = trial.answers[both]
    pick = {
        name: real.to_numpy()[np.arange(len(real)), [ways.index(way) for way in chosen[both]]]
        for name, chosen in (("advised", advised), ("used", used))
    }
    differ = (advised[both] != used[both]).to_numpy()
    print(
        f"  best_channel, {both.sum()} people: answers really given {pick['advised'].mean():.3f} by the advised way, {pick['used'].mean():.3f} by the most used, "
        f"{real.max(axis=1).mean():.3f} by the best; where the two differ ({differ.sum()}) {pick['advised'][differ].mean():.3f} and {pick['used'][differ].mean():.3f}"
    )
    print(f"    advice to all: {trial.values['best_channel'].value_counts().to_dict()}")
    blind = trial.truth["is_email_blind"].astype(bool)
    said = trial.values["email_blindness"]
    sees = (trial.truth["fate"] == "steady") & ~blind
    print(
        f"  email_blindness: of {blind[listens].sum()} blind, blind {(said[blind & listens] == 'blind').mean():.2f}, at risk or blind "
        f"{(said[blind & listens] != 'none').mean():.2f}; false alarms among {sees.sum()} who see mail: blind {(said[sees] == 'blind').mean():.3f}, "
        f"at risk or blind {(said[sees] != 'none').mean():.3f}"
    )


def show_time_and_help(trial: Trial) -> None:
    """Whether the told hours are theirs, and whether anybody who waits for help is called silent."""
    told = trial.values["best_time"].str.extract(r"(\d+)–\d+, their time")[0].dropna().astype(int)
    real = trial.truth.loc[told.index]
    inside = (told + 1 > real["best_hour_from"]) & (told < real["best_hour_to"])
    listens = trial.truth["fate"] == "steady"
    print(
        f"  best_time: told {trial.values['best_time'][listens].notna().mean():.2f} of the steady; {inside.mean():.3f} of {len(told)} told hours touch the true three"
    )
    needs = trial.truth["support"] != "none"
    right = (trial.values["support_state"] == trial.truth["support"])[needs].mean()
    silent = (trial.values["engagement_state"][needs] == "silent").sum()
    print(f"  support_state: right for {right:.3f} of {needs.sum()} who wait for help; {silent} of them called silent")


def main() -> None:
    """Read the options and print the figures of each world."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[7, 11, 23])
    parser.add_argument("--contacts", type=int, default=2000)
    options = parser.parse_args()
    for seed in options.seed:
        trial = try_world(seed, options.contacts)
        print(f"world {seed}: {len(trial.values):,} people")
        for show in (show_job, show_channel, show_time_and_help):
            show(trial)


if __name__ == "__main__":
    main()
