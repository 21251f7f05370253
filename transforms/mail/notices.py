"""Whether a text is a notice that a machine sends, and of whom it speaks: its writer, somebody else, or whoever reads the mailbox.

Points are summed: what headers say, a title, phrases of a notice, and against it what only people do: greet us by name, ask, write at length.
"""

from __future__ import annotations

import re

from transforms.mail.composed import turns_elsewhere
from transforms.mail.message import Mail
from transforms.mail.phrases import GAP, Hit, book, fold, sentences, word_pattern

ENOUGH = 3.0
"""Points from which a text without any header counts as an automatic reply [judgement, tried on the examples of the data files]."""

CERTAIN = 4.0
"""Points of a header, or of a CRM, that says that a machine answered."""

TITLED = 3.0
ANSWERED_TITLE = 1.5
"""A notice's title behind "Re:" is more often a person's answer to a notice of ours."""

_LONG = 1800
_SHORT = 400
_GREETED = re.compile(r"^\s*(?:\w+[ ,]+){1,2}([A-ZÀ-Þ]\w+)\s*[,!:]")
_AT_ONCE = 160
_AT_ONCE_POINTS = {"left": 0.6, "role_change": 0.9, "absent": 0.4}
"""What it adds that a short text to nobody in particular begins so: for who left or changed enough for a notice
where nothing speaks against it. Who is away says so in ordinary mail as well [judgement]."""

_PREFIX = re.compile(
    r"^\s*(?:(?:re|aw|sv|antw|res|r|rif|tr|fw|fwd|wg|rv|enc|i|odp|回复|答复|回覆|返信|转发|轉寄|転送)(?:\[\d+\])?\s*[:：]\s*)+",
    re.IGNORECASE,
)
_AUTO_HEADERS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply", "x-autoreply-from", "x-mail-autoreply", "x-vacation")
# Mailboxes of an office: their name says nothing of a person.
_SHARED = frozenset(
    [
        "info",
        "office",
        "contact",
        "sales",
        "support",
        "service",
        "admin",
        "mail",
        "hello",
        "team",
        "kontakt",
        "buero",
        "accueil",
        "noreply",
        "reply",
        "user",
        "webmaster",
        "postmaster",
        "someone",
        "customer",
        "person",
        "client",
        "employee",
        "colleague",
        "sender",
    ]
)
_NAME = re.compile(r"[A-ZÀ-ÖØ-Þ][\w'’-]+")
_CHINESE_SURNAME = re.compile(r"[一-鿿々]{2,4}")


def looks_automatic(mail: Mail) -> float:
    """How much the headers say that a machine answered: 0 nothing, ``CERTAIN`` certain."""
    submitted = mail.header("auto-submitted").lower()
    if submitted.startswith("auto-replied") or any(name in mail.headers for name in _AUTO_HEADERS):
        return CERTAIN
    if mail.header("precedence").lower() in {"auto_reply", "auto-reply", "autoreply"}:
        return CERTAIN
    if "mailbox rules agent" in mail.header("x-ms-exchange-generated-message-source").lower():
        return 3.0
    if mail.header("x-ms-exchange-inbox-rules-loop"):
        return 3.0
    return 2.0 if submitted.startswith(("auto-generated", "auto-notified")) else 0.0


def bare_subject(subject: str) -> str:
    """The subject without the signs of an answer."""
    return _PREFIX.sub("", subject)


def is_answer(subject: str) -> bool:
    """Whether the subject begins with the sign of an answer or of passing on."""
    return bool(_PREFIX.match(subject))


def is_titled(folded_subject: str) -> bool:
    """Whether the subject is a notice's own: what stands at its start says so. Else it quotes our subject and proves nothing."""
    return bool(book("subject_auto", "subject_absent").find(folded_subject[:60]))


def notice_points(said: list[Hit], marks: list[Hit], message: str, mail: Mail) -> float:
    """How much the text itself shows a notice."""
    strongest = max((h.phrase.weight for h in said), default=0.0)
    kinds = {h.phrase.reason for h in said}
    points = strongest + 0.4 * max(0, len(kinds) - 1)
    weights = {h.phrase.weight for h in marks}
    points += sum(weights) if said else max(weights, default=0.0) * 0.7
    # Further marks of the same weight, in other places of the text, add a little.
    points += 0.5 * min(2, max(0, len({h.sentence for h in marks}) - len(weights)))
    return points + _beginning(said, message, mail) - _of_a_person(message, mail, is_departure="left" in kinds)


def _beginning(said: list[Hit], message: str, mail: Mail) -> float:
    """What it adds that a short text begins with its news, and whom a departure names."""
    if len(message) > _SHORT:
        return 0.0
    # What people say of themselves is read by stricter forms (read_farewell): "I have left" may be a person's own word.
    left = [h for h in said if h.phrase.reason == "left" and h.start <= _AT_ONCE and not word_pattern("first").search(h.sentence)]
    if left and not book("left_self").find(fold(message), message):
        # A few lines that begin with "X is no longer with us" are a notice, whoever typed them.
        named = max(named_in(hit, message, mail) for hit in left)
        folded = fold(message)
        # Of the mailbox itself, or nothing else at all, or with a way to turn: who tells of a colleague, and then of more, is a person.
        is_notice = named > 0 or len(sentences(folded)) == 1 or turns_elsewhere(folded, left[0].phrase.language)
        return 0.9 + named if is_notice else 0.0
    if is_answer(mail.subject) or is_greeted_by_name(message):
        return 0.0
    # Of oneself, to nobody in particular, and at once: that is how a notice speaks of its owner.
    folded = fold(message)
    own = {h.phrase.reason for h in said if h.phrase.weight >= 2 and h.start <= _AT_ONCE and _is_of_oneself(h, folded)}
    if book("left_self").find(folded, message):
        own.discard("left")
    return max((_AT_ONCE_POINTS.get(reason, 0.0) for reason in own), default=0.0)


_NEAR = 15


def _is_of_oneself(hit: Hit, folded: str) -> bool:
    """Whether "I" stands in a phrase or right before it."""
    return bool(word_pattern("first").search(folded[max(0, hit.start - _NEAR) : hit.end]))


def named_in(hit: Hit, message: str, mail: Mail) -> float:
    """Of whom a sentence speaks: 1 of the mailbox that wrote it or of whoever is written to, -0.8 of another name, else 0."""
    own = _own_names(mail)
    words = set(re.findall(r"\w+", hit.sentence))
    if own & words or word_pattern("whoever").search(hit.sentence):
        return 1.0
    if not own:
        return 0.0
    before = hit.sentence[: max(0, hit.sentence.find(fold(hit.phrase.shown.split(GAP)[0]).strip()))]
    named = {fold(name) for name in _NAME.findall(message)} & set(re.findall(r"\w+", before))
    # The first word of a sentence has a capital in any case: it is a name where nothing else stands before the phrase.
    first = before.split(maxsplit=1)[0] if before.split() else ""
    return -0.8 if named - {first} or before.strip() in named or _two_names(message) else 0.0


def _two_names(message: str) -> bool:
    """Whether the first words are a first and a last name."""
    return bool(re.match(r"\s*(?:[A-ZÀ-ÖØ-Þ][\w'’-]+)\s+(?:[A-ZÀ-ÖØ-Þ][\w'’-]+)\s", message))


def _own_names(mail: Mail) -> set[str]:
    """The words of the writer's name and address, folded; none for the mailbox of an office."""
    local = mail.sender.partition("@")[0]
    shown = mail.header("from").partition("<")[0] if "<" in mail.header("from") else ""
    words = {fold(word) for word in re.findall(r"\w{2,}", f"{shown} {re.sub(r'[._+0-9-]', ' ', local)}") if "@" not in word}
    if words & _SHARED:
        return set()
    return {word for word in words if len(word) > 2 or _CHINESE_SURNAME.fullmatch(word)}


def _of_a_person(message: str, mail: Mail, *, is_departure: bool) -> float:
    """What speaks against a machine: a question, length, an attachment, an answer's title, a greeting by name, a subject of a list."""
    against = 0.0
    if "?" in message or "？" in message:
        against += 1.5
    if len(message) > _LONG:
        against += 2.0
    if mail.has_attachment:
        against += 0.5
    if is_answer(mail.subject):
        against += 0.4 if is_departure else 0.8
    if is_greeted_by_name(message):
        # "Hi Dana," is addressed to one of us by name; a notice is not.
        against += 1.2
    if any(name in mail.headers for name in ("list-id", "list-unsubscribe")):
        against += 2.0
    return against


def is_greeted_by_name(message: str) -> bool:
    """Whether the text begins with a greeting and a name; "Dear Sender" and "Guten Tag" name nobody."""
    found = _GREETED.match(message)
    if found is None or not word_pattern("greeting", starts_line=True).match(fold(message[:60])):
        return False
    return not word_pattern("anyone").fullmatch(fold(found[1]))
