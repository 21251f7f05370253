"""Account details, usage and limits, owners, pipelines, call outcomes, and OAuth tokens."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from sandbox.clock import to_ms
from sandbox.hubspot.asking import Answer, Asked
from sandbox.hubspot.errors import ApiError, bad_request, not_found
from sandbox.hubspot.object_types import TYPES, ObjectType, object_type
from sandbox.hubspot.pipelines import Pipelines
from sandbox.hubspot.portal import Portal
from sandbox.hubspot.values import iso, iso_ms

DISPOSITIONS = {
    "busy": ("9d9162e7-6cf3-4944-bf63-4dff82258764", "Busy"),
    "connected": ("f240bbac-87c9-4f6e-bf70-924b57d47db7", "Connected"),
    "live_message": ("a4c4c377-d246-4b32-a13b-75a56a4cd0ff", "Left live message"),
    "voicemail": ("b2cf5968-551e-4856-9783-52b3da59a7d0", "Left voicemail"),
    "no_answer": ("73a0d17f-1163-4015-bdd5-ec830791da20", "No answer"),
    "wrong_number": ("17b47fee-58de-441e-a44c-c6300d46f273", "Wrong number"),
}
"""The outcomes of a call that every portal has, by our word for them."""


def details(asked: Asked) -> Answer:
    """GET account details."""
    portal = asked.portal
    offset = portal.clock.now().astimezone(portal.limits.zone).utcoffset()
    seconds = int(offset.total_seconds()) if offset else 0
    sign = "-" if seconds < 0 else "+"
    options = portal.options
    return Answer(
        200,
        {
            "portalId": options.portal_id,
            "accountType": "STANDARD",
            "timeZone": options.time_zone,
            "companyCurrency": "USD",
            "additionalCurrencies": [],
            "utcOffset": f"{sign}{abs(seconds) // 3600:02d}:{abs(seconds) // 60 % 60:02d}",
            "utcOffsetMilliseconds": seconds * 1000,
            "uiDomain": options.ui_domain,
            "dataHostingLocation": "eu1" if "-eu1" in options.ui_domain else "na1",
        },
    )


def daily_usage(asked: Asked) -> Answer:
    """GET how many calls private apps made today."""
    limits = asked.portal.limits
    row = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": limits.tier.daily,
        "currentUsage": limits.daily_used,
        "collectedAt": iso_ms(asked.portal.clock.now_ms()),
        "fetchStatus": "SUCCESS",
        "resetsAt": iso(to_ms(limits.resets_at())),
    }
    return Answer(200, {"results": [row]})


def custom_property_limits(asked: Asked) -> Answer:
    """GET how many custom properties there are, and may be."""
    asked.need(*(scope for kind in TYPES for scope in (*kind.read, *kind.write)))
    portal = asked.portal
    most = portal.options.custom_property_limit
    rows: list[dict[str, Any]] = []
    overall = 0
    for kind in TYPES:
        used = portal.schemas[kind.name].custom_count()
        overall += used
        rows.append(
            {
                "objectTypeId": kind.type_id,
                "singularLabel": kind.singular.capitalize(),
                "pluralLabel": kind.name.capitalize(),
                "usage": used,
                "limit": most,
                "percentage": round(100 * used / most, 2),
            }
        )
    return Answer(200, {"byObjectType": rows, "overallLimit": 10_000, "overallUsage": overall, "overallPercentage": overall / 100})


def list_owners(asked: Asked) -> Answer:
    """GET owners, archived ones only when asked for."""
    asked.need("crm.objects.owners.read")
    limit = asked.one("limit") or "100"
    if not limit.isdigit():
        raise bad_request(f"limit must be a number but was {limit}")
    page = asked.portal.owners.page(archived=asked.flag("archived"), email=asked.one("email"), after=asked.one("after"), limit=int(limit))
    return Answer(200, page, records_out=len(page["results"]))


def read_owner(asked: Asked) -> Answer:
    """GET one owner by id or by the user's id."""
    asked.need("crm.objects.owners.read")
    found = asked.portal.owners.one(
        asked.parts["id"], archived=asked.flag("archived"), by_user=(asked.one("idProperty") or "id") == "userId"
    )
    return Answer(200, found, records_out=1)


def pipelines(asked: Asked) -> Answer:
    """GET pipelines, or one of them."""
    kind, held = _with_pipelines(asked)
    pipeline_id = asked.parts.get("id")
    return Answer(200, held.listed(kind) if pipeline_id is None else held.shown(kind, pipeline_id))


def pipeline_stages(asked: Asked) -> Answer:
    """GET the stages of a pipeline, or one of them."""
    kind, held = _with_pipelines(asked)
    pipeline_id, stage_id = asked.parts["id"], asked.parts.get("stage")
    return Answer(200, held.stages(kind, pipeline_id) if stage_id is None else held.stage(kind, pipeline_id, stage_id))


def pipeline_audit(asked: Asked) -> Answer:
    """GET who changed a pipeline, or a stage of it."""
    kind, held = _with_pipelines(asked)
    return Answer(200, held.audit(kind, asked.parts["id"], asked.portal.options.portal_id, asked.parts.get("stage")))


def _with_pipelines(asked: Asked) -> tuple[ObjectType, Pipelines]:
    kind = object_type(asked.parts["type"])
    asked.need(*kind.read, f"crm.schemas.{kind.name}.read")
    return kind, asked.portal.pipelines


def dispositions(_asked: Asked) -> Answer:
    """GET /calling/v1/dispositions."""
    return Answer(200, [{"id": guid, "label": label, "deleted": False} for guid, label in DISPOSITIONS.values()])


def _oauth_error(status: str, error: str, message: str) -> ApiError:
    return ApiError(400, {"status": status, "message": message, "error": error, "error_description": message})


def grant_token(asked: Asked) -> Answer:
    """POST /oauth/v1/token: a new access token for a refresh token; it does not rotate."""
    portal, options = asked.portal, asked.portal.options
    form = dict(parse_qsl(asked.body.decode("utf-8", "replace")))
    grant = form.get("grant_type")
    if grant not in {"refresh_token", "authorization_code"}:
        raise _oauth_error("BAD_GRANT_TYPE", "unsupported_grant_type", "missing or unknown grant type")
    if form.get("client_id") != options.client_id:
        raise _oauth_error("BAD_CLIENT_ID", "invalid_client", "missing or unknown client id")
    if form.get("client_secret") != options.client_secret:
        raise _oauth_error("BAD_CLIENT_SECRET", "invalid_client", "missing or invalid client secret")
    if grant == "authorization_code":
        if not form.get("redirect_uri"):
            raise _oauth_error("BAD_REDIRECT_URI", "invalid_request", "missing or invalid redirect uri")
        if form.get("code") != AUTHORIZATION_CODE:
            raise _oauth_error("BAD_AUTH_CODE", "invalid_grant", "missing or unknown auth code")
        refresh = options.refresh_token
    else:
        refresh = form.get("refresh_token", "")
    if refresh not in portal.refresh_tokens:
        raise _oauth_error("BAD_REFRESH_TOKEN", "invalid_grant", "refresh token is invalid, expired or revoked")
    access = f"C{portal.random.getrandbits(1200):0300x}"
    portal.add_token(
        access,
        portal.refresh_tokens[refresh],
        app=f"oauth:{options.client_id}",
        expires_ms=portal.clock.now_ms() + options.token_life * 1000,
        is_oauth=True,
    )
    return Answer(200, {"token_type": "bearer", "refresh_token": refresh, "access_token": access, "expires_in": options.token_life})


AUTHORIZATION_CODE = "5a9d5b0x-sandbox-code"


def describe_token(asked: Asked) -> Answer:
    """GET /oauth/v1/access-tokens/{token}, or POST …/token/introspect."""
    portal = asked.portal
    form = dict(parse_qsl(asked.body.decode("utf-8", "replace")))
    text = asked.parts.get("token") or form.get("token", "")
    token = portal.tokens.get(text)
    left = None if token is None or token.expires_ms is None else (token.expires_ms - portal.clock.now_ms()) // 1000
    if token is None or left is None or left <= 0:
        if asked.is_dated:
            return Answer(200, {"active": False})
        raise not_found("resource not found")
    return Answer(200, _described(portal, text, sorted(token.scopes), left) | ({"active": True} if asked.is_dated else {}))


def describe_private_token(asked: Asked) -> Answer:
    """POST …/private-apps/get/access-token-info: what the token of a private app, given as ``tokenKey``, may do. How an unknown one is answered nobody could verify."""
    portal = asked.portal
    given = asked.json().get("tokenKey")
    token = portal.tokens.get(given) if isinstance(given, str) else None
    if token is None or token.is_oauth:
        raise not_found("resource not found")
    options = portal.options
    return Answer(200, {"userId": options.user_id, "hubId": options.portal_id, "appId": options.app_id, "scopes": sorted(token.scopes)})


def _described(portal: Portal, text: str, scopes: list[str], left: int) -> dict[str, Any]:
    return {
        "token": text,
        "user": "admin@still.example",
        "hub_domain": "still.example",
        "scopes": scopes,
        "hub_id": portal.options.portal_id,
        "app_id": portal.options.app_id,
        "expires_in": left,
        "user_id": portal.options.user_id,
        "token_type": "access",
    }


def uninstall(asked: Asked) -> Answer:
    """DELETE …/external-install: the app's tokens are void."""
    portal = asked.portal
    for text in [text for text, token in portal.tokens.items() if token is asked.token]:
        del portal.tokens[text]
    portal.refresh_tokens.clear()
    return Answer(204)
