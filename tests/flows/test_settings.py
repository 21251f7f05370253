"""Settings come from the file and the environment; all faults are told at once; secrets stay secret."""

from pathlib import Path

import pytest

from flows.settings import HUBSPOT_HOST, Settings, load_settings, need_token
from flows.work import open_crms
from transforms.vocabulary.errors import BadSettings

NAMES = [str(field.validation_alias) for field in Settings.model_fields.values() if field.validation_alias]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder, and an environment without our names."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "stillthere.toml").write_text(text, encoding="utf-8")


def test_without_file_and_environment_the_defaults_hold() -> None:
    """The home folder is .stillthere, the lake lies in it, and HubSpot is the real one."""
    settings = load_settings()
    assert (Path(".stillthere"), ".stillthere/lake", HUBSPOT_HOST) == (settings.home, settings.lake_url, settings.hubspot_base_url)


def test_the_environment_wins_over_the_file(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where both name a setting, the environment's value counts."""
    write(bare, 'lake = "from-file"\nbuckets = 4\n')
    monkeypatch.setenv("STILLTHERE_LAKE", "from-environment")
    settings = load_settings()
    assert (settings.lake_url, settings.buckets) == ("from-environment", 4)


def test_all_faults_are_told_at_once(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One error names every fault and where it was found."""
    write(bare, 'buckets = "many"\nlaek = "typo"\n[policy]\nhorizon = 3\nhorizon_days = "soon"\n')
    monkeypatch.setenv("HUBSPOT_BASE_URL", "http://hubspot.example")
    with pytest.raises(BadSettings) as raised:
        load_settings()
    sentence = str(raised.value)
    for part in ("5 faults", "STILLTHERE_BUCKETS", "laek", "policy.horizon ", "policy.horizon_days", "HUBSPOT_BASE_URL"):
        assert part in sentence


def test_a_secret_in_the_file_is_refused_and_not_repeated(bare: Path) -> None:
    """A token belongs in the environment; the error says so without showing it."""
    write(bare, 'hubspot_access_token = "pat-na1-hush"\n')
    with pytest.raises(BadSettings) as raised:
        load_settings()
    assert "HUBSPOT_ACCESS_TOKEN" in str(raised.value)
    assert "hush" not in str(raised.value)


def test_a_secret_shows_itself_as_three_stars(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither repr nor str nor the settings' own repr shows the token; who needs it asks for it."""
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "pat-na1-hush")
    settings = load_settings()
    shown = (
        repr(settings)
        + str(settings)
        + repr(settings.hubspot_access_token)
        + str(settings.hubspot_access_token)
        + settings.model_dump_json()
    )
    assert "hush" not in shown
    assert "***" in shown
    assert need_token(settings) == "pat-na1-hush"


def test_a_missing_token_is_told_with_the_place_where_it_was_looked_for() -> None:
    """The error names the environment's name."""
    with pytest.raises(BadSettings, match="HUBSPOT_ACCESS_TOKEN"):
        need_token(load_settings())


def test_the_policy_table_changes_thresholds(bare: Path) -> None:
    """A threshold in the file takes the place of the default, with its own type."""
    write(bare, "[policy]\nhorizon_days = 45\n")
    assert load_settings().thresholds().horizon_days == 45


def test_a_file_that_is_no_toml_is_told_in_one_sentence(bare: Path) -> None:
    """A broken file is an error of ours, with the place."""
    write(bare, "buckets = \n")
    with pytest.raises(BadSettings, match=r"stillthere\.toml could not be read"):
        load_settings()


SALESFORCE = {
    "SALESFORCE_DOMAIN": "acme.my",
    "SALESFORCE_CONSUMER_KEY": "key",
    "SALESFORCE_CONSUMER_SECRET": "hush-hush",
}


def given(monkeypatch: pytest.MonkeyPatch, *, without: str = "", **more: str) -> None:
    """Credentials of an org, one left out, others added."""
    for name, value in {**SALESFORCE, **more}.items():
        if name != without:
            monkeypatch.setenv(name, value)


def test_without_any_crm_the_error_names_both() -> None:
    """One CRM is enough, and which settings each needs is said."""
    with pytest.raises(BadSettings) as raised:
        open_crms(load_settings())
    for name in ("HUBSPOT_ACCESS_TOKEN", "SALESFORCE_DOMAIN", "SALESFORCE_CONSUMER_KEY"):
        assert name in str(raised.value)


@pytest.mark.parametrize(
    ("more", "connected"),
    [
        ({}, ["salesforce"]),
        ({"HUBSPOT_ACCESS_TOKEN": "pat-na1-x"}, ["hubspot", "salesforce"]),
        (
            {"SALESFORCE_CONSUMER_SECRET": "", "SALESFORCE_USERNAME": "a@b.example", "SALESFORCE_PRIVATE_KEY_FILE": "key.pem"},
            ["salesforce"],
        ),
    ],
)
def test_each_crm_with_credentials_is_connected(monkeypatch: pytest.MonkeyPatch, more: dict[str, str], connected: list[str]) -> None:
    """Either alone or both; an app signs in by its secret, or as a user by a key file. Nothing is sent yet."""
    given(monkeypatch, **more)
    assert list(open_crms(load_settings())) == connected


@pytest.mark.parametrize("without", ["SALESFORCE_DOMAIN", "SALESFORCE_CONSUMER_KEY", "SALESFORCE_CONSUMER_SECRET"])
def test_what_is_missing_of_an_org_is_named(monkeypatch: pytest.MonkeyPatch, without: str) -> None:
    """Credentials that are not whole are a fault, not a CRM that is not wanted."""
    given(monkeypatch, without=without)
    with pytest.raises(BadSettings, match=without):
        open_crms(load_settings())


def test_the_faults_of_both_crms_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token with blanks and an org without a key: both in one error."""
    given(monkeypatch, without="SALESFORCE_CONSUMER_KEY")
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "pat na1")
    with pytest.raises(BadSettings, match=r"HUBSPOT_ACCESS_TOKEN.*SALESFORCE_CONSUMER_KEY"):
        open_crms(load_settings())


@pytest.mark.parametrize("address", ["https://evil.example", "http://10.0.0.1:8700", "ftp://127.0.0.1", "127.0.0.1:8700"])
def test_salesforce_is_led_to_this_machine_only(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """No setting sends an org's credentials to another machine; the real one is named by its domain."""
    given(monkeypatch, SALESFORCE_BASE_URL=address)
    with pytest.raises(BadSettings, match="SALESFORCE_BASE_URL"):
        load_settings()


def test_settings_of_both_crms_are_read(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where tasks are raised, and whose mail is captured elsewhere; a word that is none is refused; the secret stays secret."""
    given(
        monkeypatch,
        STILLTHERE_TASK_CRM="salesforce",
        STILLTHERE_SALESFORCE_MAIL_ELSEWHERE="true",
        SALESFORCE_BASE_URL="http://127.0.0.1:8700/",
    )
    settings = load_settings()
    assert (settings.task_crm, settings.mail_elsewhere, settings.salesforce_base_url) == (
        "salesforce",
        {"salesforce"},
        "http://127.0.0.1:8700",
    )
    assert "hush" not in repr(settings) + settings.model_dump_json()
    monkeypatch.setenv("STILLTHERE_TASK_CRM", "both")
    with pytest.raises(BadSettings, match="STILLTHERE_TASK_CRM"):
        load_settings()
