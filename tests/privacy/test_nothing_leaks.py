"""Nothing private stays where it must not: both CRMs are set up, synced, broken and asked; then every byte that was left is searched.

Tokens, secrets, keys, session ids and the text of messages are marked, and must stand nowhere. Names and addresses of contacts are fields of
the lake and stand in answers that show a person; they must not stand in logs, in Prefect, in summaries, in errors or in the logs of the tables.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from echoing import Echo, echoing
from searching import contents, leaks
from starting import COMMAND, forking, run

from sandbox.running import Sandbox, SandboxOptions, run_sandbox
from sandbox.salesforce.options import OrgOptions
from sandbox.world import World, WorldOptions, make_world
from sandbox.world.parting import part_world
from store.journal import RUNS
from store.lake import Lake
from store.sheets import Sheet

pytestmark = pytest.mark.slow  # whole runs with Prefect and its server, every byte of which is searched

TOKEN = "pat-na1-zq7token-5ad0b0c5+marked/zq7"  # noqa: S105 - opens nothing but the sandbox
CLIENT_SECRET = "zq7secret57111E4E0000MARKEDzq7"  # noqa: S105 - the same
SUBJECT, BODY, HEADER = "zq7subject über Kürzel", "zq7body „geheim“ & <vertraulich>", "zq7header"
DEBUG = {
    "PREFECT_LOGGING_LEVEL": "DEBUG",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "stillthere,urllib3,requests,zeep,simple_salesforce,hubspot",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "DEBUG",
    "RUST_LOG": "info",
}
EVERYTHING_LOGGED = """
import logging, os
logging.basicConfig(level=logging.DEBUG, filename=os.path.join(os.environ["EVERYTHING"], f"{os.getpid()}.log"))
"""


@dataclass
class Left:
    """What a world left behind: folders, what was printed, and what its processes showed of themselves."""

    folder: Path
    marks: dict[str, str]
    people: dict[str, str]
    erased: dict[str, str] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    children: dict[str, bytes] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """STILLTHERE_HOME."""
        return self.folder / "home"


def marked(world: World) -> World:
    """The same customers, with marks in all that was said."""
    activities = world.activities.copy()
    for column, mark in (("subject", SUBJECT), ("body", BODY)):
        texts = activities[column].fillna("")
        activities[column] = (mark + " " + texts + " " + mark).astype("str")
    headers = activities["headers"]
    activities["headers"] = headers.where(headers.isna(), headers + f"\nX-Note: {HEADER}")
    return dataclasses.replace(world, activities=activities)


def names_of(contacts: pd.DataFrame) -> dict[str, str]:
    """Address and full name of some contacts, by what they are."""
    some = contacts.dropna(subset=["email", "first_name", "last_name"]).head(12)
    found = {f"address {email}": email for email in some["email"]}
    return found | {f"name {first} {last}": f"{first} {last}" for first, last in zip(some["first_name"], some["last_name"], strict=True)}


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    """Both CRMs set up, synced, broken in several ways, and asked everything that can be asked."""
    folder = tmp_path_factory.mktemp("leaks")
    for name in ("home", "printed", "temp", "everything", "site"):
        (folder / name).mkdir()
    (folder / "site" / "sitecustomize.py").write_text(EVERYTHING_LOGGED, encoding="utf-8")
    both = part_world(make_world(WorldOptions(seed=5, contacts=40, companies=7, months=5, activities_per_contact=10)))
    options = SandboxOptions(
        token=TOKEN,
        burst=5_000,
        search_per_second=500,
        index_lag=(0.0, 0.0),
        org=OrgOptions(consumer_secret=CLIENT_SECRET, bulk_job_s=(0.0, 0.05)),
    )
    with (
        run_sandbox(world=marked(both.hubspot), salesforce=marked(both.salesforce), options=options) as sandbox,
        echoing(sandbox.base_url) as (address, echoes),
    ):
        marks = {"token": TOKEN, "client secret": CLIENT_SECRET, "subject": SUBJECT, "body": BODY, "header": HEADER}
        people = names_of(both.hubspot.contacts) | names_of(both.salesforce.contacts)
        left = Left(folder, marks, people)
        live(left, sandbox, address, echoes, plain_files(folder / "given", both.hubspot))
        marks |= {f"session {number}": each for number, each in enumerate(sandbox.sessions._sessions)}
        yield left


def plain_files(folder: Path, world: World) -> list[str]:
    """The options that name the customers as plain files; these hold what was said, and are not searched."""
    folder.mkdir()
    told = marked(world)
    told.contacts.to_csv(folder / "contacts.csv", index=False)
    told.activities.to_csv(folder / "activities.csv", index=False)
    return ["--contacts", str(folder / "contacts.csv"), "--activities", str(folder / "activities.csv")]


def live(left: Left, sandbox: Sandbox, address: str, echoes: list[Echo], files: list[str]) -> None:
    """All that is done in this world. What each step returned is kept, so that none of them passes by doing nothing."""
    org, folder = sandbox.org.org, left.folder
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HUBSPOT_", "SALESFORCE_", "STILLTHERE_", "PREFECT"))}
    given = (
        kept
        | DEBUG
        | {
            "STILLTHERE_HOME": str(left.home),
            "TMPDIR": str(folder / "temp"),
            "EVERYTHING": str(folder / "everything"),
            "HUBSPOT_BASE_URL": address,
            "HUBSPOT_ACCESS_TOKEN": TOKEN,
            "SALESFORCE_BASE_URL": address,
            "SALESFORCE_DOMAIN": org.domain,
            "SALESFORCE_CONSUMER_KEY": org.consumer_key,
            "SALESFORCE_CONSUMER_SECRET": CLIENT_SECRET,
        }
    )
    given["PYTHONPATH"] = os.pathsep.join([str(folder / "site"), *filter(None, [kept.get("PYTHONPATH")])])

    def do(name: str, *command: str, **more: str) -> None:
        at = folder / "printed" / name
        at.mkdir()
        process = forking.Process(target=run, args=([*command], given | more, str(at)))
        process.start()
        process.join()
        left.codes[name] = process.exitcode if process.exitcode is not None else 99

    def sync(name: str) -> None:
        """The whole command, under Prefect, in a process that has imported nothing before, with all logging on."""
        at = folder / "printed" / name
        at.mkdir()
        with (at / "out").open("wb") as out, (at / "err").open("wb") as err:
            process = subprocess.Popen([COMMAND, "sync"], cwd=at, env=given, stdout=out, stderr=err)  # noqa: S603 - our own command
            while process.poll() is None:
                look_at_children(left, process.pid)
                threading.Event().wait(0.25)
        left.codes[name] = process.returncode

    def broken(name: str, *struck: Echo, call: tuple[str, ...]) -> None:
        echoes[:] = struck
        do(name, *call)
        echoes.clear()

    do("set-up", "setup")
    broken("write refused", Echo("/batch/(update|upsert)", 400, "json"), Echo("composite", 400, "json", "PATCH"), call=("sync",))
    sync("sync")
    some = next(what for what in left.people.values() if "@" in what)
    for name, command in {
        "check": ("check", "--json"),
        "plan": ("plan", "--out", "plan.json"),
        "explain": ("explain", some),
        "status": ("status", "--json"),
        "runs": ("runs", "--json"),
        "score": ("score", *files, "--as-of", "2026-11-22T00:00:00Z", "--out", "fields.csv"),
        "backtest": ("backtest", *files, "--cuts", "2", "--out", "page.html"),
        "report": ("report", "--json"),
    }.items():
        do(name, *command)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(key)
    left.marks["private key"] = key.decode().splitlines()[3]
    as_user = {
        "SALESFORCE_USERNAME": org.username,
        "SALESFORCE_PRIVATE_KEY_FILE": str(folder / "key.pem"),
        "SALESFORCE_CONSUMER_SECRET": "",
    }
    do("signing in with a key", "check", **as_user)
    broken("token refused", Echo("^/(crm|account-info|oauth|integrations)", 401, "json"), call=("check",))
    broken("sign-in refused", Echo("/services/oauth2", 400, "html"), call=("check", "--json"))
    broken("call refused", Echo("/crm/", 403, "html"), call=("plan", "--json"))
    broken("token ends in the middle", Echo("/crm/.*/search", 401, "codes"), call=("sync",))
    broken("names in codes", Echo("/crm/.*/search", 400, "codes"), Echo("/query|composite", 400, "codes"), call=("sync",))
    left.erased |= erase_somebody(sandbox)
    sandbox.clock.advance(2 * 86_400)
    do("after an erasure", "sync")
    echoes.append(Echo("/crm/.*/search", 400))
    sync("flow fails")
    echoes.clear()


def erase_somebody(sandbox: Sandbox) -> dict[str, str]:
    """Erase somebody whom both CRMs hold in both of them, for good; their addresses and names."""
    asked = {row.values.get("ContactId") for row in sandbox.org.rows("Case")}  # Salesforce deletes nobody who has a case
    held = {str(row.values.get("Email")).lower(): row for row in sandbox.org.rows("Contact") if row.id not in asked}
    contacts = sandbox.portal.snapshot()["contacts"].items()
    record_id, theirs = next(
        (one, values) for one, values in contacts if str(values.get("email")).lower() in held and values.get("lastname")
    )
    other = held[theirs["email"].lower()]
    marks = {"their address": theirs["email"], "their name": f"{theirs['firstname']} {theirs['lastname']}"}
    marks["their name elsewhere"] = f"{other.values['FirstName']} {other.values['LastName']}"
    sandbox.portal.erase_contact(int(record_id))
    sandbox.org.delete(sandbox.org.admin_id, other)
    sandbox.org.erase(other)
    return marks


def look_at_children(left: Left, parent: int) -> None:
    """Keep what other programs of this user could see of the program's children: how they were called, and with what environment."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int((process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]) == parent:
                left.children[f"child {process.name}"] = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue  # it ended while we looked


def test_every_step_did_what_it_was_to_do(left: Left) -> None:
    """Steps that should work did, those that should fail did; without that the other tests would prove nothing."""
    works = dict.fromkeys(
        ["set-up", "sync", "check", "plan", "explain", "status", "runs", "score", "backtest", "report", "after an erasure"], 0
    )
    fails = {
        "signing in with a key": 10,
        "token refused": 10,
        "sign-in refused": 20,  # with a page: something in between has spoken
        "call refused": 10,
        "token ends in the middle": 10,
        "names in codes": 10,
        "write refused": 3,
        "flow fails": 10,
    }
    printed = {name: (left.folder / "printed" / name / "err").read_text(encoding="utf-8")[-2000:] for name in left.codes}
    assert (works | fails) == left.codes, printed
    assert left.children


def test_no_secret_and_no_message_is_left_anywhere(left: Left) -> None:
    """Every file of the home folder (lake, journal, Prefect), everything printed, logged or left in the temporary folder, in any form."""
    for name in ("home", "printed", "temp"):
        assert leaks(left.marks, contents(left.folder / name)) == []


def test_no_secret_is_logged_even_where_everything_is(left: Left) -> None:
    """With every logger of every library turned up, no log holds a secret or what somebody wrote."""
    assert leaks(left.marks, contents(left.folder / "everything")) == []


def test_children_are_given_no_secret(left: Left) -> None:
    """What runs beside us, such as Prefect's temporary server, gets no credentials: neither as arguments nor in its environment."""
    assert leaks(left.marks, iter(left.children.items())) == []


def test_people_stand_only_where_a_field_needs_them(left: Left) -> None:
    """Names and addresses stand in the tables of the lake; not in Prefect, in logs, in the tables' own logs, or in what failed."""
    assert len({found.split(" in ")[0] for found in leaks(left.people, contents(left.home / "lake"))}) > 10  # so what is there is found
    prefect = contents(left.home / "prefect")
    logs = ((name, raw) for name, raw in contents(left.home / "lake") if "_delta_log" in name)
    errors = ((name, raw) for name, raw in contents(left.folder / "printed") if name.endswith("/err"))
    for places in (prefect, logs, errors, contents(left.folder / "everything")):
        assert leaks(left.people, places) == []
    runs = Sheet(Lake.open(left.home / "lake").place, "journal/runs", RUNS.columns).scan(["options", "summary"])
    assert len(runs) > 4
    assert leaks(left.people, iter([("summaries", runs.to_json(force_ascii=False).encode())])) == []


def test_who_was_erased_in_both_crms_is_gone_after_the_next_sync(left: Left) -> None:
    """Lake, journal, kept plans, Prefect: no byte of the home folder tells their address or name."""
    assert leaks(left.erased, contents(left.home)) == []
