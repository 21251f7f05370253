"""The made customers do what people in the field do, and the truth agrees with the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sandbox.world import World, WorldOptions, make_world

NOW = pd.Timestamp("2026-11-22T09:00Z")
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def world() -> World:
    """A world large enough that every behaviour occurs in it."""
    return make_world(WorldOptions(contacts=1000, companies=150, activities_per_contact=40))


@pytest.fixture(scope="module")
def told(world: World) -> pd.DataFrame:
    """The activities with the truth about each message beside them, in order."""
    return world.activities.merge(world.message_truth, on="activity_id", how="left", suffixes=("", "_true"))


@pytest.fixture(scope="module")
def heard(told: pd.DataFrame) -> pd.DataFrame:
    """What a human on their side did."""
    by_them = (told["direction"] == "inbound") & ~told["kind"].isin(["bounce", "auto_reply", "machine"])
    return told[by_them | told["outcome"].isin(["connected", "held"])]


def _of(told: pd.DataFrame, world: World, **truth: object) -> pd.DataFrame:
    chosen = world.truth
    for name, value in truth.items():
        chosen = chosen[chosen[name] == value]
    return told[told["contact_id"].isin(chosen["contact_id"])]


def test_people_have_a_rhythm_of_their_own(world: World, heard: pd.DataFrame) -> None:
    """The median gap between the days on which we hear from a steady person is near the rhythm that the truth names."""
    days = heard.assign(day=heard["occurred_at"].dt.floor("D")).drop_duplicates(["contact_id", "day"])
    gaps = days.groupby("contact_id")["occurred_at"].diff() / DAY
    seen = gaps.groupby(days["contact_id"]).agg(["median", "count"])
    truth = world.truth.set_index("contact_id").join(seen)
    steady = truth[(truth["fate"] == "steady") & (truth["count"] >= 8)]
    assert (steady["median"] / steady["rhythm_days"]).median() == pytest.approx(1.0, abs=0.15)
    assert np.corrcoef(np.log(steady["median"]), np.log(steady["rhythm_days"]))[0, 1] > 0.75


def test_replies_come_within_hours(told: pd.DataFrame) -> None:
    """Half of all replies come within about an hour, most within a day, and none before the message that it answers."""
    mail = told[(told["channel"] == "email") & (told["kind"] == "human")].sort_values(["occurred_at", "activity_id"])
    thread = mail.groupby(["thread_id", "contact_id"])
    waited = mail["occurred_at"] - thread["occurred_at"].shift()
    replies = waited[(mail["direction"] == "inbound") & (thread["direction"].shift() == "outbound")]
    assert 0.45 < (replies < pd.Timedelta(hours=1)).mean() < 0.75
    assert (replies < DAY).mean() > 0.9
    assert replies.min() > pd.Timedelta(0)


def test_check_ins_are_answered_less(told: pd.DataFrame) -> None:
    """A message with nothing in it is answered less often than one with substance."""
    mail = told[(told["channel"] == "email") & (told["kind"] == "human")]
    answered = set(mail.loc[mail["direction"] == "inbound", "thread_id"])
    ours = mail[mail["direction"] == "outbound"]
    share = ours["thread_id"].isin(answered).groupby(ours["is_checkin"].astype(bool)).mean()
    assert share[True] < 0.5 * share[False]


def test_people_answer_at_hours_of_their_own(world: World, heard: pd.DataFrame) -> None:
    """Most of what a person does falls into the hours that the truth names, in their own time zone."""
    truth = world.truth.set_index("contact_id")
    mine = heard[heard["channel"].isin(["email", "call"]) & (heard["outcome"] != "auto_reply")].sample(2000, random_state=1)
    zone = mine["contact_id"].map(truth["time_zone"])
    hour = pd.Series([at.tz_convert(where).hour for at, where in zip(mine["occurred_at"], zone, strict=True)], index=mine.index)
    first = mine["contact_id"].map(truth["best_hour_from"])
    assert hour.between(first, first + 2).mean() > 0.5


def test_some_never_answer_mail_but_pick_up(world: World, heard: pd.DataFrame, told: pd.DataFrame) -> None:
    """People who are blind to e-mail get it, never answer it, and are heard by another way."""
    blind = world.truth.loc[world.truth["is_email_blind"] & ~world.truth["is_mailbox_broken"], "contact_id"]
    own = heard[heard["contact_id"].isin(blind)]
    sent = told[told["contact_id"].isin(blind) & (told["channel"] == "email") & (told["direction"] == "outbound")]
    assert len(blind) > 10
    assert (own["channel"] == "email").mean() < 0.02
    assert sent.groupby("contact_id").size().median() >= 5
    assert own["channel"].isin(["call", "meeting", "whatsapp", "linkedin", "sms"]).mean() > 0.6


def test_the_silent_are_silent(world: World, heard: pd.DataFrame) -> None:
    """Nobody whom the truth calls silent was heard after their silence began, except the loud: tickets stop as well."""
    silent = world.truth[world.truth["state"] == "silent"].set_index("contact_id")["silent_at"]
    late = heard[heard["occurred_at"] > heard["contact_id"].map(silent) + DAY * 2]
    assert len(silent) > 80
    assert late["activity_id"].tolist() == []


def test_some_come_back(world: World, heard: pd.DataFrame) -> None:
    """The reawakened were silent for months and are heard again, unless their owner's mailbox is broken."""
    back = world.truth[(world.truth["state"] == "reawakened") & ~world.truth["is_mailbox_broken"]].set_index("contact_id")
    last = heard.groupby("contact_id")["occurred_at"].max().reindex(back.index)
    assert len(back) > 15
    assert (last >= back["reawakened_at"]).mean() > 0.9
    assert ((back["reawakened_at"] - back["silent_at"]) >= 90 * DAY).all()


def test_leaving_shows_in_several_ways(world: World, told: pd.DataFrame) -> None:
    """People leave with a bounce, an auto-reply, a farewell, a follower who writes, a changed record, or no trace at all."""
    left = world.truth[world.truth["has_left"]]
    assert set(left["left_how"]) >= {"bounce", "auto_reply", "farewell", "took_over", "record", "call", "none"}
    gone = told[(told["kind"] == "bounce") & (told["reason"] == "mailbox_gone")]
    assert set(gone["contact_id"]) <= set(left["contact_id"])
    first = gone.groupby("contact_id")["occurred_at"].min()
    assert (first >= left.set_index("contact_id")["left_at"].reindex(first.index)).all()
    notices = told[(told["kind"] == "auto_reply") & (told["reason"] == "left")]
    assert notices["successor"].notna().any()
    assert notices["successor"].isna().any()
    assert set(notices["contact_id"]) <= set(left["contact_id"])


def test_followers_are_often_contacts(world: World) -> None:
    """Of those who follow somebody, many are contacts of the same company, and their address is that of the record."""
    followed = world.truth.dropna(subset=["successor_id"])
    addresses = world.contacts.set_index("contact_id")["email"]
    homes = world.contacts.set_index("contact_id")["company_id"]
    assert len(followed) > 20
    assert addresses.reindex(followed["successor_id"]).tolist() == followed["successor_email"].tolist()
    assert homes.reindex(followed["successor_id"]).tolist() == homes.reindex(followed["contact_id"]).tolist()


def test_the_absent_say_so_and_are_still(world: World, heard: pd.DataFrame, told: pd.DataFrame) -> None:
    """Notices of absence name days; nobody who is absent now was heard since the absence began, save by a ticket or with others."""
    notices = told[told["reason"] == "absent"]
    assert notices["absent_until"].notna().mean() > 0.9
    assert (notices["absent_until"].dropna() > notices["occurred_at"].reindex(notices["absent_until"].dropna().index)).all()
    away = world.truth.dropna(subset=["absent_until"]).set_index("contact_id")
    assert (away["absent_until"] > NOW).all()
    alone = heard[~heard["channel"].isin(["ticket", "meeting", "email"])]
    late = alone[alone["occurred_at"] > alone["contact_id"].map(away["absent_from"])]
    assert late["activity_id"].tolist() == []


def test_who_seeks_help_is_loud(world: World, told: pd.DataFrame) -> None:
    """Help seekers have new open tickets, the struggling several old ones, some opened again."""
    truth = world.truth
    seeking, struggling = truth[truth["support"] == "seeking_help"], truth[truth["support"] == "struggling"]
    assert (seeking["open_tickets"] >= 1).all()
    assert (struggling["open_tickets"] >= 3).all()
    assert (NOW - seeking["oldest_open_ticket_at"]).max() < 9 * DAY
    assert (NOW - struggling["oldest_open_ticket_at"]).min() > 9 * DAY
    opened = told[told["outcome"] == "opened_ticket"].groupby("thread_id").size()
    assert opened.max() == 2


def test_a_mailbox_that_stopped_delivers_nothing(world: World) -> None:
    """Since 2 November nothing has come through the mailbox of one owner, though people did write."""
    truth = world.truth[world.truth["is_mailbox_broken"]]
    owner = world.contacts.set_index("contact_id")["owner_id"].reindex(truth["contact_id"]).unique()
    assert len(owner) == 1
    assert truth["deaf_since"].unique().tolist() == [pd.Timestamp("2026-11-02", tz="UTC")]
    ways = ["email", "call", "meeting", "linkedin", "whatsapp", "sms"]
    through = world.activities[(world.activities["actor_id"] == owner[0]) & world.activities["channel"].isin(ways)]
    assert through["occurred_at"].max() < pd.Timestamp("2026-11-02", tz="UTC")
    assert (truth["last_heard_at"] > truth["deaf_since"]).sum() > 5


def test_machines_open_and_click(told: pd.DataFrame) -> None:
    """Newsletters go to many; opens and clicks, most of them within seconds, are the work of machines; sequences are automated."""
    many = told[told["is_broadcast"].astype(bool)]
    assert many[many["outcome"] == "sent"].groupby("thread_id")["contact_id"].nunique().max() > 300
    marks = told[told["outcome"].isin(["opened", "clicked"])]
    assert set(marks["kind"]) == {"machine"}
    alone = told[told["is_automated"].astype(bool) & ~told["is_broadcast"].astype(bool) & (told["outcome"] == "sent")]
    assert len(alone) > 50


def test_bounces_and_notices_in_six_languages(told: pd.DataFrame) -> None:
    """Bounces and automatic replies come in at least six languages and for all reasons."""
    machine = told[told["kind"].isin(["bounce", "auto_reply"])]
    assert machine["language"].nunique() >= 6
    reasons = {"mailbox_gone", "mailbox_disabled", "mailbox_full", "blocked", "temporary"}
    assert set(machine["reason"]) >= reasons | {"absent", "left", "role_change", "acknowledgement", "challenge"}


def test_the_rest_of_the_field_is_there(world: World, told: pd.DataFrame) -> None:
    """Opted-out, do-not-call, never heard, new, one-voice accounts, lost champions, renewals, doubles, shared mailboxes: all occur."""
    truth, contacts = world.truth, world.contacts
    assert contacts["email_opted_out"].sum() > 10
    assert contacts["do_not_call"].sum() > 5
    assert {"never_heard", "new", "unreachable", "cooling", "needs_help"} <= set(truth["state"])
    assert {"shared", "free_mail", "duplicate"} <= set(truth["kind"])
    assert world.company_truth["is_single_voice"].any()
    assert world.company_truth["champion_left_at"].notna().any()
    assert world.companies["renewal_on"].dropna().between(NOW.normalize(), NOW + 366 * DAY).all()
    assert {"voicemail", "no_answer", "busy", "wrong_number", "no_show", "canceled", "declined"} <= set(told["outcome"].dropna())
    assert contacts["is_deleted"].sum() > 1
    assert contacts["title_changed_at"].notna().sum() > 10


def test_mail_carries_headers_and_bounces_their_report(told: pd.DataFrame) -> None:
    """Every mail has headers; a report of failure names the recipient and, but for qmail's free text, an RFC 3464 status."""
    mail = told[(told["channel"] == "email") & told["kind"].isin(["human", "bounce", "auto_reply"])]
    assert mail["headers"].str.startswith("From: ").all()
    reports = mail[mail["kind"] == "bounce"]
    is_report = reports["headers"].str.contains("report-type=delivery-status")
    assert is_report.mean() > 0.8
    formal = reports[is_report]
    assert [status in body for status, body in zip(formal["status_code"], formal["body"], strict=True)] == [True] * len(formal)
    assert formal["body"].str.contains("Final-Recipient: rfc822; ").all()
    assert mail.loc[mail["kind"] == "human", "headers"].str.contains("X-Auto-Response-Suppress").any()
    assert mail.loc[(mail["kind"] == "auto_reply") & (mail["reason"] == "left"), "headers"].str.contains("Auto-Submitted").mean() < 1


def test_meetings_bring_several_together(world: World) -> None:
    """A meeting with several contacts is one activity with a row for each of them."""
    held = world.activities[(world.activities["channel"] == "meeting") & (world.activities["participant_count"] > 1)]
    rows = held.groupby("activity_id").size()
    assert rows.tolist() == held.groupby("activity_id")["participant_count"].first().tolist()
