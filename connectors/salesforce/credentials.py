"""How we sign in to an org: as an app by itself (client credentials), or as a user by a signed assertion (JWT bearer).

Salesforce is closing the ways that need a password, so they are not offered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from transforms.vocabulary.errors import BadSettings

SUFFIX = ".salesforce.com"
COMMON = ("login", "test")
"""The domains that serve every org, and every sandbox."""


@dataclass(frozen=True)
class Credentials:
    """One of the two ways in. ``domain`` is the org's My Domain, such as ``acme.my`` or ``acme--uat.sandbox.my``, with or without ``.salesforce.com``.

    ``consumer_key`` belongs to the app. With ``consumer_secret`` the app signs in by itself; with ``username`` and ``private_key_file``
    (PEM) it signs in as that user. Raises BadSettings, naming every fault, where neither way is complete.
    """

    domain: str
    consumer_key: str
    consumer_secret: str = field(default="", repr=False)
    username: str = ""
    private_key_file: str = ""

    def __post_init__(self) -> None:
        """Refuse what could never sign in, before anything is sent."""
        faults = []
        if not self.host:
            faults.append("SALESFORCE_DOMAIN is missing: give the org's My Domain, such as acme.my")
        elif self.host in COMMON and not self.is_user:
            faults.append(f"SALESFORCE_DOMAIN is {self.host}, with which an app cannot sign in by itself: give the org's My Domain")
        if not self.consumer_key:
            faults.append("SALESFORCE_CONSUMER_KEY is missing: it stands in the app's settings")
        if bool(self.username) != bool(self.private_key_file):
            faults.append("SALESFORCE_USERNAME and SALESFORCE_PRIVATE_KEY_FILE belong together, and one of them is missing")
        elif not self.consumer_secret and not self.is_user:
            faults.append("SALESFORCE_CONSUMER_SECRET is missing (or SALESFORCE_USERNAME with SALESFORCE_PRIVATE_KEY_FILE)")
        if faults:
            raise BadSettings("We cannot sign in to Salesforce: " + "; ".join(faults) + ".")

    @property
    def is_user(self) -> bool:
        """Whether we sign in as a user by an assertion."""
        return bool(self.username and self.private_key_file)

    @property
    def host(self) -> str:
        """The domain as the client library wants it: without scheme, path and ``.salesforce.com``."""
        bare = self.domain.strip().lower().removeprefix("https://").removeprefix("http://").split("/")[0]
        return bare.removesuffix(SUFFIX)

    @property
    def audience(self) -> str:
        """Who the assertion is meant for: ``test`` for an org that is a sandbox, else ``login``."""
        if self.host in COMMON:
            return self.host
        return "test" if ".sandbox." in f".{self.host}." or "--" in self.host else "login"

    def private_key(self) -> str:
        """The text of the key file. Raises BadSettings where it cannot be read."""
        try:
            return Path(self.private_key_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadSettings(
                f"We tried to read the private key {self.private_key_file} and could not ({type(error).__name__}); "
                "set SALESFORCE_PRIVATE_KEY_FILE to a PEM file that this program may read."
            ) from error
