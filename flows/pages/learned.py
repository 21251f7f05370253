"""What the model card and the outcomes of tasks say, in words and rows. Terminal and page share them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from transforms.channels.outcomes import ANY_WAY
from transforms.fields.wording import by, joined, sentence
from transforms.plays.rules import PLAYS

SHOWN = 12
"""So many coefficients are told, the heaviest first; the JSON has all of them."""

WEIGHT = "Weight: by how much the log odds move when the term is one usual deviation higher. Above 0 makes hearing back likelier. Terms overlap: read the signs together."
"""What a weight is."""

FOLLOWED = (
    "Followed: somebody reached out by the way that the task advised, up to 14 days after it was due. A call that nobody logs is not seen. "
    "Those not followed are no fair comparison: people choose what they follow."
)
"""What the counts of outcomes mean, and when to doubt them."""

_LABELS = {rule.name: rule.label for rule in PLAYS}


def learned_from(card: Mapping[str, Any]) -> str:
    """From what the chance was learned, and what a check on later days found."""
    if not card["rows"]:
        return f"There is no history yet, so the chance within {card['horizon_days']} days is what is usual elsewhere."
    told = f"Learned as of {card['as_of'][:10]} from {card['rows']:,} past days of people, {card['first_day']} to {card['last_day']}."
    if card["auc"] is None:
        return f"{told} There was not enough history to check it on days that it had not learned from."
    better = "better" if card["auc"] > card["auc_recency"] else "no better"
    told += (
        f" Checked on {card['judged']:,} later ones, it ranks people {better} than days since last heard: AUC {card['auc']:.3f} against "
        f"{card['auc_recency']:.3f}, Brier score {card['brier']:.3f} against {card['brier_recency']:.3f}."
    )
    if card["calibration_error"] is not None:
        told += f" A chance is off by {100 * card['calibration_error']:.1f} points on average."
    told += f" Silent is said at {100 * card['silent_chance']:.0f} % or less"
    if card["false_alarm_seen"] is None:
        return f"{told}."
    return f"{told}: that would have been a false alarm for {100 * card['false_alarm_seen']:.1f} % of those heard from, where {100 * card['false_alarm_asked']:.0f} % are allowed."


def calibration_rows(card: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Chance said, share heard from, how many: one row a band."""
    return [(f"{100 * one['said']:.0f} %", f"{100 * one['happened']:.0f} %", f"{one['number']:,}") for one in card["calibration"]]


def coefficient_rows(card: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Term in words, what more of it does, its weight, and what is usual elsewhere: the heaviest first, the level left out."""
    terms = [one for one in card["coefficients"] if one["term"] != "level"]
    heaviest = sorted(terms, key=lambda one: (-abs(one["weight"]), one["term"]))[:SHOWN]
    return [
        (
            sentence(one["words"]),
            "likelier" if one["weight"] > 0 else "less likely",
            f"{one['weight']:+.2f}",
            f"{one['prior']:+.2f} ± {one['prior_deviation']:.2f}",
        )
        for one in heaviest
    ]


def outcome_sentences(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """What became of the tasks of each play and way, one sentence each."""
    return [_outcome(row) for row in rows]


def _outcome(row: Mapping[str, Any]) -> str:
    way = "" if row["way"] == ANY_WAY else f" ({by(row['way'])})"
    told = f"{_LABELS.get(row['play'], row['play'])}{way}: {row['raised']:,} raised."
    came = [
        f"of {row[tried]:,} {words} {_heard(row[heard])} within 14 days{_later(row, tried, heard)}"
        for tried, heard, words in (("followed", "heard", "followed"), ("not_followed", "heard_anyway", "not followed"))
        if row[tried]
    ]
    told += f" {sentence('; '.join(came))}." if came else ""
    if row["open"] == row["raised"]:
        return f"{told} All are still open."
    return f"{told} {row['open']:,} {'is' if row['open'] == 1 else 'are'} still open." if row["open"] else told


def _heard(number: int) -> str:
    return "none was heard from" if not number else f"{number:,} {'was' if number == 1 else 'were'} heard from"


def _later(row: Mapping[str, Any], tried: str, heard: str) -> str:
    return f" ({row[f'{heard}_30']:,} of {row[f'{tried}_30']:,} within 30)" if row[f"{tried}_30"] else ""


def counts_line(counts: Mapping[str, int], labels: Mapping[str, str]) -> str:
    """``Engaged 120, cooling 31 and silent 4``: the most first."""
    ranked: Sequence[tuple[str, int]] = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return sentence(joined([f"{labels.get(name, name).lower()} {number:,}" for name, number in ranked]))
