"""Every HubSpot address in one place: the numbered paths (v3, v4) that end in 2027, and the dated ones that follow them."""

from __future__ import annotations

from dataclasses import dataclass

NUMBERED = "v3"


@dataclass(frozen=True)
class Paths:
    """Builds the paths of one API version: ``v3`` (with v4 for associations), or a date such as ``2026-03``."""

    version: str = NUMBERED

    def objects(self, kind: str, *rest: str) -> str:
        """Records of one type: list, search, batches."""
        return self._join("crm", "objects", kind, *rest)

    def associations(self, source: str, target: str, action: str) -> str:
        """A batch call on associations from one type to another."""
        if self.version == NUMBERED:
            return f"/crm/v4/associations/{source}/{target}/batch/{action}"
        return self._join("crm", "associations", source, target, "batch", action)

    def properties(self, kind: str, *rest: str) -> str:
        """Property definitions and their groups."""
        return self._join("crm", "properties", kind, *rest)

    def owners(self) -> str:
        """The users who own records."""
        return self._join("crm", "owners")

    def pipelines(self, kind: str) -> str:
        """Pipelines and their stages."""
        return self._join("crm", "pipelines", kind)

    def account(self) -> str:
        """Who we are: portal, time zone, host for people."""
        return self._join("account-info", "", "details")

    def usage(self) -> str:
        """Calls used today by private apps."""
        return self._join("account-info", "", "api-usage", "daily", "private-apps")

    def token(self) -> str:
        """What a private app's token may do. It has no dated form."""
        return "/oauth/v2/private-apps/get/access-token-info"

    def _join(self, family: str, what: str, *rest: str) -> str:
        # /crm/v3/objects/… turned round in the dated form: /crm/objects/2026-03/…
        parts = (family, self.version, what) if self.version == NUMBERED else (family, what, self.version)
        return "/" + "/".join(part for part in (*parts, *rest) if part)
