"""Files as strangers have them: what can be read is read as it was meant, the rest is told in one sentence, and nothing of theirs is lost."""

import dataclasses
import errno
import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from connectors.files import in_one_piece, put_file, read_table
from flows.cli import app
from flows.pages.charts import over_time
from flows.settings import DIVISORS, SHARES, load_settings
from sandbox.faults import read_rules
from sandbox.running import Sandbox
from transforms.backtest.judging import Cut
from transforms.fields import CONTACT_FIELDS
from transforms.policy import Policy
from transforms.vocabulary.errors import BadInput, BadSettings

DONE, MUST_ACT, UNREACHABLE = 0, 10, 20
CONTACTS = "contact_id,email\n007,a@b.example\n8,c@d.example\n"
HEAD = "activity_id,contact_id,occurred_at,channel,direction\n"
ACTIVITIES = f"{HEAD}a,007,2026-01-01T00:00:00Z,email,inbound\nb,8,2026-02-01T00:00:00Z,email,outbound\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with two small tables that are right."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    (tmp_path / "activities.csv").write_text(ACTIVITIES, encoding="utf-8")
    return tmp_path


def score(**changed: str) -> tuple[int, str]:
    """Score these tables, with some options changed: the exit code and what was said. A traceback fails."""
    given = {"contacts": "contacts.csv", "activities": "activities.csv", "as_of": "2026-06-01T00:00:00Z", "out": "out.csv", **changed}
    parts = [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)]
    result = CliRunner().invoke(app, ["score", *parts])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result.exit_code, result.output


def scored(column: str) -> list[str | None]:
    """A column of the file that was written."""
    found = pd.read_csv("out.csv", dtype="str")[column].astype("object")
    return list(found.where(found.notna(), None))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (CONTACTS.encode("utf-16"), "save it as UTF-8"),
        (CONTACTS.encode("utf-16-le"), "save it as UTF-8"),
        (CONTACTS.encode("utf-32"), "save it as UTF-8"),
        ("contact_id,first_name\n1,山田\n".encode("shift_jis"), "save it as UTF-8"),
        (CONTACTS.replace(",", ";").encode(), "has semicolons; save it with commas"),
        (CONTACTS.replace(",", "\t").encode(), "has tabs; save it with commas"),
        (CONTACTS.replace(",", "|").encode(), "has bars; save it with commas"),
        (b"contact_id, email\n1, a@b.example\n", "not known: ' email'"),
        (b"Contact_ID,email\n1,a@b.example\n", "lacks the required column contact_id"),
        (b"contact_id,created_at\n1,now\n", "'now' in row 1, which is not a time"),
        (b"contact_id,created_at\n1,2026-01-01\n2,today\n", "'today' in row 2, which is not a time"),
        (b"contact_id,created_at\n1,1767225600\n", "which is not a time"),
        (b"contact_id,created_at\n1,01/02/2026\n", "which is not a time"),
        (b"contact_id,do_not_call\n1,on\n", "which is not true or false"),
    ],
)
def test_a_csv_of_another_make_is_told_in_one_sentence(tmp_path: Path, raw: bytes, said: str) -> None:
    """Another encoding, another separator, blanks in names, words and figures for times: the sentence says what to change."""
    (tmp_path / "contacts.csv").write_bytes(raw)
    with pytest.raises(BadInput, match=r"contacts\.csv") as caught:
        read_table("contacts", tmp_path / "contacts.csv")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "raw", [CONTACTS, f"\ufeff{CONTACTS}", CONTACTS.replace("\n", "\r\n"), CONTACTS.replace("\n", "\r"), CONTACTS.strip()]
)
def test_a_csv_with_other_line_ends_is_the_same(tmp_path: Path, raw: str) -> None:
    """A byte order mark, the line ends of any system, and no last one change nothing; leading zeros stay."""
    (tmp_path / "contacts.csv").write_text(raw, encoding="utf-8", newline="")
    assert read_table("contacts", tmp_path / "contacts.csv")["contact_id"].to_list() == ["007", "8"]


def test_flags_in_one_column_may_be_mixed(tmp_path: Path) -> None:
    """TRUE, 1, yes, and the 1.0 that pandas writes where some are empty, are the same."""
    (tmp_path / "contacts.csv").write_text("contact_id,do_not_call\n1,TRUE\n2,1\n3,yes\n4,1.0\n5,\n6,0.0\n7,No\n", encoding="utf-8")
    flags = read_table("contacts", tmp_path / "contacts.csv")["do_not_call"].astype("object")
    assert flags.where(flags.notna(), None).to_list() == [True, True, True, True, None, False, False]


@pytest.mark.parametrize(
    "ids",
    [
        pa.array(["1", "2"], pa.large_string()),
        pa.array(["1", "2"], pa.string_view()),
        pa.array(["1", "2"]).dictionary_encode(),
        pa.array([1, 2]),
        pa.array([1, 2], pa.uint64()),
        pa.array([1.0, 2.0]),
        pa.array([1, 2], pa.decimal128(10, 0)),
        pa.array([1, 2]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_ids_of_a_parquet_file_become_the_same_text(tmp_path: Path, ids: pa.Array) -> None:
    """Whatever type the writer chose for an id, it is read as the text that one would type."""
    pq.write_table(pa.table({"contact_id": ids, "email": pa.nulls(2)}), tmp_path / "contacts.parquet")
    assert read_table("contacts", tmp_path / "contacts.parquet")["contact_id"].to_list() == ["1", "2"]


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_a_parquet_file_may_have_any_unit_and_zone(tmp_path: Path, unit: str, zone: str | None) -> None:
    """Any precision and zone give the same moment; without a zone it is UTC."""
    at = pa.array([1_767_225_600], pa.timestamp("s")).cast(pa.timestamp(unit)).cast(pa.timestamp(unit, zone))
    pq.write_table(pa.table({"contact_id": ["1"], "created_at": at}), tmp_path / "contacts.parquet")
    assert read_table("contacts", tmp_path / "contacts.parquet")["created_at"].to_list() == [pd.Timestamp("2026-01-01", tz="UTC")]


def test_days_of_a_parquet_file_are_midnight(tmp_path: Path) -> None:
    """A date is its first moment in UTC."""
    at = pa.array([20454], pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"contact_id": ["1"], "created_at": at}), tmp_path / "contacts.parquet")
    assert read_table("contacts", tmp_path / "contacts.parquet")["created_at"].to_list() == [pd.Timestamp("2026-01-01", tz="UTC")]


def test_an_id_that_pandas_kept_as_the_index_is_a_column(tmp_path: Path) -> None:
    """A frame that was indexed by contact_id when it was written has that column all the same."""
    pd.DataFrame({"contact_id": ["1"], "email": ["a@b.example"]}).set_index("contact_id").to_parquet(tmp_path / "contacts.parquet")
    assert read_table("contacts", tmp_path / "contacts.parquet")["contact_id"].to_list() == ["1"]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([b"1"]),
        pa.array([b"1"], pa.binary(1)),
        pa.array([b"1"], pa.binary_view()),
        pa.array([b"1"]).dictionary_encode(),
        pa.array([["1"]]),
    ],
    ids=lambda array: str(array.type),
)
def test_bytes_and_lists_of_a_parquet_file_are_refused(tmp_path: Path, column: pa.Array) -> None:
    """What is neither text, number, time nor flag is named, not turned into a text such as b'1'."""
    pq.write_table(pa.table({"contact_id": column}), tmp_path / "contacts.parquet")
    with pytest.raises(BadInput, match="in the column contact_id"):
        read_table("contacts", tmp_path / "contacts.parquet")


@pytest.mark.parametrize("count", [np.array([2**64 - 1], dtype="uint64"), np.array([1e30]), np.array([np.inf]), np.array([1.5])])
def test_a_count_beyond_all_counting_is_refused(tmp_path: Path, count: np.ndarray) -> None:
    """A number that is no whole one, or too large to be one for certain, is named."""
    rows = pd.DataFrame({"activity_id": ["a"], "contact_id": ["1"], "occurred_at": ["2026-01-01"], "channel": ["email"]})
    rows.assign(direction="inbound", participant_count=count).to_parquet(tmp_path / "activities.parquet")
    with pytest.raises(BadInput, match=r"participant_count holds .* which is not a whole number"):
        read_table("activities", tmp_path / "activities.parquet")


def test_a_huge_number_as_an_id_stays_as_it_is(tmp_path: Path) -> None:
    """An id that was written as a float beyond whole numbers is its text; nothing breaks."""
    pd.DataFrame({"contact_id": [1e20, 2.0]}).to_parquet(tmp_path / "contacts.parquet")
    assert read_table("contacts", tmp_path / "contacts.parquet")["contact_id"].to_list() == ["1e+20", "2.0"]


def test_tables_without_rows_are_scored(folder: Path) -> None:
    """Headers alone give a table without rows, or with nobody heard from."""
    (folder / "none.csv").write_text("contact_id,email\n", encoding="utf-8")
    assert score(contacts="none.csv")[0] == DONE
    assert scored("contact_id") == []
    (folder / "nothing.csv").write_text(HEAD, encoding="utf-8")
    assert score(activities="nothing.csv")[0] == DONE
    assert scored("engagement_state") == ["never_heard", "never_heard"]


def test_dates_that_stand_for_none_are_left_out(folder: Path) -> None:
    """What is dated before 1970 or after the moment changes nothing."""
    assert score()[0] == DONE
    expected = (folder / "out.csv").read_bytes()
    odd = [f"x{year},8,{year}-01-01T00:00:00Z,email,inbound\n" for year in ("0001", "1899", "1969", "2026-07", "2999", "9999")]
    (folder / "activities.csv").write_text(ACTIVITIES + "".join(odd).replace("2026-07-01-01", "2026-07-01"), encoding="utf-8")
    assert score()[0] == DONE
    assert (folder / "out.csv").read_bytes() == expected


@pytest.mark.parametrize("year", ["0001", "1969", "2200", "9999"])
def test_a_moment_of_no_sensible_year_is_refused(folder: Path, year: str) -> None:
    """A slip in the year is told, with the years that can be."""
    code, text = score(as_of=f"{year}-06-01T00:00:00Z")
    assert (code, "1970 to 2199" in text, (folder / "out.csv").exists()) == (MUST_ACT, True, False)


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:00Z", "1971-06-01T00:00:00+02:00", "2199-12-31T23:59:59Z"])
def test_a_moment_at_the_edge_is_scored(folder: Path, moment: str) -> None:
    """Any moment of the years that can be gives its fields, also where nothing happened before."""
    assert score(as_of=moment)[0] == DONE
    assert scored("contact_id") == ["007", "8"]


def test_activities_of_unknown_contacts_are_counted(folder: Path) -> None:
    """They are left out, and it is said; where all are, it is said why that mostly is."""
    (folder / "some.csv").write_text(f"{ACTIVITIES}c,7,2026-03-01T00:00:00Z,email,inbound\n", encoding="utf-8")
    code, text = score(activities="some.csv")
    assert (code, "1 of 3 activities were left out" in text, "must be the same" in text) == (DONE, True, False)
    (folder / "all.csv").write_text(ACTIVITIES.replace("007", "7").replace(",8,", ",8.0,"), encoding="utf-8")
    code, text = score(activities="all.csv")
    assert (code, "contact_id, and crm where there is one, must be the same in both files" in text) == (DONE, True)


@pytest.mark.parametrize("name", ["contacts.csv", "./contacts.csv", "activities.csv", "linked.csv"])
def test_a_file_that_is_read_is_never_written(folder: Path, name: str) -> None:
    """An --out that is one of the files to read, by whatever name, is refused, and the file stays."""
    (folder / "linked.csv").symlink_to("contacts.csv")
    code, text = score(out=name)
    assert (code, "choose another name for --out" in text) == (MUST_ACT, True)
    assert (folder / "contacts.csv").read_text(encoding="utf-8") == CONTACTS
    assert (folder / "activities.csv").read_text(encoding="utf-8") == ACTIVITIES


def test_a_bad_place_is_told_before_anything_is_read(folder: Path) -> None:
    """The ending and a folder are looked at first: nobody waits for a table that cannot be kept."""
    (folder / "folder.csv").mkdir()
    for out in ("out.xlsx", "folder.csv"):
        code, text = score(out=out, contacts="absent.csv")
        assert (code, out in text, "absent.csv" in text) == (MUST_ACT, True, False)


def test_an_ending_in_capitals_is_the_same_ending(folder: Path) -> None:
    """OUT.CSV is a CSV file."""
    assert score(out="OUT.CSV")[0] == DONE
    assert (folder / "OUT.CSV").read_text(encoding="utf-8").startswith("contact_id,")


def stop_halfway(file: Path) -> None:
    """Write a part, and find the disk full."""
    file.write_text("ne", encoding="utf-8")
    raise OSError(errno.ENOSPC, "the disk is full")


def test_a_table_that_cannot_be_finished_leaves_the_old_one(folder: Path) -> None:
    """Where the disk is full in the middle, the file that stood there is whole, and no half one lies beside it."""
    (folder / "old.csv").write_text("old", encoding="utf-8")
    with pytest.raises(OSError, match="full"), in_one_piece(folder / "old.csv") as beside:
        stop_halfway(beside)
    assert (folder / "old.csv").read_text(encoding="utf-8") == "old"
    assert sorted(file.name for file in folder.iterdir()) == ["activities.csv", "contacts.csv", "old.csv"]


def test_a_pipe_is_written_and_stays_a_pipe(folder: Path) -> None:
    """What is no plain file is written to, never replaced."""
    pipe = folder / "pipe.csv"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    put_file(pd.DataFrame({"a": ["1"]}), pipe)
    assert (os.read(reader, 100), pipe.is_fifo()) == (b"a\n1\n", True)
    os.close(reader)


def test_what_is_left_out_is_told_to_machines(folder: Path) -> None:
    """With --json the number of activities that belong to nobody is there, 0 included."""
    result = CliRunner().invoke(
        app,
        [
            "score",
            "--contacts",
            "contacts.csv",
            "--activities",
            "activities.csv",
            "--as-of",
            "2026-06-01T00:00:00Z",
            "--out",
            "o.csv",
            "--json",
        ],
    )
    assert json.loads(result.output)["activities_left_out"] == 0


@pytest.mark.parametrize("columns", ["40", "80"])
def test_the_names_of_fields_are_shown_in_full(portal: Sandbox, columns: str) -> None:
    """What would be taken away is named as it is found in the CRM, also in a narrow terminal: nothing is cut off with dots."""
    result = CliRunner().invoke(app, ["teardown", "--dry-run"], env={"COLUMNS": columns})
    assert (result.exit_code, "…" in result.output) == (DONE, False)
    joined = "".join(result.output.split())
    assert [name for name in (f"contacts.stillthere_{field.name}" for field in CONTACT_FIELDS) if name not in joined] == []


def test_labels_of_the_cuts_differ() -> None:
    """Under the curve stand months; where two cuts of one month are labelled, days do."""
    cut = partial(Cut, people=1, hidden=0, heard=0.5, mean_chance=0.5, auc=None, auc_days_since_last=None)
    monthly, often = (["2026-09-01", "2026-10-01"], ["2026-10-10", "2026-10-24"])
    assert [re.findall(r"\d{4}-\d\d(?:-\d\d)?(?=</text>)", over_time([cut(on) for on in days])) for days in (monthly, often)] == [
        ["2026-09", "2026-10"],
        often,
    ]


def as_a_shell(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own; its standard output may be given as ``OUT``, a file."""
    out = environment.pop("OUT", None)
    here = {**os.environ, "STILLTHERE_HOME": str(home), **environment}
    command = [sys.executable, "-m", "flows.cli", *arguments]
    with open(out, "wb") if out else nullcontext(subprocess.PIPE) as stdout:  # noqa: PTH123 - a device
        return subprocess.run(command, env=here, stdout=stdout, stderr=subprocess.PIPE, timeout=120, check=False)  # noqa: S603 - our own command


def test_letters_that_a_terminal_lacks_are_question_marks(tmp_path: Path) -> None:
    """A terminal of another encoding gets its answer; JSON stays UTF-8 and whole."""
    text = as_a_shell("fields", home=tmp_path, PYTHONIOENCODING="ascii")
    assert (text.returncode, text.stderr, b"?" in text.stdout) == (DONE, b"", True)
    data = as_a_shell("fields", "--json", home=tmp_path, PYTHONIOENCODING="ascii")
    assert (data.returncode, json.loads(data.stdout.decode("utf-8"))["fields"] != []) == (DONE, True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_an_answer_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A full disk behind the standard output: one sentence, with the code with which the command itself ended."""
    done = as_a_shell("fields", "--json", home=tmp_path, OUT="/dev/full")
    assert (done.returncode, done.stderr.count(b"\n")) == (MUST_ACT, 1)
    assert b"exit code 0, but its answer could not be written (No space left on device)" in done.stderr


def test_a_reader_who_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """Where the pipe is closed, as head does it, nothing is said, and the code is that of the command."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "flows.cli", "fields"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=120, check=False)  # noqa: S603 - our own command
    os.close(writing)
    assert (done.returncode, done.stderr) == (DONE, b"")


def test_half_characters_in_names_of_files_are_told_as_question_marks(tmp_path: Path) -> None:
    """A name that is no UTF-8 can be read, and stands in the JSON as well as JSON can hold it."""
    name = os.fsdecode(bytes(tmp_path) + b"/mail\xff.eml")
    Path(name).write_text("From: a@b.example\nTo: c@d.example\nSubject: Hi\n\nHello.\n", encoding="ascii")
    result = CliRunner().invoke(app, ["read-mail", name])
    assert (result.exit_code, json.loads(result.output)["file"]) == (DONE, f"{tmp_path}/mail?.eml")


@pytest.mark.parametrize("columns", ["0", "1", "x"])
def test_a_terminal_without_width_is_answered(tmp_path: Path, columns: str) -> None:
    """Whatever a terminal says of its width, the sentence comes."""
    result = CliRunner().invoke(app, ["runs"], env={"COLUMNS": columns, "STILLTHERE_HOME": str(tmp_path)})
    assert (result.exit_code, "stillthere sync" in " ".join(result.output.split())) == (DONE, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("horizon_days = -3", "a whole number from 1 to"),
        ("horizon_days = 0", "a whole number from 1 to"),
        ("horizon_days = 2.5", "a whole number from 1 to"),
        ("half_life_days = nan", "a whole number from 1 to"),
        ("prior_weight = inf", "a number from 1 to"),
        ("guard_tasks = -1", "a whole number from 0 to"),
        ("false_alarm = 17", "a share from 0 to 1"),
        ("false_alarm = nan", "a share from 0 to 1"),
        ("guard_states = -0.1", "a share from 0 to 1"),
        ("tasks_per_owner_week = true", "a number"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """A threshold below nothing, beyond all measure, or no number at all, is named with what it should be."""
    (tmp_path / "stillthere.toml").write_text(f"[policy]\n{text}\n", encoding="utf-8")
    with pytest.raises(BadSettings, match=re.escape(text.partition(" ")[0])) as caught:
        load_settings(tmp_path / "stillthere.toml")
    assert said in str(caught.value)


def test_every_default_of_the_policy_is_allowed(tmp_path: Path) -> None:
    """What stands in the policy can be written into the file as it is."""
    values = dataclasses.asdict(Policy())
    (tmp_path / "stillthere.toml").write_text(
        "[policy]\n" + "".join(f"{name} = {value}\n" for name, value in values.items()), encoding="utf-8"
    )
    assert load_settings(tmp_path / "stillthere.toml").thresholds() == Policy()
    assert [name for name in (*SHARES, *DIVISORS) if name not in values] == []


def test_nobody_is_forgotten_by_an_empty_word(portal: Sandbox) -> None:
    """Without an address or id, nobody is meant: records without an address are not taken for it."""
    result = CliRunner().invoke(app, ["forget", " ", "--dry-run"])
    assert (result.exit_code, "neither address nor id was given" in result.output) == (MUST_ACT, True)


@pytest.mark.slow  # it asks again for half a minute, as a CRM may come back
def test_a_crm_that_cannot_be_reached_is_told_by_check(tmp_path: Path) -> None:
    """Nobody listens there: exit code 20, not 10, as there is nothing that a person could change."""
    where = {"STILLTHERE_HOME": str(tmp_path), "HUBSPOT_ACCESS_TOKEN": "pat-na1-x", "HUBSPOT_BASE_URL": "http://127.0.0.1:9"}
    result = CliRunner().invoke(app, ["check", "--json"], env=where)
    assert (result.exit_code, [one["is_reached"] for one in json.loads(result.output)["checkups"]]) == (UNREACHABLE, [False])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"fault": ["slow"]}, "fault must be a text"),
        ({"fault": "slow", "method": 5}, "method must be a text"),
        ({"fault": "slow", "path": 5}, "path must be a text"),
        ({"fault": "slow", "path": "("}, "not a regular expression"),
        ({"fault": "slow", "nth": [0]}, "counted from 1"),
        ({"fault": "slow", "probability": 7}, "from 0 to 1 but is 7"),
        ({"fault": "slow", "seconds": -3}, "seconds must be a number from 0"),
        ({"fault": "slow", "times": 1.5}, "times must be a number from 0 to 1,000,000,000, whole,"),
        ({"fault": "slow", "every": True}, "every must be a number from 0"),
        ({"fault": "server_error", "status": 99999}, "status must be a number from 0 to 599, whole, but is 99999"),
    ],
)
def test_a_rule_of_a_fault_file_is_read_with_care(tmp_path: Path, rule: dict[str, object], said: str) -> None:
    """What a rule cannot hold is told before the sandbox opens, with the file and the number of the rule."""
    (tmp_path / "faults.json").write_text(json.dumps({"rules": [{"fault": "slow"}, rule]}), encoding="utf-8")
    with pytest.raises(BadInput, match=r"faults\.json, rule 2") as caught:
        read_rules(tmp_path / "faults.json")
    assert said in str(caught.value)


def test_the_seed_of_a_fault_file_is_a_number(tmp_path: Path) -> None:
    """A seed that is none is told, not used."""
    (tmp_path / "faults.json").write_text('{"seed": "x", "rules": []}', encoding="utf-8")
    with pytest.raises(BadInput, match="seed 'x'"):
        read_rules(tmp_path / "faults.json")


@pytest.mark.parametrize(
    ("contacts", "occurred_at", "said"),
    [
        ("1,2\n2,1\n", "2026-01-01", "was merged, directly or by others, into itself"),
        ("1,1\n", "2026-01-01", "was merged, directly or by others, into itself"),
        ("1,\n", "9999-12-31T23:59:59Z", "dated 9999-12-31"),
        ("1,\n", "0001-01-01", "the years 1970 to 2199"),
    ],
)
@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_tables_that_no_sandbox_can_hold(folder: Path, crm: str, contacts: str, occurred_at: str, said: str) -> None:
    """Merges in a circle and years of nobody are told at once, in both CRMs; the sandbox neither hangs nor breaks."""
    (folder / "contacts.csv").write_text(f"contact_id,merged_into\n{contacts}", encoding="utf-8")
    (folder / "activities.csv").write_text(f"{HEAD}a,1,{occurred_at},email,inbound\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["sandbox", "--load", ".", "--crm", crm, "--port", "0"])
    assert (result.exit_code, said in result.output, result.output.count("\n")) == (MUST_ACT, True, 1)


def test_the_example_of_the_manual_is_scored(folder: Path) -> None:
    """The two tables at the beginning of docs/files.md are files as they stand there."""
    page = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")
    tables = re.findall(r"(?:^    .*\n)+", page, flags=re.MULTILINE)
    for name, text in zip(("contacts", "activities"), tables, strict=True):
        (folder / f"{name}.csv").write_text(text.replace("    ", ""), encoding="utf-8")
    assert score(as_of="2026-11-22T00:00:00Z")[0] == DONE
    assert (scored("contact_id"), scored("last_heard_channel")) == (["007"], ["email"])
