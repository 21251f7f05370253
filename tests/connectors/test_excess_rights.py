"""``check`` names what we may do and need not, in words, as a remark: it costs nobody an exit code. The manual's tables come from the same list."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.hubspot.scopes import ALONGSIDE, FOR_SETUP, SCOPES, excess, in_words
from connectors.salesforce.rights import TOO_MUCH
from flows.cli import app
from flows.settings import load_settings
from flows.work import open_work
from sandbox.options import LEAST_SCOPES, SandboxOptions
from sandbox.running import Sandbox, Tables, run_sandbox
from sandbox.salesforce.options import OrgOptions
from sandbox.salesforce.standard import standard_schema
from transforms.fields import FIELDS
from transforms.vocabulary.tables import ACTIVITIES, COMPANIES, CONTACTS, empty_table

LEAST = tuple(one.name for one in SCOPES)
NOBODY = Tables(empty_table(CONTACTS), empty_table(ACTIVITIES), empty_table(COMPANIES))

Open = Callable[..., Sandbox]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Open]:
    """Opens a HubSpot whose app has these scopes, or a Salesforce whose user has these further rights, and points the settings there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STILLTHERE_HOME", str(tmp_path / "home"))
    for name in ("HUBSPOT_BASE_URL", "HUBSPOT_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with ExitStack() as stack:

        def start(scopes: tuple[str, ...] | None = None, rights: tuple[str, ...] | None = None) -> Sandbox:
            if scopes is not None:
                sandbox = stack.enter_context(run_sandbox(world=NOBODY, options=SandboxOptions(scopes=scopes, search_per_second=500)))
                monkeypatch.setenv("HUBSPOT_BASE_URL", sandbox.base_url)
                monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", sandbox.token)
                return sandbox
            org = OrgOptions(integration_rights=rights or ())
            sandbox = stack.enter_context(run_sandbox(salesforce=NOBODY, options=SandboxOptions(org=org)))
            monkeypatch.setenv("SALESFORCE_BASE_URL", sandbox.base_url)
            monkeypatch.setenv("SALESFORCE_DOMAIN", sandbox.org.org.domain)
            monkeypatch.setenv("SALESFORCE_CONSUMER_KEY", sandbox.org.org.consumer_key)
            monkeypatch.setenv("SALESFORCE_CONSUMER_SECRET", sandbox.org.org.consumer_secret)
            return sandbox

        yield start


def checked() -> tuple[int, list[dict[str, Any]]]:
    """The exit code of ``stillthere check --json``, and what it says of scopes or rights."""
    result = CliRunner().invoke(app, ["check", "--json"])
    found = json.loads(result.stdout)["checkups"][0]["findings"]
    return result.exit_code, [one for one in found if one["what"] in ("scopes", "rights")]


def set_up() -> None:
    """Create our fields."""
    for crm in open_work(load_settings()).crms.values():
        crm.create_fields(crm.pending_fields(FIELDS))


def test_scopes_of_hubspot_that_are_more_than_needed(opened: Open) -> None:
    """Each is named with what it allows; the exit code stays that of a good check."""
    opened(scopes=(*LEAST_SCOPES, "crm.objects.deals.write", "crm.schemas.deals.read", "content", "crm.lists.read"))
    set_up()
    exit_code, (more, once) = checked()
    assert exit_code == 0
    assert (more["is_remark"], more["is_good"]) == (True, True)
    assert more["detail"] == (
        "more than is needed: the app may also do what content allows and read lists (crm.lists.read) and change deals (crm.objects.deals.write) "
        "and read the definitions of deals (crm.schemas.deals.read)"
    )
    assert "take these scopes away" in more["advice"]
    assert once["detail"] == "set-up is done, and it alone needed crm.schemas.companies.write and crm.schemas.contacts.write"


def test_the_least_scopes_are_no_remark_but_for_set_up(opened: Open) -> None:
    """Before set-up the scopes for it are needed; afterwards they may go, and without them nothing is remarked."""
    sandbox = opened(scopes=(*LEAST, "oauth"))
    assert [one["detail"] for one in checked()[1]] == ["the app holds none that is more than needed"]
    set_up()
    assert [one["detail"][:15] for one in checked()[1]] == ["set-up is done,"]
    token = sandbox.portal.tokens[sandbox.token]
    token.scopes -= FOR_SETUP
    assert checked() == (
        0,
        [{"what": "scopes", "is_good": True, "detail": "the app holds none that is more than needed", "advice": "", "is_remark": False}],
    )


def test_a_token_of_which_hubspot_does_not_tell_the_scopes(opened: Open) -> None:
    """That nobody can say is a remark too."""
    sandbox = opened(scopes=(*LEAST, "oauth"))
    set_up()
    sandbox.faults.add("bad_gateway", path="access-token-info", times=50)
    sandbox.portal.tokens[sandbox.token].is_oauth = True
    exit_code, (told,) = checked()
    assert (exit_code, told["is_remark"]) == (0, True)
    assert told["detail"].startswith("HubSpot does not tell which scopes this token holds")


def test_rights_of_salesforce_that_are_more_than_needed(opened: Open) -> None:
    """Each is named in words; the exit code stays that of a good check."""
    opened(rights=("ModifyAllData", "ViewAllData", "ManageUsers"))
    set_up()
    exit_code, (more, once) = checked()
    assert exit_code == 0
    assert (more["is_remark"], more["is_good"]) == (True, True)
    assert more["detail"] == "more than is needed: our user may also " + " and ".join(
        TOO_MUCH[one] for one in ("ModifyAllData", "ViewAllData", "ManageUsers")
    )
    assert once["detail"] == "set-up is done, and it alone needed Modify Metadata Through Metadata API Functions"


@pytest.mark.parametrize("right", TOO_MUCH)
def test_each_far_reaching_right_is_one_that_salesforce_knows(right: str) -> None:
    """All are fields of a permission set, as Salesforce describes it."""
    kind = standard_schema().object("PermissionSet")
    assert kind is not None
    assert kind.field(f"Permissions{right}") is not None


def test_an_org_that_hides_who_may_what(opened: Open) -> None:
    """Where Salesforce does not say, that is a remark."""
    sandbox = opened(rights=())
    set_up()
    sandbox.org.access.allow(sandbox.org.access.profile_set(sandbox.org.integration_id), "UserPermissionAccess", read=False)
    exit_code, (told,) = checked()
    assert (exit_code, told["is_remark"]) == (0, True)
    assert told["detail"].startswith("Salesforce does not tell which rights our user has")


def test_a_remark_is_shown_as_one(opened: Open) -> None:
    """For people it stands as a remark, and the last line says that nothing has to be changed."""
    opened(scopes=(*LEAST_SCOPES, "crm.objects.deals.read"))
    set_up()
    result = CliRunner().invoke(app, ["check"], env={"COLUMNS": "300"})
    assert result.exit_code == 0
    assert "remark" in result.output
    assert "read deals (crm.objects.deals.read)" in result.output
    assert "Nothing has to be changed." in result.output


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("crm.objects.deals.read", "read deals (crm.objects.deals.read)"),
        ("crm.objects.line_items.write", "change line items (crm.objects.line_items.write)"),
        ("crm.schemas.deals.write", "change the definitions of deals (crm.schemas.deals.write)"),
        ("crm.lists.write", "change lists (crm.lists.write)"),
        ("crm.objects.contacts.sensitive.read.v2", "read sensitive contacts (crm.objects.contacts.sensitive.read.v2)"),
        ("settings.users.write", "do what settings.users.write allows"),
    ],
)
def test_a_scope_in_words(scope: str, words: str) -> None:
    """What its name tells is said in words, and the name stands beside it."""
    assert in_words(scope) == words
    assert excess([scope]) == [scope]


def test_what_the_sandboxs_app_has_is_the_least() -> None:
    """So a check of the sandbox shows what a careful admin would see."""
    assert set(LEAST) <= set(LEAST_SCOPES) <= set(LEAST) | ALONGSIDE
    assert excess(LEAST_SCOPES) == []
