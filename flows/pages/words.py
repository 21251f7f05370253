"""What each figure of a backtest means, in one sentence, and the figures as people read them. Terminal and page share these words."""

from __future__ import annotations

from transforms.backtest.figures import GONE_DAYS, OURS, Comparison
from transforms.backtest.judging import Report
from transforms.backtest.scores import Score

NAMES = {OURS: "Still There", "days_since_last": "Days since last heard", "plain_counts": "Plain counts"}
"""What is compared, as people call it."""

MEANINGS = {
    "auc": "Take one who was heard from and one who was not: how often the first had the higher chance; 0.5 is a coin, 1 is perfect.",
    "brier": "The mean squared distance between the chance and what came (1 or 0); less is better.",
    "brier_skill": "How much smaller that distance is than if everybody had been given the same, right, average chance; above 0 is better than that.",
    "calibration_error": "How far the chances lie from what came, on average: 0.03 means that of those given 40 % between 37 % and 43 % were heard from.",
    "caught": "Put the threshold where 1 % (5 %) of those who were heard from would have been called silent: the share of those who stayed away that lies under it.",
    "gone": f"The same, where those who stayed away are only those not heard from for {GONE_DAYS} days.",
    "days_since_last": "A logistic curve on the logarithm of days since last heard, fitted for each cut on earlier days alone: the rule of thumb to beat.",
    "plain_counts": "A logistic model on days since last, own mean gap and counts of days heard, fitted in the same way: what thirty lines of code would do.",
    "lead": "By how much Still There is better than the curve; the range shows whether that can be chance.",
    "range": "In brackets stands the range in which 95 of 100 samples of people lie; a range that holds 0 says that there may be no difference.",
    "false_alarm": "Of the people who were heard from within the horizon, the share that engagement_state called silent on the day before.",
    "changes": "How often the state of one contact differs from the cut before, counted for a year.",
    "undone": "Changes that were undone within 30 days (at the next cut, where cuts lie further apart), counted for a year.",
    "flickers": "Those of them between which nothing was heard: noise.",
    "job": f"still_there_chance against what became clear within {GONE_DAYS} days: a notice, a farewell or a dead mailbox, or a word of theirs.",
    "bias": "The mean chance less the share that was heard from: above 0 the chances are too high for these people.",
    "hole": "A stretch without records where many were to be expected: silence in it says nothing, so nothing is judged there.",
}
"""One sentence a figure."""


def number(score: Score, places: int = 3) -> str:
    """``0.818 (0.768 to 0.857)``; a dash where it cannot be told."""
    if score.value is None or score.low is None or score.high is None:
        return "–"
    return f"{score.value:.{places}f} ({score.low:.{places}f} to {score.high:.{places}f})"


def percent(score: Score) -> str:
    """``30 % (15 to 41)``; a dash where it cannot be told."""
    if score.value is None or score.low is None or score.high is None:
        return "–"
    return f"{100 * score.value:.0f} % ({100 * score.low:.0f} to {100 * score.high:.0f})"


def brief(score: Score, places: int = 0) -> str:
    """The value alone: ``30 %``, or ``0.82`` with places."""
    if score.value is None:
        return "–"
    return f"{score.value:.{places}f}" if places else f"{100 * score.value:.0f} %"


def spread(score: Score, places: int = 0) -> tuple[str, str]:
    """The value, and its range in words below it."""
    if score.value is None or score.low is None or score.high is None:
        return "–", "too few to tell"
    low, high = (f"{end:.{places}f}" if places else f"{100 * end:.0f} %" for end in (score.low, score.high))
    return brief(score, places), f"{low} to {high}"


def points(score: Score) -> str:
    """A difference of shares in percentage points, with the sign."""
    if score.value is None or score.low is None or score.high is None:
        return "–"
    return f"{100 * score.value:+.0f} ({100 * score.low:+.0f} to {100 * score.high:+.0f})"


def signed(score: Score) -> str:
    """As :func:`number`, with the sign."""
    if score.value is None or score.low is None or score.high is None:
        return "–"
    return f"{score.value:+.3f} ({score.low:+.3f} to {score.high:+.3f})"


def verdict(listening: Comparison) -> list[str]:
    """What the comparison comes to, in a few sentences; a difference is claimed only where its range leaves no room for chance."""
    told = []
    for name, lead in listening.leads.items():
        score = lead.auc
        if score.low is None or score.high is None:
            continue
        better = (
            "ranks people better than"
            if score.low > 0
            else "ranks people worse than"
            if score.high < 0
            else "ranks people no better or worse, for certain, than"
        )
        curve = "the days since they were last heard from" if name == "days_since_last" else "a plain model on recency, own gap and counts"
        told.append(f"Still There {better} {curve}: AUC {signed(score)}.")
    ours = listening.figures[OURS]
    error = ours.calibration_error
    if error.value is not None:
        told.append(
            f"A chance of theirs is off by {100 * error.value:.1f} points on average; chance alone would make it {100 * ours.calibration_error_of_chance:.1f}."
        )
    return told


def judged_line(report: Report) -> str:
    """How much was judged, and how much was left out."""
    used = [cut for cut in report.cuts if not cut.why_not]
    out = len(report.cuts) - len(used)
    told = f"{len(used)} cuts from {used[0].on} to {used[-1].on}, {report.people:,} people, {report.rows:,} judgements, {report.horizon_days} days ahead."
    if out:
        told += f" {out} of {len(report.cuts)} cuts {'was' if out == 1 else 'were'} left out."
    if report.rows_hidden:
        told += f" {report.rows_hidden:,} judgements were left out because a hole would pass for silence."
    return told
