"""The signs that somebody left, each with its weight and where the weight comes from. One table; whoever disagrees changes a number here."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

HALF_LIFE_YEARS = {"firm": 10.0, "slow": 1.5, "soft": 0.5}
"""Evidence weighs half after so many years: a farewell stays true, two records may differ for long, a full mailbox soon says nothing."""

STRONG, FAIR = log(10), log(4)
"""From these weights on (natural logarithms of a ratio) a sign is called strong, or a sign; below it is a weak one."""

JUDGED = "judgement"


@dataclass(frozen=True)
class Sign:
    """A kind of evidence: ``ratio`` is how many times likelier it is if they left, ``lasts`` how it fades, ``told`` how it is put into words.

    Of the signs of one ``cause`` only the heaviest counts and is told: ten bounces of one mailbox are one piece of news. Causes are taken to be
    independent. A sign without ``told`` brings its own words (see ``conflicts``). ``source`` says where the ratio comes from.
    """

    name: str
    ratio: float
    lasts: str
    told: str
    cause: str
    source: str = JUDGED
    is_stated: bool = False
    is_quoted: bool = False

    @property
    def weight(self) -> str:
        """The weight in words, as it is when the sign is fresh."""
        return "strong sign" if log(self.ratio) >= STRONG else "sign" if log(self.ratio) >= FAIR else "weak sign"


SIGNS: tuple[Sign, ...] = (
    Sign(
        "left_reply", 600.0, "firm", "Auto-reply of {day}", "word", "judgement: nearly nobody is said to have left who did not", True, True
    ),
    Sign("farewell", 600.0, "firm", "Their own words on {day}", "word", "judgement: as a notice of their mailbox", True, True),
    Sign(
        "role_reply", 2.0, "slow", "Auto-reply of {day} about a new role: still at the firm, at another desk", "desk", JUDGED, False, True
    ),
    Sign(
        "own_role",
        2.0,
        "slow",
        "Their own words on {day} about a new role: still at the firm, at another desk",
        "desk",
        "judgement: as a notice of their mailbox",
        False,
        True,
    ),
    Sign(
        "signed_elsewhere",
        8.0,
        "slow",
        "Their signature of {day} names another firm than the record",
        "signature",
        "judgement: written from an address that is not the firm's, where theirs was; but names of firms change, too",
    ),
    Sign(
        "signed_otherwise",
        2.0,
        "slow",
        "Their signature of {day} has another job title than the record",
        "desk",
        "judgement: most are promotions, or words for the same job",
    ),
    Sign(
        "mailbox_gone",
        60.0,
        "firm",
        "Mail came back on {day}: the mail server said that there is no such mailbox",
        "address",
        "of 630 labelled bounces 152 were of a mailbox that was gone; codes alone find it with precision .90, words and codes together with "
        ".95 at least: (.95/.05) / (152/478)",
    ),
    Sign(
        "crm_bounce",
        25.0,
        "firm",
        "The CRM has marked their address as unknown since {day}",
        "address",
        "the same by codes alone, with precision .90, (.90/.10) / (152/478); a CRM does not tell a mistyped address",
    ),
    Sign(
        "mailbox_disabled",
        20.0,
        "firm",
        "Mail came back on {day}: the mail server said that the mailbox is disabled",
        "address",
        "judgement: firms shut a mailbox before they delete it; a third of that weight, as some are shut for not being used or paid",
    ),
    Sign(
        "mailbox_shut_at_home",
        3.0,
        "slow",
        "Mail came back on {day}: their private mailbox is no more, which says little of the job",
        "address",
    ),
    Sign("never_reached", 2.5, "firm", "Mail came back on {day}, and none ever got through: the address may be mistyped", "address"),
    Sign("mailbox_full", 2.5, "soft", "Mail came back on {day}: the mailbox was full", "address"),
    Sign("domain_gone", 3.0, "slow", "Mail came back on {day}: their mail domain was not found, which concerns the whole firm", "domain"),
    Sign(
        "job_change",
        20.0,
        "firm",
        "",
        "records",
        "judgement: of ten changes that a tracker tells some eight or nine are one (it confuses promotions), where one in five people changes: "
        "(.85/.15) / (.2/.8)",
    ),
    Sign("two_employers", 6.0, "slow", "", "records"),
    Sign(
        "other_employer",
        20.0,
        "slow",
        "",
        "records",
        "judgement: title and domain of the record changed together, as if a vendor had found them elsewhere",
    ),
    Sign(
        "profile_elsewhere",
        60.0,
        "firm",
        "",
        "another record",
        "judgement: a LinkedIn profile is one person's; some keep two jobs, and some profiles are pasted into the wrong record",
    ),
    Sign(
        "name_elsewhere",
        3.0,
        "slow",
        "",
        "another record",
        "judgement: people do turn up again where they went; but others bear the same name",
    ),
    Sign("two_titles", 2.0, "soft", "", "records"),
    Sign("new_address", 5.0, "firm", "Message of {day} names a new address", "new address"),
    Sign("number_lost", 6.0, "slow", "The phone number, which was right once, was wrong on {day}", "phone"),
    Sign("wrong_number", 2.0, "soft", "The phone number was wrong on {day}", "phone"),
)
"""All signs. Of one cause, the weightier stands first."""

PLACE = {sign.name: place for place, sign in enumerate(SIGNS)}
"""The place of each sign in SIGNS: what the column ``sign`` of evidence holds."""
