"""Signing in and out: OAuth's token endpoint, who the user is, and the SOAP login."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import parse_qs
from xml.sax.saxutils import escape, unescape

from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.errors import not_found
from sandbox.salesforce.signing_in import JWT_GRANT, LoginError, Session

SCOPES = "api web openid id"
SOAP_LOGIN = re.compile(r"^/services/soap/[uc]/", re.IGNORECASE)
_LOOPBACK = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?")
_LOGIN = re.compile(r"<(?:\w+:)?login[\s>/]")
_TAG = re.compile(r"<(?:\w+:)?(username|password)[^>]*>(.*?)</(?:\w+:)?\1>", re.DOTALL)


def grant_token(asked: Asked) -> Answer:
    """``POST /services/oauth2/token``: a JWT, the app's own secret (in the form or by Basic), or a password."""
    form = {name: values[-1] for name, values in parse_qs(asked.body.decode("utf-8", "replace"), keep_blank_values=True).items()}
    form = {name: values[-1] for name, values in asked.query.items()} | form
    key, secret = _app(asked, form)
    kind = form.get("grant_type", "")
    sessions = asked.sessions
    try:
        if kind == JWT_GRANT:
            session = sessions.by_assertion(form.get("assertion", ""))
            return Answer(200, _token(asked, session, "access_token scope instance_url id token_type"), _NO_STORE)
        if kind == "client_credentials":
            session = sessions.by_secret(key, secret)
            return Answer(200, _token(asked, session, "access_token signature scope instance_url id token_type issued_at"), _NO_STORE)
        if kind == "password":
            session = sessions.by_password(key, secret, form.get("username", ""), form.get("password", ""))
            return Answer(200, _token(asked, session, "access_token instance_url id token_type issued_at signature"), _NO_STORE)
    except LoginError as error:
        return _refused(error)
    if kind == "refresh_token":
        # No sign-in here gives one out.
        return _refused(LoginError("invalid_grant", "expired access/refresh token"))
    return _refused(LoginError("unsupported_grant_type", "grant type not supported"))


def refuse_get(_asked: Asked) -> Answer:
    """``GET /services/oauth2/token``."""
    return _refused(LoginError("invalid_request", "must use HTTP POST"))


def revoke_token(asked: Asked) -> Answer:
    """``POST`` or ``GET /services/oauth2/revoke``: the session ends at once."""
    form = parse_qs(asked.body.decode("utf-8", "replace")) | asked.query
    token = (form.get("token") or [""])[-1]
    if asked.sessions.end(token):
        return Answer(200)
    return _refused(LoginError("unsupported_token_type", "this token type is not supported"))


def user_info(asked: Asked) -> Answer:
    """``/services/oauth2/userinfo``: the OpenID form of who is signed in."""
    session = _signed_in(asked)
    if session is None:
        return BAD_TOKEN
    user = asked.org.store("User").rows[session.user_id].values
    org = asked.org.org
    url = instance_url(asked)
    return Answer(
        200,
        {
            "sub": identity_url(asked, user["Id"]),
            "user_id": user["Id"],
            "organization_id": org.org_id,
            "preferred_username": user.get("Username"),
            "nickname": user.get("CommunityNickname"),
            "name": user.get("Name"),
            "email": user.get("Email"),
            "email_verified": True,
            "given_name": user.get("FirstName"),
            "family_name": user.get("LastName"),
            "zoneinfo": user.get("TimeZoneSidKey"),
            "urls": {"rest": f"{url}/services/data/v{{version}}/", "sobjects": f"{url}/services/data/v{{version}}/sobjects/"},
            "active": bool(user.get("IsActive", True)),
            "user_type": "STANDARD",
            "language": user.get("LanguageLocaleKey"),
            "locale": user.get("LocaleSidKey"),
        },
    )


def identity(asked: Asked) -> Answer:
    """``/id/{org}/{user}``: who the owner of the session is."""
    session = _signed_in(asked)
    if session is None:
        return BAD_TOKEN
    if asked.parts["org"][:15] != asked.org.org.org_id[:15] or asked.parts["user"][:15] != session.user_id[:15]:
        raise not_found()
    user = asked.org.store("User").rows[session.user_id].values
    url = instance_url(asked)
    return Answer(
        200,
        {
            "id": identity_url(asked, user["Id"]),
            "asserted_user": True,
            "user_id": user["Id"],
            "organization_id": asked.org.org.org_id,
            "username": user.get("Username"),
            "nick_name": user.get("CommunityNickname"),
            "display_name": user.get("Name"),
            "email": user.get("Email"),
            "email_verified": True,
            "first_name": user.get("FirstName"),
            "last_name": user.get("LastName"),
            "timezone": user.get("TimeZoneSidKey"),
            "urls": {
                "rest": f"{url}/services/data/v{{version}}/",
                "sobjects": f"{url}/services/data/v{{version}}/sobjects/",
                "query": f"{url}/services/data/v{{version}}/query/",
                "metadata": f"{url}/services/Soap/m/{{version}}/{asked.org.org.org_id[:15]}",
            },
            "active": bool(user.get("IsActive", True)),
            "user_type": "STANDARD",
            "language": user.get("LanguageLocaleKey"),
            "locale": user.get("LocaleSidKey"),
        },
    )


def soap_login(asked: Asked) -> Answer:
    """``POST /services/Soap/u/XX.X``: username, and password with the security token behind it."""
    body = asked.body.decode("utf-8", "replace")
    if not _LOGIN.search(body):
        return _soap(
            500,
            "<soapenv:Fault><faultcode>soapenv:Client</faultcode><faultstring>No operation available for request</faultstring></soapenv:Fault>",
        )
    found = {name: unescape(value.strip()) for name, value in _TAG.findall(body)}
    try:
        session = asked.sessions.by_login(found.get("username", ""), found.get("password", ""))
    except LoginError:
        return login_fault()
    org, url = asked.org.org, instance_url(asked)
    kind = asked.path.split("/")[3].lower()
    return _soap(
        200,
        "<loginResponse><result>"
        f"<metadataServerUrl>{url}/services/Soap/m/{asked.version}/{org.org_id[:15]}</metadataServerUrl>"
        "<passwordExpired>false</passwordExpired><sandbox>false</sandbox>"
        f"<serverUrl>{url}/services/Soap/{kind}/{asked.version}/{org.org_id[:15]}</serverUrl>"
        f"<sessionId>{session.id}</sessionId><userId>{session.user_id}</userId><userInfo>{_user_info(asked, session)}</userInfo>"
        "</result></loginResponse>",
        "partner" if kind == "u" else "enterprise",
    )


def _soap(status: int, body: str, flavour: str = "partner") -> Answer:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns="urn:{flavour}.soap.sforce.com" xmlns:sf="urn:fault.{flavour}.soap.sforce.com" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>'
    )
    return Answer(status, content=text.encode(), content_type="text/xml; charset=utf-8")


def _user_info(asked: Asked, session: Session) -> str:
    """What SOAP tells of the user, in the order of recorded answers."""
    org = asked.org.org
    user = asked.org.store("User").rows[session.user_id].values
    name = next((one.values.get("Name") for one in asked.org.store("Organization")), None)
    told: dict[str, object] = {
        "accessibilityMode": "false",
        "chatterExternal": "false",
        "currencySymbol": "$",
        "orgAttachmentFileSizeLimit": 26_214_400,
        "orgDefaultCurrencyIsoCode": "USD",
        "orgDefaultCurrencyLocale": "en_US",
        "orgDisallowHtmlAttachments": "false",
        "orgHasPersonAccounts": "false",
        "organizationId": org.org_id,
        "organizationMultiCurrency": "false",
        "organizationName": name,
        "profileId": user.get("ProfileId"),
        "roleId": user.get("UserRoleId"),
        "sessionSecondsValid": int(org.session_life),
        "userDefaultCurrencyIsoCode": None,
        "userEmail": user.get("Email"),
        "userFullName": user.get("Name"),
        "userId": session.user_id,
        "userLanguage": user.get("LanguageLocaleKey"),
        "userLocale": user.get("LocaleSidKey"),
        "userName": user.get("Username"),
        "userTimeZone": user.get("TimeZoneSidKey"),
        "userType": user.get("UserType") or "Standard",
        "userUiSkin": "Theme3",
    }
    return "".join(f'<{key} xsi:nil="true"/>' if value is None else f"<{key}>{escape(str(value))}</{key}>" for key, value in told.items())


def login_fault() -> Answer:
    """SOAP's refusal of a login."""
    message = "Invalid username, password, security token; or user locked out."
    return _soap(
        500,
        f"<soapenv:Fault><faultcode>INVALID_LOGIN</faultcode><faultstring>INVALID_LOGIN: {message}</faultstring>"
        '<detail><sf:LoginFault xsi:type="sf:LoginFault"><sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>'
        f"<sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>",
    )


def _app(asked: Asked, form: dict[str, str]) -> tuple[str, str]:
    scheme, _, text = asked.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            key, _, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return key, secret
    return form.get("client_id", ""), form.get("client_secret", "")


def _token(asked: Asked, session: Session, keys: str) -> dict[str, str]:
    who = identity_url(asked, session.user_id)
    values = {
        "access_token": session.id,
        "signature": asked.sessions.signature(who, session.started_ms),
        "scope": SCOPES,
        "instance_url": instance_url(asked),
        "id": who,
        "token_type": "Bearer",
        "issued_at": str(session.started_ms),
    }
    return {key: values[key] for key in keys.split()}


def instance_url(asked: Asked) -> str:
    """Where the org says it lives: its own domain, or the loopback address by which somebody without a detour called it."""
    host = asked.headers.get("host", "")
    return f"http://{host}" if _LOOPBACK.fullmatch(host) else asked.sessions.instance_url


def identity_url(asked: Asked, user_id: str) -> str:
    """Where a client can ask who the user is."""
    host = asked.headers.get("host", "")
    base = f"http://{host}" if _LOOPBACK.fullmatch(host) else "https://login.salesforce.com"
    return f"{base}/id/{asked.org.org.org_id}/{user_id}"


def _refused(error: LoginError) -> Answer:
    return Answer(error.status, {"error": error.error, "error_description": error.description}, _NO_STORE)


def _signed_in(asked: Asked) -> Session | None:
    text = asked.headers.get("authorization", "").partition(" ")[2].strip() or asked.one("oauth_token") or ""
    return asked.sessions.use(text)


BAD_TOKEN = Answer(403, content=b"Bad_OAuth_Token", content_type="text/html;charset=UTF-8")
"""How the two paths that tell who somebody is refuse a session."""
_NO_STORE = {"Cache-Control": "no-cache, no-store"}

ROUTES = [
    Route("POST", "/services/oauth2/token", grant_token, "open", counts=False),
    Route("GET", "/services/oauth2/token", refuse_get, "open", counts=False),
    Route("POST", "/services/oauth2/revoke", revoke_token, "open", counts=False),
    Route("GET", "/services/oauth2/revoke", revoke_token, "open", counts=False),
    Route("GET", "/services/oauth2/userinfo", user_info, "open", counts=False),
    Route("POST", "/services/oauth2/userinfo", user_info, "open", counts=False),
    Route("GET", "/id/{org}/{user}", identity, "open", counts=False),
    Route("POST", "/services/Soap/u/{version}", soap_login, "open", counts=False),
    Route("POST", "/services/Soap/c/{version}", soap_login, "open", counts=False),
    Route("POST", "/services/Soap/u/{version}/{org}", soap_login, "open", counts=False),
]
