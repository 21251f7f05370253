"""What becomes of the mail that we send: delivered, opened by machines, answered by machines, or sent back."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.world.bounces import choose_refusal, write_bounce
from sandbox.world.diary import Diary, Meaning
from sandbox.world.firms import Owner
from sandbox.world.letters import Letter, Letters
from sandbox.world.options import DAY
from sandbox.world.people import Absence, Person


@dataclass(slots=True)
class Sent:
    """A message of ours on its way. ``kind`` is the phrase's purpose; ``copied`` a colleague who gets it too."""

    letter: Letter
    thread_id: str
    kind: str
    is_answered: bool = False
    is_automated: bool = False
    is_broadcast: bool = False
    copied: Person | None = None


class Delivery:
    """Delivers one person's mail in the order in which it was sent, and writes down what comes of it."""

    def __init__(self, rng: random.Random, person: Person, diary: Diary, letters: Letters, owner: Owner) -> None:
        self.rng, self.person, self.diary, self.letters, self.owner = rng, person, diary, letters, owner
        self.told: list[Absence] = []
        self.bounced = 0
        self.troubles = self._troubles()

    def _troubles(self) -> list[str]:
        """Hindrances that say nothing of the person; few have them."""
        if self.rng.random() > 0.05:
            return []
        return [self.rng.choice(("mailbox_full", "blocked", "temporary", "temporary"))] * self.rng.randint(1, 2)

    def deliver(self, mail: list[Sent]) -> None:
        """Send all of it."""
        for sent in sorted(mail, key=lambda sent: sent.letter.sent_at):
            if self.bounced >= 3 and self.rng.random() < 0.8:
                continue  # somebody noticed that it all comes back
            self._deliver_one(sent)

    def _deliver_one(self, sent: Sent) -> None:
        moment = sent.letter.sent_at
        refused = None if sent.is_answered else self._refusal_at(moment)
        outcome = "replied" if sent.is_answered and self.rng.random() < 0.5 else "sent"
        if refused is not None:
            outcome = "bounced" if sent.is_broadcast or self.rng.random() < 0.5 else "sent"
        count = 2 if sent.copied else 1
        meaning = Meaning(
            "machine" if sent.is_broadcast else "human", language=self.person.language.code, is_checkin=sent.kind in {"checkin", "followup"}
        )
        key = self.diary.add(
            self.person,
            moment,
            "email",
            "outbound",
            outcome,
            letter=sent.letter,
            thread_id=sent.thread_id,
            actor_id=None if sent.is_broadcast else self.owner.owner_id,
            is_automated=sent.is_automated,
            is_broadcast=sent.is_broadcast,
            participant_count=count,
            meaning=meaning,
        )
        if sent.copied:
            self.diary.add(
                sent.copied, moment, "email", "outbound", outcome, key=key, letter=sent.letter, thread_id=sent.thread_id, actor_id=self.owner.owner_id, participant_count=2
            )  # fmt: skip
        if refused is not None:
            self._come_back(sent, refused)
            return
        self._opens(sent)
        if not sent.is_broadcast:
            self._answer_by_machine(sent)

    def _refusal_at(self, moment: int) -> str | None:
        person = self.person
        gone = person.company.domain_gone_at
        if gone is not None and moment >= gone and person.kind != "free_mail":
            return "domain_gone"
        if person.closed_at is not None and moment >= person.closed_at:
            is_disabled = person.company.mail_system in {"google", "exchange"} and person.index % 5 == 0
            return "mailbox_disabled" if is_disabled else "mailbox_gone"
        if self.troubles and self.rng.random() < 0.15:
            return self.troubles.pop()
        return None

    def _come_back(self, sent: Sent, reason: str) -> None:
        refusal = choose_refusal(self.rng, self.person, reason)
        if reason in {"mailbox_gone", "mailbox_disabled", "domain_gone"}:
            self.bounced += 1
            self.person.traces.add("bounce")
        if sent.is_broadcast:
            return
        moment = sent.letter.sent_at + self.rng.randint(2, 240)
        letter = write_bounce(self.rng, self.person, self.owner.email, sent.letter, refusal, moment)
        self.diary.add(
            self.person,
            moment,
            "email",
            "inbound",
            "bounced" if self.rng.random() < 0.5 else None,
            letter=letter,
            thread_id=sent.thread_id,
            actor_id=self.owner.owner_id,
            meaning=Meaning("bounce", reason, refusal.status, refusal.smtp, language=self.person.language.code),
        )

    def _opens(self, sent: Sent) -> None:
        """Opens and clicks, most of them by machines: mail programs that fetch pictures, scanners that try each link."""
        moment, chance = sent.letter.sent_at, 1.0 if sent.is_broadcast else 0.3
        marks: list[tuple[str, int]] = []
        if self.person.company.has_scanner and self.rng.random() < 0.6 * chance:
            marks += [("opened", self.rng.randint(1, 8)), ("clicked", self.rng.randint(2, 20))]
        elif self.person.has_prefetch and self.rng.random() < 0.6 * chance:
            marks.append(("opened", self.rng.randint(20, 7200)))
        elif self.person.is_listening(moment) and self.rng.random() < 0.25 * chance:
            marks.append(("opened", self.rng.randint(300, 2 * DAY)))
        for outcome, after in marks:
            self.diary.add(
                self.person,
                moment + after,
                "email",
                "inbound",
                outcome,
                subject=sent.letter.subject,
                thread_id=sent.thread_id,
                is_automated=True,
                is_broadcast=sent.is_broadcast,
                meaning=Meaning("machine"),
            )

    def _answer_by_machine(self, sent: Sent) -> None:
        person, moment = self.person, sent.letter.sent_at
        if person.left_at is not None and moment >= person.left_at:
            if person.left_how == "auto_reply":
                named = person.successor_email is not None
                self._automatic(
                    sent, "left_successor" if named else "left", Meaning("auto_reply", "left", successor=person.successor_email)
                )
                person.traces.add("auto_reply")
            return
        absence = person.absence_at(moment)
        if absence is not None:
            self._say_absent(sent, absence)
        elif person.role_changed_at is not None and moment >= person.role_changed_at:
            self._automatic(sent, "role_change", Meaning("auto_reply", "role_change", successor=person.successor_email))
        elif person.acknowledges and self.rng.random() < 0.85:
            self._automatic(sent, "acknowledgement", Meaning("auto_reply", "acknowledgement"))
        elif person.challenges and not sent.is_answered and self.rng.random() < 0.5:
            self._automatic(sent, "challenge", Meaning("auto_reply", "challenge"))

    def _say_absent(self, sent: Sent, absence: Absence) -> None:
        """Most mailboxes tell each sender once an absence."""
        if not self.person.says_absent or (absence in self.told and self.rng.random() < 0.8):
            return
        self.told.append(absence)
        others = [
            other for other in self.person.company.members if other is not self.person and other.kind == "person" and other.left_at is None
        ]
        colleague = self.rng.choice(others) if others else None
        name = colleague.name if colleague else self.person.company.name
        address = colleague.address if colleague else f"office@{self.person.company.domain}"
        language, place = self.person.language, self.person.place
        until = language.date_text(self.rng, datetime.fromtimestamp(absence.until, UTC), place)
        start = language.date_text(self.rng, datetime.fromtimestamp(absence.start, UTC), place)
        facts = {"from": start, "until": until, "colleague": name, "colleague_email": address}
        self._automatic(sent, "absent", Meaning("auto_reply", "absent", absent_until=absence.until), absence.start, **facts)

    def _automatic(self, sent: Sent, purpose: str, meaning: Meaning, absent_from: int | None = None, **facts: str) -> None:
        moment = sent.letter.sent_at + self.rng.randint(3, 95)
        letter = self.letters.automatic(moment, purpose, sent.letter, **facts)
        says_start = absent_from is not None and facts["from"] in letter.body
        meaning = meaning._replace(language=self.person.language.code, absent_from=absent_from if says_start else None)
        if meaning.successor is not None and meaning.successor not in letter.body:
            meaning = meaning._replace(successor=None)
        if meaning.absent_until is not None and facts["until"] not in letter.body:
            meaning = meaning._replace(absent_until=None)
        self.diary.add(
            self.person,
            moment,
            "email",
            "inbound",
            "auto_reply" if self.rng.random() < 0.35 else None,
            letter=letter,
            thread_id=sent.thread_id,
            actor_id=self.owner.owner_id,
            meaning=meaning,
        )
