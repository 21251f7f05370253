"""Whether a text is the one form in which a value of a field is written (see ``to_text`` of the vocabulary). Pure."""

from __future__ import annotations

import pandas as pd

from transforms.vocabulary.fields import LONG_TEXT_LIMIT, TEXT_LIMIT, Field, Kind

_TIME_FORMATS = {Kind.DATE: "%Y-%m-%d", Kind.DATETIME: "%Y-%m-%dT%H:%M:%SZ"}
_LIMITS = {Kind.TEXT: TEXT_LIMIT, Kind.LONG_TEXT: LONG_TEXT_LIMIT}
_MOST = {Kind.COUNT: 10**9, Kind.SCORE: 100, Kind.CHANCE: 100, Kind.SHARE: 100}


def is_form_of(field: Field, texts: pd.Series) -> pd.Series:
    """Which of the texts are a value of this field as a plan writes it; a missing one, which empties the field, is."""
    return texts.isna() | _is_form(field, texts).fillna(value=False).astype(bool)


def _is_form(field: Field, texts: pd.Series) -> pd.Series:
    if field.kind is Kind.CHOICE:
        return texts.isin([option.value for option in field.options])
    if field.kind is Kind.FLAG:
        return texts.isin(["true", "false"])
    if field.kind in _LIMITS:
        return texts.str.len() <= _LIMITS[field.kind]
    if field.kind in _TIME_FORMATS:
        times = pd.to_datetime(texts, format=_TIME_FORMATS[field.kind], errors="coerce")
        return times.dt.strftime(_TIME_FORMATS[field.kind]) == texts
    whole = texts.str.fullmatch(r"0|[1-9]\d{0,8}")
    return whole.fillna(value=False).astype(bool) & (pd.to_numeric(texts, errors="coerce") <= _MOST[field.kind])
