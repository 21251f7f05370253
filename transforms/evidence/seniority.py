"""How long people of a rank stay: from a job title, in nine languages, to the share of such people who change jobs in a year."""

from __future__ import annotations

import re

import pandas as pd

from transforms.matching.names import fold

HAZARD = 0.248
"""Job changes a year where the title tells nothing: 22 % of employees have been in their job for a year or less, so −ln(1 − .22)
(US Bureau of Labor Statistics, USDL-24-1971, January 2024)."""

OLDER_STAY = 4.4 / 6.1
"""People in management occupations had been with their employer for 6.1 years (median), all employees for 4.4 (the Bureau's Table 6, January 2010)."""

YOUNGER_GO = 3.9 / 2.7
"""At ages 25 to 34 it was 2.7 years, for all 3.9 (USDL-24-1971). Taken here for titles of beginners."""

HAZARDS = {"owner": HAZARD / 2, "lead": HAZARD * OLDER_STAY, "beginner": HAZARD * YOUNGER_GO}
"""Job changes a year by rank. Owners: judgement; they sell or retire, they are not poached."""

_WORDS = {
    "beginner": (
        r"\b(intern|trainee|apprentice|junior|working student|graduate|temp|praktikant\w*|werkstudent\w*|auszubildende\w*|azubi|stagiaire|apprenti\w*"
        r"|alternant\w*|becari[oa]|practicante|aprendiz|tirocinante|stagista|apprendista|stagiair\w*|leerling|estagiari[oa])\b|インターン|研修生|见习|实习"
    ),
    "owner": (
        r"\b(owner|founder|co ?founder|proprietor|managing partner|inhaber\w*|grunder\w*|gesellschafter\w*|proprietaire|fondat\w+|duen[oa]|fundador\w*"
        r"|propietari[oa]|titolare|fondatore|fondatrice|eigenaar|oprichter|socio|soci[oa] gerente|proprietari[oa])\b|創業者|オーナー|创始人|老板|所有者"
    ),
    "lead": (
        r"\b(chief|c[efotim]o|president|vice president|vp|director|directrice|directeur|director[ae]|direttor\w*|direttrice|diretor\w*|head|manager\w*|lead|leitung"
        r"|geschaftsfuhr\w*|prokurist\w*|vorstand\w*|responsable|jef[ea]|gerente|responsabile|capo|hoofd|leidinggevende|bestuurder|chefe|coordenador\w*)\b"
        r"|leiter(in)?\b|部長|課長|取締役|社長|マネージャー|总监|经理|总裁|主任|董事"
    ),
}
"""What in a folded title tells the rank; the first that is found counts. German compounds end in Leiter. Judgement, in the languages that mail is read in."""

_PATTERNS = {level: re.compile(words) for level, words in _WORDS.items()}


def level_of(title: str) -> str | None:
    """``owner``, ``lead``, ``beginner``, or None where the title tells nothing of the rank."""
    folded = fold(title)
    return next((level for level, pattern in _PATTERNS.items() if pattern.search(folded)), None)


def hazards(titles: pd.Series) -> pd.Series:
    """Job changes a year for each title; HAZARD where it is missing or tells nothing."""
    by_title = {title: HAZARDS.get(level_of(title) or "", HAZARD) for title in titles.dropna().unique()}
    return titles.map(by_title).fillna(HAZARD).astype("float64")
