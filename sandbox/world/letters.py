"""Writes the messages: subjects, bodies with signature and quotation, and mail headers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from sandbox.world.firms import OUR_DOMAIN, Owner
from sandbox.world.people import Person


@dataclass(slots=True)
class Letter:
    """One message: what a CRM keeps of it. ``sent_at`` in seconds since 1970."""

    subject: str
    body: str
    headers: str
    message_id: str
    sent_at: int


class Letters:
    """Writes the letters between one person and us. ``rng`` decides on words; the same rng gives the same letters."""

    def __init__(self, rng: random.Random, person: Person, owner: Owner) -> None:
        self.rng, self.person, self.owner = rng, person, owner
        self.language = person.language
        self.facts = {
            "first": person.first,
            "last": person.last,
            "name": person.name,
            "company": person.company.name,
            "me": owner.first,
            "successor": person.successor_name or "",
            "successor_email": person.successor_email or "",
            "new_company": person.new_company or "",
            "new_email": person.new_email or "",
        }

    def phrase(self, purpose: str, **more: str) -> tuple[str, str]:
        """A subject and a body for a purpose, filled in."""
        phrase = self.language.phrases[purpose]
        facts = {**self.facts, "topic": self.rng.choice(self.language.topics), "number": str(self.rng.randint(10_000, 99_999)), **more}
        return self.rng.choice(phrase.subjects).format_map(facts), self.rng.choice(phrase.bodies).format_map(facts)

    def ours(self, moment: int, purpose: str, earlier: Letter | None = None, *, is_bulk: bool = False) -> Letter:
        """A message from us."""
        subject, body = self.phrase(f"ours.{purpose}")
        if earlier is not None:
            subject = self._reply_subject(earlier.subject)
        hello = self.rng.choice(self.language.hello).format_map(self.facts)
        name, address = ("Ours Customer News", f"news@{OUR_DOMAIN}") if is_bulk else (self.owner.name, self.owner.email)
        text = f"{hello}\n\n{body}\n\n{self.rng.choice(self.language.bye)}\n{name}\nOurs · Customer Success"
        more = ["List-Unsubscribe: <https://ours.example/unsubscribe>", "Precedence: bulk"] if is_bulk else []
        return self._letter(moment, (name, address), (self.person.name, self.person.address), subject, text, earlier, more)

    def theirs(
        self, moment: int, purpose: str, earlier: Letter | None = None, *, writer: Person | None = None, leaver: str = "", address: str = ""
    ) -> Letter:
        """A message that a human on their side wrote. ``writer`` is somebody else than the contact; ``address`` another sender address."""
        subject, body = self.phrase(f"theirs.{purpose}", leaver=leaver)
        if earlier is not None:
            subject = self._reply_subject(earlier.subject)
        who = writer or self.person
        text = f"{body}\n\n{self.signature(who, moment)}"
        if earlier is not None and self.rng.random() < 0.6:
            text += f"\n\n{self.quotation(earlier)}"
        more = ["X-Auto-Response-Suppress: DR, OOF, AutoReply"] if who.suppresses else []
        return self._letter(moment, (who.name, address or who.address), (self.owner.name, self.owner.email), subject, text, earlier, more)

    def signature(self, who: Person, moment: int) -> str:
        """How somebody signs: with title and company, or with the first name alone."""
        bye = self.rng.choice(self.language.bye)
        if not who.has_signature:
            return f"{bye}\n{who.first}"
        title = who.new_title if who.new_title and who.promoted_at is not None and moment >= who.promoted_at else who.title
        return f"{bye}\n{who.name}\n{title}\n{who.company.name}\n{who.place.phone}{1000 + who.index % 9000}"

    def quotation(self, earlier: Letter) -> str:
        """The message that is answered, as mail programs put it below the answer."""
        local = datetime.fromtimestamp(earlier.sent_at, self.person.place.zone)
        if self.person.company.mail_system == "exchange":
            lines = earlier.body.split("\n")
            head = f"From: {self.owner.name} <{self.owner.email}>\nSent: {local:%d.%m.%Y %H:%M}\nTo: {self.person.name}\nSubject: {earlier.subject}"
            return f"________________________________\n{head}\n\n" + "\n".join(lines)
        date = f"{local.day} {self.language.months[local.month - 1]} {local.year}, {local:%H:%M}"
        head = self.language.attribution.format(date=date, sender=self.owner.name, address=self.owner.email)
        return head + "\n" + "\n".join(f"> {line}" for line in earlier.body.split("\n"))

    def automatic(self, moment: int, purpose: str, earlier: Letter, **facts: str) -> Letter:
        """What their mailbox answers by itself."""
        _, body = self.phrase(f"auto.{purpose}", **facts)
        prefix = self.language.auto_prefixes[0] if purpose == "acknowledgement" else self.rng.choice(self.language.auto_prefixes)
        subject = f"{prefix}{earlier.subject}" if purpose != "challenge" else self._reply_subject(earlier.subject)
        more = self.rng.choices(
            (
                ["Auto-Submitted: auto-replied"],
                ["Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All"],
                ["Auto-Submitted: auto-replied", "Precedence: auto_reply", "X-Autoreply: yes", "Return-Path: <>"],
                [],
            ),
            (35, 35, 12, 18),
        )[0]
        return self._letter(
            moment, (self.person.name, self.person.address), (self.owner.name, self.owner.email), subject, body, earlier, more
        )

    def _reply_subject(self, subject: str) -> str:
        prefix = self.language.reply_prefix
        return subject if subject.startswith(prefix) else prefix + subject

    def _letter(
        self,
        moment: int,
        sender: tuple[str, str],
        to: tuple[str, str],
        subject: str,
        body: str,
        earlier: Letter | None,
        more: list[str],
    ) -> Letter:
        message_id = f"<{self.rng.getrandbits(60):015x}@{sender[1].split('@')[1]}>"
        lines = [
            f'From: "{sender[0]}" <{sender[1]}>',
            f'To: "{to[0]}" <{to[1]}>',
            f"Subject: {subject}",
            f"Date: {rfc_date(moment)}",
            f"Message-ID: {message_id}",
        ]
        if earlier is not None:
            lines += [f"In-Reply-To: {earlier.message_id}", f"References: {earlier.message_id}"]
        lines += more
        lines.append("Content-Type: text/plain; charset=utf-8")
        return Letter(subject, body, "\n".join(lines), message_id, moment)


def rfc_date(moment: int) -> str:
    """A moment as mail headers write it."""
    return format_datetime(datetime.fromtimestamp(moment, UTC))
