"""The thresholds of Still There, each with its reason. Whoever disagrees with one changes it here, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """What counts as soon, long, few and many. Days are days of 24 hours.

    Where a threshold can be learned from the customer's own history, it is learned (see ``org``); what stands here
    is what no history can tell: how careful to be, how far to look, and what to believe before there is any history.
    """

    horizon_days: int = 30
    """``hear_back_chance`` is the chance to hear from somebody within this many days."""

    false_alarm: float = 0.05
    """Of the people who were heard from within the horizon, at most this share may have been called silent before."""

    cooling_quantile: float = 0.80
    """A pause longer than this share of the usual pauses is called cooling."""

    answer_days: int = 14
    """An answer within this many days of a touch answers it. In a public log 84 % of replies came within one day."""

    unanswered_after_days: int = 3
    """A touch younger than this is waiting for its answer, not unanswered."""

    our_answer_days: int = 3
    """The first message of ours, by the same way, within this many days of theirs is our answer; it asks for nothing."""

    rhythm_gaps: int = 12
    """The usual gap is the average of up to this many latest gaps."""

    rhythm_min_gaps: int = 3
    """With fewer gaps than this there is no rhythm to speak of."""

    new_contact_days: int = 30
    """A contact is new for this many days after we first knew of them."""

    reawakened_days: int = 30
    """Somebody who came back from a silence is called reawakened for this many days."""

    short_window_days: int = 90
    """The window of fields whose name ends in _90d."""

    long_window_days: int = 180
    """The window of fields whose name ends in _180d."""

    year_days: int = 365
    """What happened longer ago than this is not told in a ``why``."""

    half_life_days: int = 90
    """For the choice of a channel, an attempt counts half after this many days."""

    channel_prior_sends: float = 4.0
    """How many attempts the customer-wide answer rate is worth against a contact's own. Published rates differ 14-fold, so few."""

    answer_rate_prior: float = 0.2
    """The answer rate that is believed before anything was ever sent (between published 0.6 % and 18.6 %, towards people who know us)."""

    prior_weight: float = 20.0
    """How many observations the next wider group is worth when a group's own history is thin."""

    training_days: int = 1100
    """The chance to hear back is learned from what happened in so many days, three years."""

    training_step_days: int = 10
    """From every so manyth day of them."""

    training_half_life_days: float = 365.0
    """What happened so long ago weighs half: customers and we ourselves change."""

    training_rows: int = 16_000
    """It is learned from at most so many rows, one a person and day; more would not teach more."""

    blind_emails: int = 16
    """So many e-mails in a row without an answer are too many for anybody. HubSpot calls a contact who once engaged unengaged after 16."""

    best_time_answers: int = 8
    """With fewer answers than this no time of day is recommended."""

    struggling_tickets: int = 3
    """So many open tickets at once are a struggle."""

    struggling_after_days: int = 14
    """An open ticket older than this is a struggle."""

    struggling_broken_days: int = 5
    """An open ticket that says that something is broken is a struggle when it is older than this."""

    forgotten_ticket_days: int = 180
    """A ticket that is open for longer without a change was forgotten by us; it says nothing of the contact today."""

    broadcast_from: int = 9
    """An e-mail to this many contacts or more is a broadcast, where the CRM does not say."""

    deaf_after_days: float = 7.0
    """A source must have been quiet for at least this long to be called deaf."""

    deaf_expected: float = 12.0
    """From so many missing records on, a source may be deaf: silence tasks about its people wait. A past hole of a source was one where chance explains
    its silence with less than 1 in 100,000 (−ln of the chance is at least this)."""

    deaf_surprise: float = 8.0
    """A source is deaf when, besides, −ln of the chance of its silence is at least this (8: under 1 in 3,000). A source that always came in bursts needs more
    missing records for that than one that delivers evenly."""

    hole_expected: float = 20.0
    """A time without a word from anybody is a hole in the data where so many people a day, added up, would have been heard by what is usual."""

    blind_share: float = 0.8
    """If at least this share of what came from a person came by sources that are deaf now, we are blind for them."""

    unseen_mail_days: float = 3.0
    """Mail that a CRM counts passes unseen where it is later by more than this than the last mail on record: clocks and copies may lag a day or two."""

    deaf_persons: int = 5
    """A source that served fewer people than this is judged as a part of its channel only."""

    reach_after_touch_days: int = 3
    """After a touch, the recommendation is to wait for this many days."""

    tasks_per_owner_week: int = 7
    """At most so many new tasks for one owner in a week."""

    guard_states: float = 0.30
    """A run that would change the state of more than this share of the contacts of a CRM is stopped until somebody approves its plan. In a week 10 %
    change, in a small portal up to 23 %; more at once points to a wrong merge, a wrong import or a changed setting."""

    guard_emptied: float = 0.10
    """So is one that would empty a field on more than this share of the records that hold it. Values follow people slowly: at most 4 % in a week."""

    guard_tasks: int = 500
    """So is one that would create more tasks than this: a task cannot be taken back from somebody who has read it."""

    guard_from_records: int = 50
    """The first two guards judge fields that at least so many records of a CRM hold; in fewer, a busy week is a large share."""

    guard_pause_days: int = 7
    """After a longer pause without a sync the shares that the first two guards allow grow with the root of its length."""
