"""Settings: from ``stillthere.toml`` in the working folder and from the environment, which wins. Secrets come from the environment alone.

All faults are listed at once, each with the place where the setting was looked for.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from transforms.policy import Policy
from transforms.vocabulary.errors import BadSettings

FILE = "stillthere.toml"
HUBSPOT_HOST = "https://api.hubapi.com"
LOOPBACK = ("127.0.0.1", "localhost", "::1")

SHARES = ("false_alarm", "cooling_quantile", "answer_rate_prior", "blind_share", "guard_states", "guard_emptied")
"""Thresholds of the policy that are shares of a whole."""

DIVISORS = (
    *("horizon_days", "rhythm_gaps", "half_life_days", "training_days", "training_step_days", "training_half_life_days", "training_rows"),
    *("short_window_days", "long_window_days", "year_days", "channel_prior_sends", "prior_weight", "guard_pause_days"),
)
"""Thresholds of the policy that cannot be nothing: we divide by them, or would learn from nothing."""

MOST = 1_000_000
"""No threshold of the policy is larger."""


class Secret(SecretStr):
    """A secret text. It shows itself as ``***`` wherever it is printed."""

    def __repr__(self) -> str:
        return "***"

    def __str__(self) -> str:
        return "***"


def _loopback(url: str) -> str:
    """An address on this machine, or nothing. Whoever could set another one could have our credentials sent there."""
    parts = urlsplit(url)
    if url and not (parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK):
        raise ValueError(f"{url!r} is not an address of this machine, and no other is allowed (where the org is, SALESFORCE_DOMAIN says)")
    return url.rstrip("/")


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url.rstrip("/")
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return url.rstrip("/")
    raise ValueError(f"{url!r} is not an https:// address (http:// is allowed for this machine alone)")


class PolicySettings(BaseModel):
    """The ``[policy]`` table of the file: any threshold of :class:`transforms.policy.Policy`, by its name."""

    model_config = ConfigDict(extra="allow")


class Settings(BaseSettings):
    """What a run needs to know. The name in capitals is the environment's; the file uses the field's own name."""

    model_config = SettingsConfigDict(extra="forbid", populate_by_name=True, case_sensitive=True, frozen=True, env_ignore_empty=True)

    home: Path = Field(Path(".stillthere"), validation_alias="STILLTHERE_HOME", description="folder for the lake, the journal and logs")
    lake: str = Field(
        "", validation_alias="STILLTHERE_LAKE", description="folder or object-store URL of the lake; empty: inside the home folder"
    )
    buckets: int = Field(
        16, ge=1, le=4096, validation_alias="STILLTHERE_BUCKETS", description="into how many parts persons are split when a lake is made"
    )
    hubspot_access_token: Secret | None = Field(
        None, validation_alias="HUBSPOT_ACCESS_TOKEN", description="token of the private app or service key"
    )
    hubspot_base_url: Annotated[str, AfterValidator(_address)] = Field(
        HUBSPOT_HOST, validation_alias="HUBSPOT_BASE_URL", description="address of HubSpot's API"
    )
    salesforce_domain: str = Field("", validation_alias="SALESFORCE_DOMAIN", description="the org's My Domain, such as `acme.my`")
    salesforce_consumer_key: str = Field("", validation_alias="SALESFORCE_CONSUMER_KEY", description="consumer key of our app in the org")
    salesforce_consumer_secret: Secret | None = Field(
        None, validation_alias="SALESFORCE_CONSUMER_SECRET", description="its consumer secret, where the app signs in by itself"
    )
    salesforce_username: str = Field(
        "", validation_alias="SALESFORCE_USERNAME", description="in place of the secret: the user as whom we sign in"
    )
    salesforce_private_key_file: Path | None = Field(
        None, validation_alias="SALESFORCE_PRIVATE_KEY_FILE", description="with the user: file with the private key (PEM) of our app"
    )
    salesforce_base_url: Annotated[str, AfterValidator(_loopback)] = Field(
        "", validation_alias="SALESFORCE_BASE_URL", description="a Salesforce on this machine in place of the real one, for trials"
    )
    salesforce_mail_elsewhere: bool = Field(
        False,
        validation_alias="STILLTHERE_SALESFORCE_MAIL_ELSEWHERE",
        description="mail with the org's contacts is captured outside of what we can read, so that no mail on record says nothing",
    )
    task_crm: Literal["owner", "hubspot", "salesforce"] = Field(
        "owner",
        validation_alias="STILLTHERE_TASK_CRM",
        description="in which CRM a task is raised for somebody who is in both: where the record has an active owner, or always in one",
    )
    reserve_share: float = Field(
        0.30,
        ge=0,
        lt=1,
        validation_alias="STILLTHERE_RESERVE_SHARE",
        description="share of the calls left when the day was first seen that is left to others",
    )
    index_lag_minutes: float = Field(
        10, ge=0, le=1440, validation_alias="STILLTHERE_INDEX_LAG_MINUTES", description="how late the CRM's search index may be"
    )
    need_approval: bool = Field(
        False,
        validation_alias="STILLTHERE_NEED_APPROVAL",
        description="write only what somebody approved: `sync` keeps its plan and stops (docs/plans.md)",
    )
    keep_days: int = Field(
        400,
        ge=1,
        validation_alias="STILLTHERE_KEEP_DAYS",
        description="for so many days the journal keeps the old and new values of what was written; older runs cannot be taken back",
    )
    policy: PolicySettings = Field(default_factory=PolicySettings, description="the table of thresholds, see docs/settings.md")

    @property
    def lake_url(self) -> str:
        """Where the lake is."""
        return self.lake or str(self.home / "lake")

    @property
    def mail_elsewhere(self) -> frozenset[str]:
        """The CRMs whose mail is captured outside of what we can read, as the admin says."""
        return frozenset({"salesforce"}) if self.salesforce_mail_elsewhere else frozenset()

    @property
    def connected(self) -> tuple[str, ...]:
        """The CRMs for which anything of the credentials was given, whether it is enough or not."""
        ours = (self.salesforce_domain, self.salesforce_consumer_key, self.salesforce_username, self.salesforce_private_key_file)
        is_given = {"hubspot": _text(self.hubspot_access_token), "salesforce": any(ours) or _text(self.salesforce_consumer_secret)}
        return tuple(crm for crm, given in is_given.items() if given)

    def thresholds(self) -> Policy:
        """The policy, with the file's values in place of the defaults."""
        return Policy(**(self.policy.model_extra or {}))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which comes as the initial values."""
        del settings_cls
        return env_settings, init_settings


def load_settings(file: Path | None = None) -> Settings:
    """The settings from the file (absent: none) and the environment. Raises BadSettings that lists every fault."""
    path = file or Path(FILE)
    found = _read_file(path)
    faults = [
        f"{name} in {path} is a secret; take it out and set {_environment_name(name)} in the environment"
        for name in found
        if _is_secret(name)
    ]
    faults += _policy_faults(found.get("policy", {}), path)
    settings = None
    try:
        settings = Settings(**{name: value for name, value in found.items() if not _is_secret(name)})
    except ValidationError as error:
        faults += [_fault(dict(item), path) for item in error.errors()]
    if faults or settings is None:
        raise BadSettings(f"The settings have {len(faults)} fault{'s' if len(faults) > 1 else ''}: {'; '.join(faults)}.")
    return settings


def need_crm(settings: Settings) -> None:
    """Raise BadSettings that says where credentials were looked for, where there are none for any CRM."""
    if not settings.connected:
        raise BadSettings(
            "No CRM is connected: neither HUBSPOT_ACCESS_TOKEN (the token of a private app or service key in HubSpot) nor SALESFORCE_DOMAIN and "
            "SALESFORCE_CONSUMER_KEY (of an app in Salesforce) are set in the environment; set those of one CRM, or of both."
        )


def salesforce_secret(settings: Settings) -> str:
    """The consumer secret of our app, or nothing where we sign in with a key file."""
    return _text(settings.salesforce_consumer_secret)


def need_token(settings: Settings) -> str:
    """The HubSpot token. Raises BadSettings that says where it was looked for."""
    token = _text(settings.hubspot_access_token)
    if not token:
        raise BadSettings(
            "No HubSpot token was found: HUBSPOT_ACCESS_TOKEN is not set in the environment; create a private app or service key in HubSpot and set it."
        )
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise BadSettings(
            "HUBSPOT_ACCESS_TOKEN holds spaces or characters that no token has; copy it again, the whole of it and nothing else."
        )
    return token


def _text(secret: Secret | None) -> str:
    return "" if secret is None else secret.get_secret_value()


def _read_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"{path} could not be read ({error.strerror}); mend it or take it away.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path} could not be read as TOML: {error}; mend it or take it away.") from error


def _is_secret(name: str) -> bool:
    field = Settings.model_fields.get(name)
    return field is not None and "Secret" in str(field.annotation)


def _environment_name(name: str) -> str:
    return str(Settings.model_fields[name].validation_alias)


def _policy_faults(given: object, path: Path) -> list[str]:
    if not isinstance(given, Mapping):
        return [f"policy in {path} must be a table, [policy]"]
    known = {f.name: f for f in dataclasses.fields(Policy)}
    faults = [f"policy.{name} in {path} is not known; known are {', '.join(known)}" for name in given if name not in known]
    for name, value in given.items():
        wanted = _lacking(known[name], value) if name in known else ""
        if wanted:
            faults.append(f"policy.{name} in {path} is {value!r}, which is not {wanted}")
    return faults


def _lacking(threshold: dataclasses.Field[Any], value: object) -> str:
    """What a threshold of the policy should be and the value is not; nothing where it will do."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "a number"
    if threshold.name in SHARES:
        return "" if 0 <= value <= 1 else "a share from 0 to 1"
    least = 1 if threshold.name in DIVISORS else 0
    if isinstance(threshold.default, int):
        return "" if least <= value <= MOST and value % 1 == 0 else f"a whole number from {least} to {MOST:,}"
    return "" if least <= value <= MOST else f"a number from {least} to {MOST:,}"


def _fault(item: dict[str, Any], path: Path) -> str:
    place = str(item["loc"][0]) if item["loc"] else "?"
    name = next((n for n, f in Settings.model_fields.items() if place in (n, f.validation_alias)), None)
    if name is None:
        return f"{place} in {path} is not a setting; settings are {', '.join(n for n in Settings.model_fields if not _is_secret(n))}"
    return f"{_environment_name(name)} (or {name} in {path}): {item['msg'].removeprefix('Value error, ')}"
