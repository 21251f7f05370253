"""Small pictures as SVG, drawn by hand: they stand in the page itself, follow its colours, and need nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from flows.pages.words import NAMES, percent
from transforms.backtest.figures import OURS, Comparison
from transforms.backtest.judging import Cut
from transforms.backtest.scores import Band, Score

SIDE = 300.0
LEFT, TOP, BOTTOM, RIGHT = 62.0, 12.0, 40.0, 22.0


def reliability(bands: Sequence[Band]) -> Markup:
    """The reliability diagram: chance given against share heard from, with ranges; the area of a dot shows the number of judgements."""
    most = max((band.rows for band in bands), default=1)
    parts = [_axes("chance that was given", "share that was heard from")]
    parts.append(f'<line class="even" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>')
    for band in bands:
        if band.heard.value is None:
            continue
        x, y = _x(band.mean_chance), _y(band.heard.value)
        parts.append(
            f'<line class="range" x1="{x:.1f}" y1="{_y(band.heard.low or 0):.1f}" x2="{x:.1f}" y2="{_y(band.heard.high or 0):.1f}"/>'
        )
        told = f"given {100 * band.mean_chance:.0f} %, heard from {percent(band.heard)}: {band.rows:,} judgements of {band.people:,} people"
        parts.append(
            f'<circle class="ours" cx="{x:.1f}" cy="{y:.1f}" r="{3 + 9 * (band.rows / most) ** 0.5:.1f}"><title>{escape(told)}</title></circle>'
        )
    return _svg(SIDE + LEFT + RIGHT, SIDE + TOP + BOTTOM, parts, "Reliability diagram")


def counts(bands: Sequence[Band]) -> Markup:
    """How many judgements each band of chances has."""
    most, height = max((band.rows for band in bands), default=1), 90.0
    parts = []
    for band in bands:
        x, width = _x(band.start), SIDE / 10 - 3
        tall = height * band.rows / most
        parts.append(f'<rect class="bar" x="{x + 1.5:.1f}" y="{16 + height - tall:.1f}" width="{width:.1f}" height="{tall:.1f}"/>')
        parts.append(
            f'<text class="small" x="{x + 1.5 + width / 2:.1f}" y="{12 + height - tall:.1f}" text-anchor="middle">{band.rows:,}</text>'
        )
    parts += [
        f'<text class="small" x="{_x(place / 10):.1f}" y="{height + 32}" text-anchor="middle">{place * 10} %</text>'
        for place in range(0, 11, 2)
    ]
    return _svg(SIDE + LEFT + RIGHT, height + 40, parts, "Judgements in each band of chances")


def compared(listening: Comparison, what: str) -> Markup:
    """One figure of Still There and of the curves, as dots with ranges. ``what``: auc, or the place of a false-alarm rate for caught."""
    rows: list[tuple[str, Score]] = []
    for name in (OURS, "plain_counts", "days_since_last"):
        figures = listening.figures[name]
        rows.append((name, figures.auc if what == "auc" else figures.caught[int(what)].silent))
    ends = [end for _, score in rows for end in (score.low, score.high) if end is not None] or [0.0, 1.0]
    low, high = max(min(ends) - 0.03, 0.0), min(max(ends) + 0.03, 1.0)
    left, width, gap = 150.0, 300.0, 34.0

    def place(value: float) -> float:
        return left + width * (value - low) / max(high - low, 1e-9)

    parts = []
    for step in range(5):
        value = low + (high - low) * step / 4
        label = f"{value:.2f}" if what == "auc" else f"{100 * value:.0f} %"
        parts.append(f'<line class="grid" x1="{place(value):.1f}" y1="6" x2="{place(value):.1f}" y2="{gap * 3 + 4}"/>')
        parts.append(f'<text class="small" x="{place(value):.1f}" y="{gap * 3 + 20}" text-anchor="middle">{label}</text>')
    for row, (name, score) in enumerate(rows):
        y, style = 22 + row * gap, "ours" if name == OURS else "other"
        parts.append(f'<text class="label" x="{left - 10}" y="{y + 4}" text-anchor="end">{NAMES[name]}</text>')
        if score.value is not None and score.low is not None and score.high is not None:
            parts.append(f'<line class="range" x1="{place(score.low):.1f}" y1="{y}" x2="{place(score.high):.1f}" y2="{y}"/>')
            parts.append(f'<circle class="{style}" cx="{place(score.value):.1f}" cy="{y}" r="6"/>')
    return _svg(left + width + 26, gap * 3 + 28, parts, "Comparison with the plain curves")


def over_time(cuts: Sequence[Cut]) -> Markup:
    """For each cut the share that was heard from, and the mean chance that was given; cuts that were left out are shaded."""
    width, height = 640.0, 200.0
    step = width / max(len(cuts), 1)
    told = [value for cut in cuts if not cut.why_not for value in (cut.heard, cut.mean_chance) if value is not None]
    top = min(max([*told, 0.1]) * 1.15, 1.0)

    def y(value: float) -> float:
        return TOP + height * (1 - value / top)

    parts = []
    for tick in range(5):
        value = top * tick / 4
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y(value):.1f}" x2="{LEFT + width}" y2="{y(value):.1f}"/>')
        parts.append(f'<text class="small" x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{100 * value:.0f} %</text>')
    lines: dict[str, list[list[str]]] = {"ours": [[]], "came": [[]]}
    every = max(1, len(cuts) // 7)
    labelled = [cut.on[:7] for cut in cuts[::every]]
    letters = 7 if len(set(labelled)) == len(labelled) else 10  # the month, or the day where a month would stand there twice
    for place, cut in enumerate(cuts):
        x = LEFT + step * (place + 0.5)
        if place % every == 0:
            parts.append(f'<text class="small" x="{x:.1f}" y="{TOP + height + 18}" text-anchor="middle">{cut.on[:letters]}</text>')
        if cut.why_not or cut.heard is None or cut.mean_chance is None:
            parts.append(
                f'<rect class="hole" x="{x - step / 2:.1f}" y="{TOP}" width="{step:.1f}" height="{height}"><title>{escape(cut.on)}: {escape(cut.why_not)}</title></rect>'
            )
            for runs in lines.values():
                runs.append([])
            continue
        for name, value in (("ours", cut.mean_chance), ("came", cut.heard)):
            lines[name][-1].append(f"{x:.1f},{y(value):.1f}")
            says = f"{cut.on}: {'chance given' if name == 'ours' else 'heard from'} {100 * value:.0f} %, {cut.people - cut.hidden:,} people"
            parts.append(f'<circle class="{name}" cx="{x:.1f}" cy="{y(value):.1f}" r="3.5"><title>{escape(says)}</title></circle>')
    for name, runs in lines.items():
        parts += [f'<polyline class="{name}" points="{" ".join(run)}"/>' for run in runs if len(run) > 1]
    return _svg(LEFT + width + RIGHT, TOP + height + 28, parts, "Chance given and share heard from, cut by cut")


def lead_bar(score: Score, reach: float) -> Markup:
    """A lead with its range on one line, zero in the middle; for a cell of a table."""
    if score.value is None or score.low is None or score.high is None:
        return Markup("")
    half = 60.0

    def x(value: float) -> float:
        return half + half * max(min(value / reach, 1.0), -1.0)

    style = "good" if score.low > 0 else "bad" if score.high < 0 else "unsure"
    parts = [
        f'<line class="even" x1="{half}" y1="1" x2="{half}" y2="15"/>',
        f'<line class="range" x1="{x(score.low):.1f}" y1="8" x2="{x(score.high):.1f}" y2="8"/>',
        f'<circle class="{style}" cx="{x(score.value):.1f}" cy="8" r="4"/>',
    ]
    return _svg(2 * half, 16, parts, "lead", style="cell")


def _x(value: float) -> float:
    return LEFT + SIDE * value


def _y(value: float) -> float:
    return TOP + SIDE * (1 - value)


def _axes(across: str, up: str) -> str:
    parts = []
    for place in range(0, 11, 2):
        value = place / 10
        parts.append(f'<line class="grid" x1="{_x(0)}" y1="{_y(value):.1f}" x2="{_x(1)}" y2="{_y(value):.1f}"/>')
        parts.append(f'<text class="small" x="{_x(0) - 6}" y="{_y(value) + 4:.1f}" text-anchor="end">{place * 10} %</text>')
        parts.append(f'<text class="small" x="{_x(value):.1f}" y="{_y(0) + 16:.1f}" text-anchor="middle">{place * 10} %</text>')
    parts.append(f'<text class="label" x="{_x(0.5):.1f}" y="{_y(0) + 34:.1f}" text-anchor="middle">{across}</text>')
    parts.append(f'<text class="label" transform="rotate(-90)" x="{-_y(0.5):.1f}" y="13" text-anchor="middle">{up}</text>')
    return "".join(parts)


def _svg(width: float, height: float, parts: Sequence[str], title: str, style: str = "") -> Markup:
    inside = "".join(parts)
    return Markup(f'<svg class="{style}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}">{inside}</svg>')  # noqa: S704 - every text inside is escaped above
