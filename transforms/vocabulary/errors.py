"""The errors of Still There, grouped by what the reader must do next.

Every message is one sentence that says what was tried, what came back and what to do.
The command line turns each group into an exit code; nothing else does.
"""

from __future__ import annotations

from datetime import datetime


class StillThereError(Exception):
    """Anything that Still There reports by itself. The message is shown as it is; there is no traceback."""

    exit_code = 10


class PersonMustAct(StillThereError):
    """A person must change something before the same call can work."""

    exit_code = 10


class BadSettings(PersonMustAct):
    """Settings are missing or wrong; the message lists every fault at once."""


class BadInput(PersonMustAct):
    """A file or table does not hold what it must; the message names the place."""


class NotAuthorised(PersonMustAct):
    """The CRM does not accept our credentials (HTTP 401)."""


class MissingScopes(PersonMustAct):
    """The credentials are good but lack a scope (HTTP 403); ``scopes`` names what is missing."""

    def __init__(self, message: str, scopes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.scopes = scopes


class SetupNeeded(PersonMustAct):
    """The CRM lacks something that ``stillthere setup`` creates."""


class RequestRejected(PersonMustAct):
    """The CRM says that our request itself is wrong. Sending it again cannot help; it is our defect or a portal rule.

    ``status`` is the HTTP status, ``code`` the CRM's own code for it.
    """

    def __init__(self, message: str, *, status: int, code: str, body: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.body = body


class NotFound(RequestRejected):
    """The record or definition that was asked for does not exist (HTTP 404)."""


class CrmUnreachable(StillThereError):
    """The CRM could not be reached, or kept answering that it cannot serve us; the same call may work later."""

    exit_code = 20


class OutcomeUnknown(CrmUnreachable):
    """A write was sent and no answer came back: it may have been applied. It must be looked up, never sent again blindly."""


class QuotaSpent(CrmUnreachable):
    """The calls that we may use today are used up. ``resets_at`` says from when all of them can be had again, where that is known.

    ``crm`` is the CRM's name for people.
    """

    def __init__(self, message: str, resets_at: datetime | None = None, crm: str = "") -> None:
        super().__init__(message)
        self.resets_at = resets_at
        self.crm = crm


class SomeCrmsFailed(StillThereError):
    """One of several CRMs could not be read. What the others brought is kept; the exit code is that of the first failure."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class RefusedToGuess(StillThereError):
    """Going on would mean guessing: two runs at once, a plan gone stale, a change larger than allowed."""

    exit_code = 30
