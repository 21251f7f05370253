"""Signing in through simple-salesforce, and keeping what it gives: the session id, the addresses and the headers.

The library is used as it is, with its known faults out of the way. It has no timeouts: our HTTP sessions have. It renews a session without
end, or (for Bulk) never: its objects are made here with a session id alone, so they never try, and renewing is done in one place, once.
Its objects are not safe to share among threads: each thread has its own. A metadata call spoils the headers of its object: it gets one for itself.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from xml.etree import ElementTree as ET

import jwt
import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from connectors.salesforce.answers import CRM
from connectors.salesforce.credentials import COMMON, Credentials
from connectors.sending import Patience, TryAgain
from transforms.vocabulary.errors import BadSettings, CrmUnreachable, NotAuthorised

API_VERSION = "64.0"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SOAP = "/services/Soap/"

_NOT_REACHED = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
)


class Session:
    """One org as seen through one set of credentials. May be used from several threads.

    ``base_url`` leads all calls to a server on this machine instead of Salesforce; any other address is refused.
    ``on_sign_in`` is called each time we sign in.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str = "",
        version: str = API_VERSION,
        patience: Patience,
        on_sign_in: Callable[[], None] = lambda: None,
    ) -> None:
        if base_url and urlsplit(base_url).hostname not in LOOPBACK:
            raise BadSettings(
                f"SALESFORCE_BASE_URL is {base_url}, which is not on this machine; leave it out, and Salesforce itself is reached by its domain."
            )
        self.credentials = credentials
        self.version = version
        self.base_url = base_url.rstrip("/")
        self._patience = patience
        self._on_sign_in = on_sign_in
        self._lock = threading.Lock()
        self._held: tuple[str, str] | None = None  # session id, instance
        self._local = threading.local()
        self._opened: list[requests.Session] = []

    def salesforce(self) -> Salesforce:
        """This thread's object of the client library, with the present session id. Signs in where that was not done yet."""
        session_id, instance = self._held or self.sign_in()
        held: Salesforce | None = getattr(self._local, "salesforce", None)
        if held is None or held.session_id != session_id or held.sf_instance != instance:
            held = Salesforce(session_id=session_id, instance=instance, version=self.version, session=self._http())
            self._local.salesforce = held
        return held

    def for_metadata(self) -> Salesforce:
        """This thread's object for metadata calls alone: they leave headers behind that would spoil every other call.

        It is kept, because reading the description of the metadata service takes a quarter of a second each time.
        """
        session_id, instance = self._held or self.sign_in()
        held: Salesforce | None = getattr(self._local, "metadata", None)
        if held is None or held.session_id != session_id or held.sf_instance != instance:
            held = Salesforce(session_id=session_id, instance=instance, version=self.version, session=self._http())
            held.mdapi._client.transport.session = self._http()  # noqa: SLF001 - zeep takes no notice of the session it is given
            self._local.metadata = held
        return held

    def sign_in(self, *, instead_of: str | None = None) -> tuple[str, str]:
        """Sign in, unless somebody else did meanwhile: session id and instance. ``instead_of`` is the session id that no longer serves.

        Raises NotAuthorised where we are refused, BadSettings where the key cannot be used, TryAgain where nobody answered.
        """
        with self._lock:
            if self._held is None or self._held[0] == instead_of:
                self._held = self._sign_in()
            return self._held

    def close(self) -> None:
        """Give all connections back. The object may be used again."""
        for one in list(self._opened):
            one.close()

    def _sign_in(self) -> tuple[str, str]:
        self._on_sign_in()
        own = self.credentials
        way: dict[str, Any] = {"consumer_secret": own.consumer_secret, "domain": own.host}
        if own.is_user:
            instance = None if own.host in COMMON else own.host
            way = {"username": own.username, "privatekey": own.private_key(), "domain": own.audience, "instance_url": instance}
        try:
            with warnings.catch_warnings():
                # The library prints a web address where the app was not approved; what it means is said by our error.
                warnings.simplefilter("ignore")
                session_id, instance = SalesforceLogin(session=self._http(), sf_version=self.version, consumer_key=own.consumer_key, **way)
        except SalesforceAuthenticationFailed as error:
            raise _refused(error) from None  # the library's error holds whatever came back, and that may quote what we sent
        except (AttributeError, TypeError) as error:
            # The library reads an answer without the expected keys as if it had them.
            raise _no_answer("an answer that is none") from error
        except (jwt.exceptions.PyJWTError, ValueError) as error:
            raise BadSettings(
                f"We tried to sign in to Salesforce with the key {own.private_key_file} and could not use it ({type(error).__name__}); "
                "set SALESFORCE_PRIVATE_KEY_FILE to the RSA key in PEM whose certificate is in the app."
            ) from error
        if not session_id or not instance:
            raise _no_answer("an answer without a session")
        return str(session_id), str(instance)

    def _http(self) -> requests.Session:
        """This thread's connections."""
        held: requests.Session | None = getattr(self._local, "http", None)
        if held is None:
            held = TimedSession(self._patience)
            if self.base_url:
                held.trust_env = False
                held.mount("https://", LoopbackAdapter(self.base_url))
            self._opened.append(held)
            self._local.http = held
        return held


class TimedSession(requests.Session):
    """A session of requests in which no call waits for ever, and none goes anywhere else than where it was sent."""

    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self._timeout = (patience.connect_timeout_s, patience.read_timeout_s)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """As in requests, with a timeout where none is given."""
        if options.get("timeout") is None:
            options["timeout"] = self._timeout
        try:
            response = super().send(request, **options)
        except requests.ConnectionError as error:
            # requests wraps what its own library says; whether the call can have arrived is told by what is inside.
            inner = getattr(error.args[0], "reason", None) if error.args else None
            if isinstance(inner, _NOT_REACHED):
                raise inner from error
            raise
        if response.status_code == 200 and SOAP in (request.url or ""):
            _check_envelope(response.content)
        return response

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: a write that is redirected would become a read, or take what it carries to somebody else. The redirection itself is the answer."""


class LoopbackAdapter(HTTPAdapter):
    """Sends what is meant for Salesforce to a server on this machine. The library only ever builds ``https://`` addresses."""

    def __init__(self, base_url: str) -> None:
        self._base = urlsplit(base_url)
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """As in requests; the server sees the org's own host name."""
        address = urlsplit(request.url or "")
        request.headers["Host"] = address.netloc
        request.url = urlunsplit((self._base.scheme, self._base.netloc, address.path, address.query, ""))
        options["proxies"] = {}
        return super().send(request, *args, **options)


def _check_envelope(body: bytes) -> None:
    """Raise an error of the connection where a SOAP answer is none, or cut short.

    The library mends what is broken and reads on; then anything may be raised, or part of an answer be taken for the whole.
    """
    try:
        root = ET.fromstring(body)  # noqa: S314 - the org we are signed in to
    except ET.ParseError as error:
        raise requests.exceptions.ContentDecodingError("an answer that is no XML") from error
    if root.tag.rpartition("}")[2] != "Envelope":
        raise requests.exceptions.ContentDecodingError("an answer that is no envelope")


def _refused(error: SalesforceAuthenticationFailed) -> Exception:
    code = error.code
    if isinstance(code, str) and code:
        return NotAuthorised(
            f"We tried to sign in to {CRM} and it answered {code}; check SALESFORCE_DOMAIN, SALESFORCE_CONSUMER_KEY, the secret or the key file, "
            "and that the app is approved for its user."
        )
    return _no_answer(f"{code or 'an error without a code'}")


def _no_answer(came: str) -> TryAgain:
    return TryAgain(CrmUnreachable(f"We tried to sign in to {CRM} and what came back was {came}; it may pass, so run again later."))
