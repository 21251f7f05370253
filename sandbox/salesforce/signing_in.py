"""Sessions: how they begin, how long they live, and how they end in the middle of somebody's work."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import string
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
LONGEST_ASSERTION_S = 300
"""How far ahead an assertion may end: Salesforce asks for at most five minutes."""
SLACK_S = 60
_LETTERS = string.ascii_letters + string.digits + "._"


@dataclass
class Session:
    """One signed-in user. ``calls_left`` None: no end by calls. ``is_ended``: revoked, or ended on purpose."""

    id: str
    user_id: str
    started_ms: int
    ends_ms: float
    calls_left: int | None
    is_ended: bool = False


class LoginError(Exception):
    """The token endpoint refuses: OAuth's word and Salesforce's description."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.status, self.error, self.description = status, error, description


class Sessions:
    """All sessions of an org. Time is the sandbox's calendar."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._random = random.Random(org.options.seed + 13)
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return sum(not one.is_ended for one in self._sessions.values())

    def begin(self, user_id: str) -> Session:
        """A new session of a user."""
        options, now = self._org.org, self._org.clock.now_ms()
        text = f"{options.org_id[:15]}!AQ4AQ" + "".join(self._random.choices(_LETTERS, k=90))
        made = Session(text, user_id, now, now + options.session_life * 1000, options.session_calls)
        self._sessions[text] = made
        return made

    def use(self, session_id: str) -> Session | None:
        """The living session of that id, one call older; None where there is none."""
        found = self.find(session_id)
        if found is None:
            return None
        if found.calls_left is not None:
            if found.calls_left <= 0:
                found.is_ended = True
                return None
            found.calls_left -= 1
        return found

    def find(self, session_id: str) -> Session | None:
        """The living session of that id."""
        found = self._sessions.get(session_id)
        if found is None or found.is_ended or found.ends_ms <= self._org.clock.now_ms():
            return None
        return found

    def end(self, session_id: str) -> bool:
        """End one session; whether it was there and alive."""
        found = self.find(session_id)
        if found is not None:
            found.is_ended = True
        return found is not None

    def end_all(self) -> None:
        """End every session, as when an admin revokes the app's tokens."""
        for one in self._sessions.values():
            one.is_ended = True

    def by_assertion(self, assertion: str) -> Session:
        """Sign in by a JWT signed with the key of ``public_key_file``. LoginError in Salesforce's words."""
        options = self._org.org
        if not options.public_key_file:
            raise LoginError("invalid_grant", "invalid assertion")
        key = _public_key(Path(options.public_key_file))
        try:
            claims: dict[str, Any] = jwt.decode(
                assertion, key=key, algorithms=["RS256"], options={"verify_aud": False, "verify_exp": False, "verify_iat": False}
            )
        except jwt.InvalidTokenError:
            raise LoginError("invalid_grant", "invalid assertion") from None
        if claims.get("iss") != options.consumer_key:
            raise LoginError("invalid_client_id", "client identifier invalid")
        if claims.get("aud") not in {*AUDIENCES, self.instance_url}:
            raise LoginError("invalid_grant", "audience is invalid")
        try:
            # simple-salesforce writes the number as text, and Salesforce takes it.
            ends = float(claims.get("exp", ""))
        except (TypeError, ValueError):
            raise LoginError("invalid_grant", "invalid assertion") from None
        # By the machine's clock: the client that made the assertion does not know the sandbox's.
        now = time.time()
        if not now < ends <= now + LONGEST_ASSERTION_S + SLACK_S:
            raise LoginError("invalid_grant", "expired authorization code")
        return self.begin(self._user(str(claims.get("sub", "")), "user hasn't approved this consumer"))

    def by_secret(self, key: str, secret: str) -> Session:
        """Sign in as the app itself. LoginError."""
        self._check_app(key, secret)
        return self.begin(self._user(self._org.org.username, "no client credentials user enabled"))

    def by_password(self, key: str, secret: str, username: str, password: str) -> Session:
        """Sign in with a password by OAuth; a security token may stand behind the password. LoginError."""
        self._check_app(key, secret)
        return self.by_login(username, password)

    def by_login(self, username: str, password: str) -> Session:
        """Sign in with a password alone, as SOAP does. LoginError."""
        if username.lower() != self._org.org.username.lower() or not password.startswith(self._org.org.password):
            raise LoginError("invalid_grant", "authentication failure")
        return self.begin(self._user(username, "authentication failure"))

    @property
    def instance_url(self) -> str:
        """Where the org lives: its My Domain."""
        return f"https://{self._org.org.domain}.salesforce.com"

    def signature(self, identity: str, issued_ms: int) -> str:
        """The signature over identity and time that comes with a token."""
        digest = hmac.new(self._org.org.consumer_secret.encode(), f"{identity}{issued_ms}".encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()

    def _check_app(self, key: str, secret: str) -> None:
        if key != self._org.org.consumer_key:
            raise LoginError("invalid_client_id", "client identifier invalid")
        if not hmac.compare_digest(secret.encode(), self._org.org.consumer_secret.encode()):
            raise LoginError("invalid_client", "invalid client credentials")

    def _user(self, username: str, refusal: str) -> str:
        low = username.lower()
        for record in self._org.store("User").rows.values():
            if str(record.values.get("Username", "")).lower() == low:
                if record.values.get("IsActive") is False:
                    raise LoginError("inactive_user", "user is inactive")
                return str(record.id)
        raise LoginError("invalid_grant", refusal)


def _public_key(path: Path) -> Any:
    text = path.read_bytes()
    if b"CERTIFICATE" in text:
        return load_pem_x509_certificate(text).public_key()
    return load_pem_public_key(text)
