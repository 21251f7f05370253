"""Settings come from the file and the environment; all faults are told at once; secrets stay secret."""

from pathlib import Path

import pytest

from flows.settings import HUBSPOT_HOST, load_settings, need_token
from transforms.vocabulary.errors import BadSettings

NAMES = ("STILLTHERE_HOME", "STILLTHERE_LAKE", "STILLTHERE_BUCKETS", "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_BASE_URL", "STILLTHERE_RESERVE_SHARE")


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
