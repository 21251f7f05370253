"""Lives through one person's months: when we hear from them, by which way, and what of ours goes unanswered.

The rhythm comes first: gaps between days on which a person does something are log-normal (see inference of e-mail logs by
Stouffer et al., physics/0605027). What we sent before each of them, and in between for nothing, follows from how often they answer.
"""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from typing import Any

from sandbox.world.delivery import Delivery, Sent
from sandbox.world.diary import Diary, Meaning
from sandbox.world.firms import Owner
from sandbox.world.letters import Letter, Letters
from sandbox.world.options import DAY, Span
from sandbox.world.people import Person
from sandbox.world.troubles import live_tickets

HOUR = 3600
CHATS = {"whatsapp", "sms", "linkedin"}
_NOTES = (
    "Spoke about the renewal; wants the figures for the last quarter.",
    "Short call. Two users need access, otherwise content.",
    "Talked through the import. Next step: test with one branch.",
    "Asked how others do it. Promised an example.",
)
_MEETINGS = ("Quarterly review", "Import: next steps", "Renewal talk", "Training for new users")


class Life:
    """One person's months. ``pace`` above 1 makes all gaps shorter. The same seed gives the same life."""

    def __init__(self, person: Person, owner: Owner, span: Span, diary: Diary, seed: int, pace: float) -> None:
        self.rng = random.Random(f"{seed}:life:{person.index}")
        self.person, self.owner, self.span, self.diary, self.pace = person, owner, span, diary, pace
        self.letters = Letters(self.rng, person, owner)
        self.start = max(span.start, person.created)
        self.mail: list[Sent] = []
        self.purposes = random.Random(f"{seed}:purposes:{person.index}")

    def live(self, campaigns: list[int]) -> None:
        """Everything that happens with this person, written into the diary."""
        person = self.person
        if person.merged_into:
            return
        self._hear()
        for begin, end in self._silences():
            self._chase(begin, end)
        if person.is_email_blind:
            self._chase(self.start, self.span.end, only_email=True)
        if person.left_how is not None:
            self._tell_of_leaving()
        self._sequence()
        self._campaigns(campaigns)
        live_tickets(self.rng, person, self.span, self.diary, self.letters, self.pace)
        Delivery(self.rng, person, self.diary, self.letters, self.owner).deliver(self.mail)

    # When they do something

    def _hear(self) -> None:
        person, rng = self.person, self.rng
        middle = math.log(person.gap_days * DAY / self.pace)
        last = self.start
        moment = self.start + int(rng.random() * math.exp(middle))
        ways, weights = list(person.weights), list(person.weights.values())
        is_back = person.back_at is None
        while moment < self.span.end or not is_back:
            is_return = not is_back and person.back_at is not None and moment >= person.back_at
            if is_return and person.back_at is not None:
                is_back, moment = True, person.back_at
            when = max(self._their_hours(moment), moment) if is_return else self._their_hours(moment)
            absence = person.absence_at(when)
            if absence is not None:
                when = self._their_hours(absence.until + rng.randint(0, 2 * DAY))
            if person.is_listening(when):
                way = rng.choices(ways, weights)[0]
                self._something((person.back_by or way) if is_return else way, last, when)
                last = when
            gap = rng.lognormvariate(middle, person.spread)
            if person.drift_at is not None and when >= person.drift_at and not (person.back_at and when >= person.back_at):
                gap *= rng.uniform(1.4, 2.6)
            moment = max(moment, when) + max(int(gap), HOUR)

    def _their_hours(self, moment: int) -> int:
        """The same day or one soon after, at an hour at which this person does such things."""
        person, rng = self.person, self.rng
        local = datetime.fromtimestamp(moment, person.place.zone)
        is_usual = rng.random() < 0.75
        days = person.best_days if is_usual else (0, 1, 2, 3, 4)
        ahead = next(step for step in range(7) if (local.weekday() + step) % 7 in days)
        hour = person.best_hour + rng.randrange(3) if is_usual else rng.choice((7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 20))
        chosen = local.replace(hour=min(hour, 22), minute=rng.randrange(60), second=rng.randrange(60)) + timedelta(days=ahead)
        return int(chosen.timestamp())

    def _our_hours(self, moment: int) -> int:
        """When we write or call: their working day, at any hour of it."""
        local = datetime.fromtimestamp(moment, self.person.place.zone)
        ahead = (0, 0, 0, 0, 0, 2, 1)[local.weekday()]
        chosen = local.replace(hour=self.rng.choice((8, 9, 10, 11, 12, 13, 14, 15, 16, 17)), minute=self.rng.randrange(60)) + timedelta(
            days=ahead
        )
        return int(chosen.timestamp())

    def _something(self, way: str, last: int, moment: int) -> None:
        if way == "email":
            self._by_mail(last, moment)
        elif way == "call":
            self._by_call(last, moment)
        elif way == "meeting":
            self._by_meeting(moment)
        elif way in CHATS:
            self._by_chat(way, last, moment)
        else:
            outcome = {"product": "used", "community": "posted", "form": "submitted", "web": "other", "chat": "replied"}[way]
            body = self.letters.phrase("theirs.opening")[1] if way in {"form", "community", "chat"} else None
            self.diary.add(self.person, moment, way, "inbound", outcome, body=body, is_heard=True, actor_id=None)

    # By which way

    def _by_mail(self, last: int, moment: int) -> None:
        rng, person = self.rng, self.person
        thread = self.diary.new_thread()
        self._in_vain("email", last, moment)
        earlier: Letter | None = None
        if rng.random() < 0.6:
            asked = moment - min(int(rng.lognormvariate(math.log(person.delay_s), 1.7)), 6 * DAY) - 20
            asked = self._in_daylight(asked)
            if asked > self.start:
                kind = "substance" if rng.random() < 0.8 else "checkin"
                earlier = self.letters.ours(asked, kind)
                self.mail.append(Sent(earlier, thread, kind, is_answered=True, copied=self._colleague(asked, 0.06)))
        if earlier is not None and rng.random() < 0.01:
            purpose = "tricky"
        else:
            purpose = "reply" if earlier else ("tricky" if rng.random() < 0.02 else "opening")
        letter = self._heard_letter(moment, purpose, thread, earlier)
        if rng.random() < 0.65:
            answered = self._in_daylight(moment + int(rng.lognormvariate(math.log(2 * HOUR), 0.9)), forward=True)
            answer = self.letters.ours(answered, "answer", letter)
            again = answered + int(rng.lognormvariate(math.log(person.delay_s), 1.2)) + 30
            is_answered = rng.random() < 0.3 and person.is_listening(again)
            self.mail.append(Sent(answer, thread, "answer", is_answered=is_answered))
            if is_answered:
                self._heard_letter(self._in_daylight(again, forward=True), "reply", thread, answer)

    def _heard_letter(self, moment: int, purpose: str, thread: str, earlier: Letter | None) -> Letter:
        letter = self.letters.theirs(moment, purpose, earlier)
        self.diary.add(
            self.person,
            moment,
            "email",
            "inbound",
            "replied" if earlier is not None and self.rng.random() < 0.7 else None,
            letter=letter,
            thread_id=thread,
            actor_id=self.owner.owner_id,
            is_heard=True,
            meaning=Meaning("human", language=self.person.language.code),
        )
        return letter

    def _by_call(self, last: int, moment: int) -> None:
        self._in_vain("call", last, moment)
        direction = "inbound" if self.rng.random() < 0.2 else "outbound"
        self._call(moment, direction, "connected", self.rng.lognormvariate(6.0, 0.7), self.rng.choice(_NOTES), is_heard=True)

    def _call(self, moment: int, direction: str, outcome: str, seconds: float, note: str | None = None, *, is_heard: bool = False) -> None:
        self.diary.add(
            self.person,
            moment,
            "call",
            direction,
            outcome,
            subject=f"Call with {self.person.name}",
            body=note,
            duration_s=float(round(seconds)),
            actor_id=self.owner.owner_id,
            is_heard=is_heard,
        )

    def _by_meeting(self, moment: int) -> None:
        rng, subject = self.rng, self.rng.choice(_MEETINGS)
        guests = [guest for guest in (self._colleague(moment, 0.35), self._colleague(moment, 0.15)) if guest is not None]
        if len(guests) == 2 and guests[0] is guests[1]:
            guests.pop()
        if rng.random() < 0.18 and moment - 8 * DAY > self.start:
            self._meeting(self._our_hours(moment - rng.randint(2, 8) * DAY), rng.choice(("no_show", "canceled", "declined")), subject, [])
        self._meeting(moment, "held", subject, guests)

    def _meeting(self, moment: int, outcome: str, subject: str, guests: list[Person]) -> None:
        is_held = outcome == "held"
        facts = {
            "subject": subject,
            "body": self.rng.choice(_NOTES) if is_held else None,
            "duration_s": float(self.rng.choice((1800, 1800, 2700, 3600))),
            "actor_id": self.owner.owner_id,
            "participant_count": 1 + len(guests),
        }
        key = self.diary.add(self.person, moment, "meeting", "outbound", outcome, is_heard=is_held, **facts)
        for guest in guests:
            self.diary.add(guest, moment, "meeting", "outbound", outcome, is_heard=is_held, key=key, **facts)

    def _by_chat(self, way: str, last: int, moment: int) -> None:
        self._in_vain(way, last, moment)
        thread = self.diary.new_thread()
        asked = moment - int(self.rng.lognormvariate(math.log(1500), 1.2)) - 15
        if asked > self.start and self.rng.random() < 0.8:
            self._chat(way, asked, "outbound", "ours.chat", thread)
        self._chat(way, moment, "inbound", "theirs.chat", thread, is_heard=True)

    def _chat(self, way: str, moment: int, direction: str, purpose: str, thread: str, *, is_heard: bool = False) -> None:
        _, body = self.letters.phrase(purpose)
        outcome = "sent" if direction == "outbound" else "replied"
        self.diary.add(
            self.person, moment, way, direction, outcome, body=body, thread_id=thread, actor_id=self.owner.owner_id, is_heard=is_heard
        )

    # What goes unanswered

    def _in_vain(self, way: str, last: int, moment: int) -> None:
        """Before an answer on this way, as many vain attempts as their share of answers makes likely; at most four."""
        share = self.person.answers[way]
        for _ in range(4):
            if self.rng.random() < share or moment - last < 2 * DAY:
                return
            self._attempt(way, self._our_hours(self.rng.randint(last, moment - DAY)))

    def _attempt(self, way: str, moment: int) -> None:
        """One touch that nobody answers."""
        person, rng = self.person, self.rng
        if way == "call":
            if person.do_not_call:
                return
            outcome = "wrong_number" if person.wrong_number else rng.choices(("voicemail", "no_answer", "busy"), (45, 45, 10))[0]
            self._call(moment, "outbound", outcome, rng.randint(5, 45))
        elif way in CHATS:
            self._chat(way, moment, "outbound", "ours.chat", self.diary.new_thread())
        elif way == "meeting":
            self._meeting(moment, rng.choice(("no_show", "canceled")), rng.choice(_MEETINGS), [])
        elif not (person.opted_out and rng.random() < 0.8):
            kind = rng.choices(("checkin", "substance", "followup"), (55, 25, 20))[0]
            earlier = self.mail[-1] if kind == "followup" and self.mail and self.mail[-1].letter.sent_at < moment else None
            kind = "checkin" if kind == "followup" and earlier is None else kind
            letter = self.letters.ours(moment, kind, earlier.letter if earlier else None)
            self.mail.append(Sent(letter, earlier.thread_id if earlier else self.diary.new_thread(), kind))

    def _silences(self) -> list[tuple[int, int]]:
        """The stretches in which they do nothing by themselves."""
        person, end = self.person, self.span.end
        if person.fate in {"never_heard", "unreachable"}:
            return [(self.start, end)]
        if person.left_at is not None:
            return [(person.left_at, end)]
        if person.silent_at is not None:
            return [(person.silent_at, person.back_at or end)]
        return []

    def _chase(self, begin: int, end: int, *, only_email: bool = False) -> None:
        """We keep writing, mostly the same by the same way, and slowly tire of it."""
        rng, person = self.rng, self.person
        nag = rng.uniform(9, 28) * DAY / self.pace
        moment = begin + int(rng.lognormvariate(math.log(nag), 0.5))
        while moment < end:
            way = "email" if only_email else rng.choices(("email", "call", "linkedin", "meeting"), (82, 12, 4, 2))[0]
            if way == "call" and person.left_how == "call" and "call" not in person.traces and not person.do_not_call:
                self._call(
                    self._our_hours(moment), "outbound", "wrong_number", 40, f"Reception says that {person.name} no longer works there."
                )
                person.traces.add("call")
            else:
                self._attempt(way, self._our_hours(moment))
            nag *= 1.0 if only_email else 1.12
            moment += int(rng.lognormvariate(math.log(nag), 0.5))

    # What shows that they left, and what is sent to many

    def _tell_of_leaving(self) -> None:
        person, rng = self.person, self.rng
        if person.left_at is None:
            return
        how, thread = person.left_how, self.diary.new_thread()
        if how == "farewell" and person.left_at - DAY > self.start:
            moment = self._their_hours(person.left_at - rng.randint(1, 5) * DAY)
            letter = self.letters.theirs(moment, "farewell")
            meaning = Meaning(
                "human", "left", language=person.language.code, successor=person.successor_email, new_address=person.new_email
            )
            self.diary.add(person, moment, "email", "inbound", letter=letter, thread_id=thread, actor_id=self.owner.owner_id, is_heard=True, meaning=meaning)  # fmt: skip
        elif how == "took_over" and person.successor is not None:
            moment = self._their_hours(person.left_at + rng.randint(5, 25) * DAY)
            letter = self.letters.theirs(moment, "took_over", writer=person.successor, leaver=person.name)
            facts: dict[str, Any] = {"letter": letter, "thread_id": thread, "actor_id": self.owner.owner_id}
            key = self.diary.add(person.successor, moment, "email", "inbound", is_heard=True, meaning=Meaning("human", language=person.language.code), **facts)  # fmt: skip
            if rng.random() < 0.5:
                self.diary.add(person, moment, "email", "inbound", key=key, **facts)
        elif how == "chat":
            moment = self._their_hours(person.left_at + rng.randint(10, 60) * DAY)
            _, body = self.letters.phrase("theirs.chat_moved")
            self.diary.add(person, moment, "linkedin", "inbound", "replied", body=body, thread_id=thread, actor_id=self.owner.owner_id, is_heard=True)  # fmt: skip
        else:
            return
        person.traces.add(how or "")

    def _sequence(self) -> None:
        """For a few, four or five mails that a machine sends until somebody answers."""
        if self.purposes.random() > 0.07 or self.person.opted_out or self.span.now - self.start < 40 * DAY:
            return
        first = self.purposes.randint(self.start, self.span.now)
        thread = self.diary.new_thread()
        for step in (0, 3, 7, 14, 21)[: self.purposes.choice((4, 5))]:
            letter = self.letters.ours(self._our_hours(first + step * DAY), "sequence")
            self.mail.append(Sent(letter, thread, "sequence", is_automated=True))

    def _campaigns(self, campaigns: list[int]) -> None:
        for moment in campaigns:
            if moment > self.start and not self.person.opted_out and self.purposes.random() < 0.55:
                letter = self.letters.ours(moment, "newsletter", is_bulk=True)
                self.mail.append(Sent(letter, f"campaign-{moment}", "newsletter", is_automated=True, is_broadcast=True))

    def _colleague(self, moment: int, chance: float) -> Person | None:
        """Somebody of the same company who is there at that moment, with that chance."""
        if self.rng.random() > chance:
            return None
        there = [
            other
            for other in self.person.company.members
            if other is not self.person and other.kind == "person" and not other.company.is_single_voice and other.is_listening(moment)
        ]
        return self.rng.choice(there) if there else None

    def _in_daylight(self, moment: int, *, forward: bool = False) -> int:
        """The moment itself if it lies in the working day, else the end of the day before, or the beginning of the next."""
        local = datetime.fromtimestamp(moment, self.person.place.zone)
        if 7 <= local.hour < 19:
            return moment
        shift = (7 - local.hour) % 24 if forward else -((local.hour - 17) % 24)
        return moment + shift * HOUR + self.rng.randrange(1800) * (1 if forward else -1)
