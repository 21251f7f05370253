"""Signing in to the org: the grants, the refusals in Salesforce's words, and sessions that end."""

import base64
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN = "/services/oauth2/token"  # noqa: S105 - a path
AUDIENCE = "https://login.salesforce.com"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A private key as text, and the file of its public half."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    public = tmp_path_factory.mktemp("keys") / "public.pem"
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return private, public


def grant(api: Any, **form: str) -> Any:
    """One call to the token endpoint, without a session."""
    return api.http.post(TOKEN, data=form, headers={"Authorization": ""})


def assertion(api: Any, private: str, **claims: Any) -> str:
    """A signed assertion that the org would take, but for what is given."""
    options = api.org.org
    whole = {"iss": options.consumer_key, "sub": options.username, "aud": AUDIENCE, "exp": str(int(time.time()) + 180), **claims}
    return jwt.encode(whole, private, algorithm="RS256")


def test_a_jwt_signed_with_the_key_opens_a_session(start_org: Any, keys: tuple[str, Path]) -> None:
    """JWT bearer: the answer has Salesforce's keys; its session is good for calls."""
    api = start_org(public_key_file=str(keys[1]))
    answer = grant(api, grant_type=GRANT, assertion=assertion(api, keys[0]))
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["access_token", "scope", "instance_url", "id", "token_type"]
    api.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    assert api("GET", "limits").status_code == 200


def test_a_sign_in_gives_the_address_by_which_the_org_was_called(org: Any) -> None:
    """Whoever calls the org by a name of Salesforce's is given its own domain; whoever calls the loopback address stays there."""
    options = org.org.org
    form = {"grant_type": "client_credentials", "client_id": options.consumer_key, "client_secret": options.consumer_secret}
    by_name = org.http.post(TOKEN, data=form, headers={"Host": "stillthere.my.salesforce.com"}).json()
    by_address = org.http.post(TOKEN, data=form).json()
    assert by_name["instance_url"] == "https://stillthere.my.salesforce.com"
    assert by_name["id"].startswith("https://login.salesforce.com/id/00D")
    assert by_address["instance_url"] == org.sandbox.base_url
    assert by_address["id"].startswith(f"{org.sandbox.base_url}/id/00D")


@pytest.mark.parametrize(
    ("claims", "error", "description"),
    [
        ({"aud": "https://example.com"}, "invalid_grant", "audience is invalid"),
        ({"sub": "nobody@example.com"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"iss": "another app"}, "invalid_client_id", "client identifier invalid"),
        ({"exp": "1000"}, "invalid_grant", "expired authorization code"),
        ({"exp": "soon"}, "invalid_grant", "invalid assertion"),
    ],
)
def test_a_jwt_with_a_wrong_claim_is_refused(
    start_org: Any, keys: tuple[str, Path], claims: dict[str, str], error: str, description: str
) -> None:
    """Each wrong claim is refused with its own words and a 400."""
    api = start_org(public_key_file=str(keys[1]))
    answer = grant(api, grant_type=GRANT, assertion=assertion(api, keys[0], **claims))
    assert (answer.status_code, answer.json()) == (400, {"error": error, "error_description": description})


def test_a_jwt_signed_with_another_key_is_refused(start_org: Any, keys: tuple[str, Path]) -> None:
    """The signature is checked; and where the org has no key, no assertion is taken."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    refused = {"error": "invalid_grant", "error_description": "invalid assertion"}
    api = start_org(public_key_file=str(keys[1]))
    assert grant(api, grant_type=GRANT, assertion=assertion(api, private)).json() == refused
    assert grant(start_org(), grant_type=GRANT, assertion=assertion(api, keys[0])).json() == refused


def test_the_app_signs_in_with_its_secret(org: Any) -> None:
    """Client credentials by form and by Basic are the same; a wrong key or secret is named."""
    options = org.org.org
    by_form = grant(org, grant_type="client_credentials", client_id=options.consumer_key, client_secret=options.consumer_secret)
    basic = base64.b64encode(f"{options.consumer_key}:{options.consumer_secret}".encode()).decode()
    by_basic = org.http.post(TOKEN, data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"})
    assert [list(answer.json()) for answer in (by_form, by_basic)] == [
        ["access_token", "signature", "scope", "instance_url", "id", "token_type", "issued_at"]
    ] * 2
    wrong = grant(org, grant_type="client_credentials", client_id=options.consumer_key, client_secret="wrong")  # noqa: S106 - wrong on purpose
    assert wrong.json() == {"error": "invalid_client", "error_description": "invalid client credentials"}
    unknown = grant(org, grant_type="client_credentials", client_id="other", client_secret="wrong")  # noqa: S106 - wrong on purpose
    assert (unknown.status_code, unknown.json()["error"]) == (400, "invalid_client_id")


def test_a_password_opens_a_session_where_it_is_right(org: Any) -> None:
    """The password grant takes the security token behind the password, and says authentication failure otherwise."""
    options = org.org.org
    form = {
        "grant_type": "password",
        "client_id": options.consumer_key,
        "client_secret": options.consumer_secret,
        "username": options.username,
    }
    assert grant(org, **form, password=options.password + "token").status_code == 200
    assert grant(org, **form, password="wrong").json()["error_description"] == "authentication failure"  # noqa: S106 - wrong on purpose
    assert grant(org, grant_type="magic").json()["error"] == "unsupported_grant_type"
    assert grant(org, grant_type="refresh_token").json()["error_description"] == "expired access/refresh token"
    assert org.http.get(TOKEN).json() == {"error": "invalid_request", "error_description": "must use HTTP POST"}


def test_an_inactive_user_cannot_sign_in(org: Any) -> None:
    """A user that an admin has deactivated is told so."""
    user = org.org.find(org.org.integration_id)
    assert user is not None
    org.org.store("User").change(user, {"IsActive": False})
    options = org.org.org
    answer = grant(org, grant_type="client_credentials", client_id=options.consumer_key, client_secret=options.consumer_secret)
    assert answer.json()["error"] == "inactive_user"


def test_soap_login_answers_in_its_envelope(org: Any) -> None:
    """A session id and the server's address, or the fault INVALID_LOGIN."""
    options = org.org.org

    def login(password: str) -> Any:
        body = (
            '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body><n1:login xmlns:n1="urn:partner.soap.sforce.com">'
            f"<n1:username>{options.username}</n1:username><n1:password>{password}</n1:password></n1:login></env:Body></env:Envelope>"
        )
        return org.http.post("/services/Soap/u/59.0", content=body, headers={"Content-Type": "text/xml", "SOAPAction": "login"})

    good, bad = login(options.password), login("wrong")
    assert (good.status_code, good.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert f"<serverUrl>{org.sandbox.base_url}/services/Soap/u/59.0/00D5e000000StLl</serverUrl>" in good.text
    assert "<sessionSecondsValid>7200</sessionSecondsValid>" in good.text
    assert (bad.status_code, "<faultcode>INVALID_LOGIN</faultcode>" in bad.text) == (500, True)
    other = org.http.post("/services/Soap/u/59.0/00D5e000000StLl", content="<query/>")
    assert (other.status_code, "No operation available for request" in other.text) == (500, True)


def test_the_python_client_signs_in_by_every_way(start_org: Any, https: Any, keys: tuple[str, Path]) -> None:
    """simple-salesforce as it is: client credentials, JWT and password (SOAP), over its own https addresses."""
    api = start_org(public_key_file=str(keys[1]))
    options, session = api.org.org, https(api)
    ways: list[dict[str, str]] = [
        {"consumer_key": options.consumer_key, "consumer_secret": options.consumer_secret, "domain": "stillthere.my"},
        {"consumer_key": options.consumer_key, "privatekey": keys[0], "username": options.username},
        {"username": options.username, "password": options.password, "security_token": ""},
    ]
    for way in ways:
        client: Any = Salesforce(session=session, **way)  # type: ignore[arg-type]  # its own annotations do not fit its branches
        assert client.query("SELECT COUNT() FROM User")["totalSize"] >= 1
        assert client.sf_instance == "stillthere.my.salesforce.com"
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid client credentials"):
        Salesforce(session=session, consumer_key=options.consumer_key, consumer_secret="wrong", domain="stillthere.my")  # noqa: S106 - wrong on purpose


def test_sessions_end_by_time_by_calls_and_by_hand(start_org: Any) -> None:
    """A session that has ended is refused with 401 INVALID_SESSION_ID, and the refusal carries no usage header."""
    api = start_org(session_life=100.0, session_calls=3)
    assert [api("GET", "limits").status_code for _ in range(4)] == [200, 200, 200, 401]
    api.http.headers["Authorization"] = f"Bearer {api.sandbox.sessions.begin(api.org.integration_id).id}"
    assert api("GET", "limits").status_code == 200
    api.sandbox.clock.advance(101)
    refused = api("GET", "limits")
    assert (refused.status_code, refused.json()) == (401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
    assert "sforce-limit-info" not in refused.headers
    session = api.sandbox.sessions.begin(api.org.integration_id)
    api.http.headers["Authorization"] = f"OAuth {session.id}"
    assert api("GET", "limits").status_code == 200
    assert api("POST", "/services/oauth2/revoke", token=session.id).status_code == 200
    assert api("GET", "limits").status_code == 401


def test_an_ended_session_is_told_in_the_form_of_the_path(org: Any) -> None:
    """REST says it in JSON, the old bulk API by its own codes, SOAP in a fault."""
    org.sandbox.sessions.end_all()
    assert org("GET", "nothing/there").json()[0]["errorCode"] == "INVALID_SESSION_ID"
    odd = org.http.get("/services/data/v64.0/limits", headers={"Authorization": "Basic eDp5"})
    assert (odd.status_code, odd.json()) == (401, [{"message": "INVALID_HEADER_TYPE", "errorCode": "INVALID_AUTH_HEADER"}])
    old = org.http.get("/services/async/64.0/job/750", headers={"X-SFDC-Session": "gone"})
    assert (old.status_code, "<exceptionCode>InvalidSessionId</exceptionCode>" in old.text) == (400, True)
    old = org.http.get("/services/async/64.0/job/750", headers={"X-SFDC-Session": "gone", "Accept": "application/json"})
    assert old.json() == {"exceptionCode": "InvalidSessionId", "exceptionMessage": "Invalid session id"}
    soap = org.http.post("/services/Soap/m/64.0", content="<x><met:sessionId>gone</met:sessionId></x>")
    assert (soap.status_code, "<faultcode>sf:INVALID_SESSION_ID</faultcode>" in soap.text) == (500, True)


def test_who_is_signed_in(org: Any) -> None:
    """The userinfo and the identity address tell the user and the org; without a session they refuse."""
    info = org("GET", "/services/oauth2/userinfo").json()
    identity = org("GET", f"/id/{org.org.org.org_id}/{org.org.integration_id}").json()
    assert info["user_id"] == identity["user_id"] == org.org.integration_id
    assert info["preferred_username"] == identity["username"] == org.org.org.username
    refused = org.http.get("/services/oauth2/userinfo", headers={"Authorization": "Bearer gone"})
    assert (refused.status_code, refused.text) == (403, "Bad_OAuth_Token")


def test_the_client_sees_a_revoked_session(org: Any, https: Any) -> None:
    """A client that cannot sign in again raises what it knows for an ended session."""
    client: Any = Salesforce(session=https(org), session_id=org.session.id, instance="stillthere.my.salesforce.com")
    assert client.limits()["DailyApiRequests"]["Max"] == 100_000
    org.sandbox.sessions.end(org.session.id)
    with pytest.raises(SalesforceExpiredSession):
        client.limits()
