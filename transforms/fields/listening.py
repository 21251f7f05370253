"""Are they still listening: when we heard from them, how that compares with their own rhythm, and whether we would hear it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtri

from transforms.book import Book
from transforms.fields.job import job_state, still_there_chance
from transforms.fields.wording import CHANNEL_LABELS
from transforms.rhythm import FEW
from transforms.silence.history import facts_now
from transforms.tally import source_names
from transforms.unseen import is_unseen
from transforms.vocabulary.fields import Group, Kind, field


@field(label="Last heard from", kind=Kind.DATETIME, group=Group.LISTENING, views=("heard",))
def last_heard_at(book: Book) -> pd.Series:
    """When the contact last did something that a person does: wrote, picked up, attended, filled in a form, used the product, opened a ticket.

    Opens, clicks, bounces and automatic replies never count, since machines make them. Empty if we never heard from them.
    Doubt it where coverage is not full: what did not reach the CRM is not in here.
    """
    return book.heard.groupby("person_id").occurred_at.max()


@field(label="Last heard by", kind=Kind.CHOICE, group=Group.LISTENING, options=CHANNEL_LABELS, views=("heard",))
def last_heard_channel(book: Book) -> pd.Series:
    """The way by which we last heard from the contact. Empty if we never did."""
    return book.last(book.heard)["channel"]


@field(label="Usual gap in days", kind=Kind.COUNT, group=Group.LISTENING, views=("heard",))
def usual_gap_days(book: Book) -> pd.Series:
    """How many days usually pass until we hear from the contact again: half of the time covered by their latest twelve gaps lies in longer ones.

    So a week of daily mail does not hide the months between such weeks, and one long holiday does not count. Where their gaps differ much and are
    few, it leans on what is usual for your other contacts. In days. Empty with fewer than three gaps: then there is no rhythm to speak of.
    """
    days = book.heard_days[book.heard_days["gap"].notna()]
    latest = days[days.groupby("person").cumcount(ascending=False) < book.policy.rhythm_gaps].sort_values(["person", "gap"])
    by_person = latest.groupby("person")["gap"]
    reached = by_person.cumsum() >= by_person.transform("sum") / 2
    middle = np.log(latest[reached].groupby("person")["gap"].first())
    logs = np.log(latest["gap"]).groupby(latest["person"])
    differ, (others, spread) = logs.var(ddof=0), book.org.learned.gaps
    doubt = differ / logs.size()
    lean = doubt / (doubt + spread**2)
    # Where gaps are log-normal, the middle of the time covered lies above the middle gap by their variance.
    usual = np.exp(middle * (1 - lean) + (others + differ) * lean)[logs.size() >= book.policy.rhythm_min_gaps]
    return usual.set_axis(book.persons.index[usual.index]).clip(lower=1).round().astype("Int64")


@field(label="Chance to hear back", kind=Kind.CHANCE, group=Group.LISTENING, views=("heard", "touches"))
def hear_back_chance(book: Book) -> pd.Series:
    """The probability that we hear from the contact within the next 30 days, whatever we do.

    Learned from your own last three years: how long they are silent, their own rhythm, how often and how lately they were heard, what we sent
    and what stayed unanswered. Checked on days that it had not learned from: of people at 30 percent, about 30 of 100 are heard.
    For people who have probably left it is lowered by the chance that they are still there. In percent, in steps of 5.
    Doubt it in the first months of a new CRM: it then leans on what is usual elsewhere.
    """
    chance = pd.Series(book.org.chance(facts_now(book), book.tomorrow), index=book.persons.index)
    # Of everybody else the usual share of leavers is in the learned chance already.
    has_left = book.value(job_state).isin(["left", "probably_moved"])
    return chance.where(~has_left, chance * book.value(still_there_chance))


@field(
    label="Trend",
    kind=Kind.CHOICE,
    group=Group.LISTENING,
    options={"rising": "Rising", "steady": "Steady", "falling": "Falling"},
    views=("heard",),
)
def engagement_trend(book: Book) -> pd.Series:
    """Whether we hear from the contact on more or fewer days in the last 90 days than in the 90 days before.

    Rising and falling are said only where chance alone would seldom make such a difference. Empty for contacts whom we have known for less
    than 180 days, and where nothing was heard in all that time.
    """
    window = book.policy.short_window_days
    days, today = book.heard_days, book.tomorrow
    since = today - days["on"].to_numpy()
    recent, before = (
        np.bincount(days["person"].to_numpy()[(since > start) & (since <= start + window)], minlength=len(book.persons))
        for start in (0, window)
    )
    # scipy.special, for scipy.stats takes most of a second and 50 MB to import.
    clear = -ndtri(book.policy.false_alarm) * np.sqrt(recent + before)
    word = np.select([recent - before >= clear, before - recent >= clear], ["rising", "falling"], "steady")
    is_known = book.days_since(book.persons["first_known_at"]) >= 2 * window
    return pd.Series(word, index=book.persons.index, dtype="str").where(is_known & (recent + before > 0))


@field(
    label="Coverage",
    kind=Kind.CHOICE,
    group=Group.LISTENING,
    options={"full": "Full", "partial": "Partial", "blind": "Blind"},
    views=("activities",),
)
def coverage(book: Book) -> pd.Series:
    """Whether we would notice if the contact wrote. Blind: the mailboxes or other sources by which we know them have stopped delivering, for everybody.

    Or we may not read them any more. Or: the CRM counts mail with them that it keeps no record of, and nothing else was heard for 90 days. Partial: some sources have stopped, or
    only their mail passes unseen. While we are blind, silence means nothing, and no task is made. Doubt it for sources with very little traffic:
    a stop cannot be told from a lull there.
    """
    share = book.align(book.frame(sources_of).groupby("person_id")["is_deaf"].mean().astype("float64"))
    # Whom we know by no source of the last year we do not hear either where nothing is heard of anybody.
    share = share.fillna(0.0 if book.org.nothing_since is None else 1.0)
    unseen = is_unseen(book)
    is_mute = book.count(book.within(book.heard, book.policy.short_window_days)) == 0
    word = np.select([(share >= book.policy.blind_share) | (unseen & is_mute), (share > 0) | unseen], ["blind", "partial"], "full")
    return pd.Series(word, index=book.persons.index, dtype="str")


def sources_of(book: Book) -> pd.DataFrame:
    """The sources by which each person was heard from in the last year, whether each has stopped, and when it brought something (``at``).

    ``is_deaf``, ``deaf_since``, and ``in_doubt_since`` for a lull that may be a stop. For people not heard from: those by which we wrote to them, else the mailboxes of their owners. What two CRMs tell is missed only where
    both of them have stopped.
    """
    heard = book.within(book.heard, book.policy.year_days)
    touched = book.within(book.touches, book.policy.year_days)
    touched = touched[~touched["person_id"].isin(heard["person_id"])]
    rows = pd.concat([heard, touched])
    named = pd.DataFrame(
        {
            "person_id": rows["person_id"].astype("str"),
            "source": source_names(rows),
            "whole": rows["crm"] + "|*|" + rows["channel"],
            "at": rows["occurred_at"],
        }
    )
    owned = book.sides.reset_index().set_index("person_id")
    owned = owned[owned["owner_id"].notna() & ~owned.index.isin(named["person_id"])]
    mailboxes = pd.DataFrame(
        {"person_id": owned.index, "source": owned["crm"] + "|" + owned["owner_id"] + "|email", "whole": owned["crm"] + "|*|email"}
    )
    found = pd.concat([named, mailboxes], ignore_index=True)
    for name, since in (("deaf_since", book.org.deaf_since), ("in_doubt_since", book.org.in_doubt_since)):
        stopped = (
            [since.get(source, since.get(whole, pd.NaT)) for source, whole in zip(found["source"], found["whole"], strict=True)]
            if since
            else pd.NaT
        )
        found[name] = pd.Series(stopped, index=found.index, dtype="datetime64[us, UTC]")
        if since and len(book.told_again):
            alive = _told_by_others(book, since)
            found[name] = found[name].mask(pd.Series([*rows.index.isin(alive), *[False] * len(mailboxes)], index=found.index))
    return found.assign(is_deaf=found["deaf_since"].notna())


def last_source(book: Book) -> pd.DataFrame:
    """For each person heard from in the last year the source by which they were heard last, as in ``sources_of``; missing for all others."""
    found = book.frame(sources_of)
    latest = found[found["at"].notna()].sort_values(["person_id", "at", "source"]).drop_duplicates("person_id", keep="last")
    return latest.set_index("person_id").reindex(book.persons.index)


def is_last_source_deaf(book: Book) -> pd.Series:
    """Whether the source by which each person was last heard has stopped since: their silence may be ours, whatever else still delivers."""
    return book.frame(last_source)["is_deaf"].fillna(value=False).astype(bool)


def days_in_doubt(book: Book) -> pd.Series:
    """For how many whole days the source by which each person was last heard has been in a lull that may be a stop; 0 where it is in none.

    For them the clock of the silence stands still: nobody becomes silent by a lull of everybody.
    """
    return book.days_since(book.frame(last_source)["in_doubt_since"]).fillna(0.0) // 1


def has_just_stopped(book: Book) -> pd.Series:
    """Whether any source by which each person was heard has stopped in the last 90 days, or may have. Later they will have found another way, as after a colleague left."""
    found = book.frame(sources_of)
    is_fresh = book.days_since(found[["deaf_since", "in_doubt_since"]].min(axis=1)) < book.policy.short_window_days
    return pd.Series(book.persons.index.isin(found.loc[is_fresh, "person_id"]), index=book.persons.index)


def _told_by_others(book: Book, since: Mapping[str, pd.Timestamp]) -> pd.Series:
    """The numbers of the rows that a source of another CRM tells as well, which has not stopped."""
    again = book.told_again
    whole = again["crm"] + "|*|" + again["channel"]
    return again.loc[~source_names(again).isin(list(since)) & ~whole.isin(list(since)), "told_by"]


def pause_limits(book: Book) -> pd.DataFrame:
    """After how many days without a word each person counts as ``cooling``, and as ``quiet``.

    Quantiles of the pauses that people of a like rhythm made and ended, so that they fit a weekly caller and a yearly one alike.
    """
    rhythm = book.rhythm
    unit = rhythm["usual"].where(rhythm["group"] > FEW, 1.0)
    group = rhythm["group"].to_numpy()
    return pd.DataFrame(
        {
            "cooling": book.org.pause(book.policy.cooling_quantile)[group] * unit,
            "quiet": book.org.pause(1 - book.policy.false_alarm)[group] * unit,
        }
    )
