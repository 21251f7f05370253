"""What every field means. To add one: write one function, add one word to FIELDS, add one spec table."""

from transforms.fields import account, job
from transforms.fields.choosing import best_channel, best_channel_why, best_time
from transforms.fields.listening import coverage, engagement_trend, hear_back_chance, last_heard_at, last_heard_channel, usual_gap_days
from transforms.fields.reaching import (
    checkin_share_90d,
    email_blindness,
    email_share_90d,
    last_direct_at,
    last_touch_at,
    last_touch_channel,
    reply_rate_180d,
    unanswered_since,
    unanswered_touches,
)
from transforms.fields.state import engagement_score, engagement_state, silent_since, why
from transforms.fields.support import open_tickets, support_state
from transforms.vocabulary.fields import Field

FIELDS: tuple[Field, ...] = (
    engagement_state,
    why,
    engagement_score,
    hear_back_chance,
    usual_gap_days,
    last_heard_at,
    last_heard_channel,
    silent_since,
    engagement_trend,
    coverage,
    best_channel,
    best_channel_why,
    best_time,
    last_touch_at,
    last_touch_channel,
    unanswered_touches,
    unanswered_since,
    last_direct_at,
    email_blindness,
    email_share_90d,
    reply_rate_180d,
    checkin_share_90d,
    job.absent_until,
    support_state,
    open_tickets,
    job.job_state,
    job.still_there_chance,
    job.job_verified_at,
    job.job_verified_by,
    job.job_evidence,
    job.successor,
    account.account_state,
    account.why,
    account.voices_90d,
    account.known_contacts,
    account.silent_share,
    account.is_single_threaded,
    account.champion_left,
    account.last_heard_at,
)
"""All fields, in the order in which people read them."""

CONTACT_FIELDS = tuple(field for field in FIELDS if field.table == "contacts")
COMPANY_FIELDS = tuple(field for field in FIELDS if field.table == "companies")
