"""The users of a portal who can own records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.hubspot.errors import bad_request, not_found
from sandbox.hubspot.values import iso_ms

OWNER_PAGE = 500


@dataclass
class Owner:
    """One owner. ``id`` is what ``hubspot_owner_id`` holds; ``user_id`` is another number."""

    id: int
    user_id: int
    email: str
    first_name: str
    last_name: str
    created_ms: int
    updated_ms: int
    archived: bool = False

    def shown(self) -> dict[str, Any]:
        """The owner as the API shows it. An archived one has no userId any more."""
        made: dict[str, Any] = {
            "id": str(self.id),
            "email": self.email,
            "firstName": self.first_name,
            "lastName": self.last_name,
            "type": "PERSON",
            "userIdIncludingInactive": self.user_id,
            "createdAt": iso_ms(self.created_ms),
            "updatedAt": iso_ms(self.updated_ms),
            "archived": self.archived,
        }
        if not self.archived:
            made["userId"] = self.user_id
        return made


class Owners:
    """All owners of a portal."""

    def __init__(self) -> None:
        self.all: dict[int, Owner] = {}

    def page(self, *, archived: bool, email: str | None, after: str | None, limit: int) -> dict[str, Any]:
        """A page of owners in the order of their ids."""
        if not 1 <= limit <= OWNER_PAGE:
            raise bad_request(f"limit must be between 1 and {OWNER_PAGE}, was {limit}")
        if after is not None and not after.isdigit():
            raise bad_request("Invalid paging token")
        start = int(after or 0)
        found = [
            owner
            for number, owner in sorted(self.all.items())
            if owner.archived == archived and number >= start and (email is None or owner.email.lower() == email.lower())
        ]
        answer: dict[str, Any] = {"results": [owner.shown() for owner in found[:limit]]}
        if len(found) > limit:
            link = f"https://api.hubapi.com/crm/v3/owners/?limit={limit}&after={found[limit].id}"
            answer["paging"] = {"next": {"after": str(found[limit].id), "link": link}}
        return answer

    def one(self, owner_id: str, *, archived: bool, by_user: bool) -> dict[str, Any]:
        """One owner by its id or its user's. ApiError 404 where there is none."""
        if not owner_id.isdigit():
            raise bad_request(f"ownerId must be a number, was {owner_id}")
        for owner in self.all.values():
            number = owner.user_id if by_user else owner.id
            if number == int(owner_id) and owner.archived == archived:
                return owner.shown()
        raise not_found()
