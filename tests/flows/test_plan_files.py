"""Plan files: what is written is read back exactly, a malformed one is one sentence, and an approval holds for what was approved alone."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.plan_files import MOST_BYTES, KeptPlan, approved, check_accounts, digest_of, need_untouched, plan_data, read_plan, write_plan
from flows.planning import Plan
from transforms.vocabulary.changes import CELLS, TASKS
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import to_table

CELL = {
    "crm": "hubspot",
    "table": "contacts",
    "record_id": "51",
    "field": "engagement_state",
    "old": "quiet",
    "new": "silent",
    "reason": "time",
}
TASK = {
    "task_key": "st01",
    "crm": "hubspot",
    "contact_id": "51",
    "play": "help_first",
    "reason": "A ticket is open.",
    "subject": "<b>Call</b> Zoë =1+1",
    "body": "One.\n\nTwo.",
    "due_at": "2026-11-25T16:00:00Z",
    "state": "open",
    "changed_by_people": False,
}


def a_plan() -> KeptPlan:
    """Two cells, one task to make, one to close."""
    cells = [CELL, {**CELL, "crm": "salesforce", "record_id": "003A", "field": "successor", "old": None, "new": "=HYPERLINK(1)"}]
    update = {**TASK, "task_key": "st02", "task_id": "77", "state": "closed_by_us"}
    plan = Plan(
        pd.Timestamp("2026-11-22 10:00", tz="UTC").as_unit("us"),
        {"hubspot": "Northwind (1)", "salesforce": "Acme (00D)"},
        to_table(CELLS, cells),
        to_table(TASKS, [TASK]),
        to_table(TASKS, [update]),
        alerts=("A source fell silent.",),
    )
    return KeptPlan(plan, held_back=3)


def command(*arguments: str) -> tuple[int, Any]:
    """Exit code and JSON of a command."""
    result = CliRunner().invoke(app, [*arguments, "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """All of it, texts that look like formulas or HTML too; the file is its owner's alone, and replaced as a whole."""
    file = tmp_path / "plan.json"
    file.write_text("something else")
    before = approved(a_plan(), "Dana  Reyes")
    write_plan(before, file)
    after = read_plan(file)
    assert plan_data(before) == plan_data(after)
    for frame in ("cells", "create", "update"):
        pd.testing.assert_frame_equal(getattr(before.plan, frame), getattr(after.plan, frame))
    assert (after.approval and after.approval.by, after.is_changed, after.held_back) == ("Dana Reyes", False, 3)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["plan.json"]


def spoiled(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    """A change of one place of the data."""

    def spoil(data: dict[str, Any]) -> None:
        place: Any = data
        for step in path[:-1]:
            place = place[step]
        if value is KeyError:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return spoil


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (spoiled("format", value=2), "its format is 2"),
        (spoiled("format", value=KeyError), "it lacks format"),
        (spoiled("cells", value=KeyError), "it lacks cells"),
        (spoiled("colour", value="red"), "it holds 'colour', which is not known"),
        (spoiled("as_of", value="=NOW()"), "its as_of is '=NOW()'"),
        (spoiled("as_of", value=20261122), "its as_of is 20261122"),
        (spoiled("as_of", value="2026-11-22T10:00:00"), "its as_of has no time zone"),
        (spoiled("accounts", value=["hubspot"]), "its accounts are no names by CRM"),
        (spoiled("accounts", value={"pipedrive": "x"}), "accounts holds 'pipedrive'"),
        (spoiled("held_back", value="many"), "its held_back is no number"),
        (spoiled("alerts", value=[1]), "its alerts are no list of texts"),
        (spoiled("approval", value="Dana"), "approval is no JSON object"),
        (spoiled("approval", value={"by": "Dana", "at": "x", "digest": 5}), "its approval holds something that is no short text"),
        (spoiled("tasks", value=[]), "tasks is no JSON object"),
        (spoiled("tasks", "delete", value=[]), "tasks holds 'delete'"),
        (spoiled("cells", value="=1+1"), "cells is no list"),
        (spoiled("cells", 0, value="=1+1"), "row 1 of cells is no JSON object"),
        (spoiled("cells", 0, "record_id", value=51), "'record_id' in row 1 of cells is 51, which is no text"),
        (spoiled("cells", 0, "record_id", value="../51"), "record_id in cells is '../51', which is no id"),
        (spoiled("cells", 0, "record_id", value=KeyError), "record_id is empty in row 1"),
        (spoiled("cells", 0, "colour", value="red"), "columns that are not known: colour"),
        (spoiled("cells", 0, "field", value="mood"), "'contacts.mood' is no field of this version"),
        (spoiled("cells", 0, "new", value="=cmd()"), "engagement_state of 51 would become '=cmd()', which is no value of that field"),
        (spoiled("cells", 0, "crm", value="files"), "the crm of a cell is 'files', for which it names no account"),
        (spoiled("cells", 1, value=CELL), "whose key came before"),
        (spoiled("tasks", "create", 0, "due_at", value="soon"), "soon"),
        (
            spoiled("tasks", "create", 0, "changed_by_people", value="no"),
            "'changed_by_people' in row 1 of tasks.create is 'no', which is no flag",
        ),
        (spoiled("tasks", "create", 0, "task_id", value="5"), "a task to create has a task_id already"),
        (spoiled("tasks", "create", 0, "state", value="cancelled"), "allowed are open"),
        (spoiled("tasks", "update", 0, "task_id", value=KeyError), "a task to change lacks its task_id"),
        (spoiled("tasks", "update", 0, "contact_id", value="5;6"), "contact_id in tasks.update is '5;6', which is no id"),
    ],
)
def test_a_malformed_plan_is_one_sentence(spoil: Callable[[dict[str, Any]], None], told: str, tmp_path: Path) -> None:
    """The exit code is 10, whether it is read or applied; the sentence names the file and what is wrong with it. No CRM is asked."""
    file = tmp_path / "plan.json"
    data = plan_data(a_plan())
    data = json.loads(json.dumps(data, default=str))
    spoil(data)
    file.write_text(json.dumps(data))
    for arguments in (("plan", "--read", str(file)), ("sync", "--plan", str(file))):
        code, answer = command(*arguments)
        assert (code, answer["exit_code"]) == (10, 10)
        assert told in answer["error"]
        assert str(file) in answer["error"]


@pytest.mark.parametrize("content", ["", "{", "null", "[]", "plan", "[" * 5_000, "\x00\x01", '{"format": NaN}'])
def test_a_file_that_is_no_plan_is_one_sentence(content: str, tmp_path: Path) -> None:
    """Cut short, empty, another thing, or nested beyond measure."""
    file = tmp_path / "plan.json"
    file.write_text(content)
    with pytest.raises(BadInput, match=r"was read as a plan, but"):
        read_plan(file)


def test_a_plan_cut_anywhere_is_refused(tmp_path: Path) -> None:
    """A file that was not copied whole is no plan, wherever it ends."""
    file = tmp_path / "plan.json"
    write_plan(a_plan(), file)
    text = file.read_bytes()
    for length in range(0, len(text), 40):
        file.write_bytes(text[:length])
        with pytest.raises(BadInput):
            read_plan(file)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """Its size is looked at first. A folder, and a file that is not there, are told as well."""
    file = tmp_path / "plan.json"
    with file.open("wb") as sparse:
        sparse.truncate(MOST_BYTES + 1)
    for place, told in ((file, "more than"), (tmp_path, "could not be read"), (tmp_path / "none.json", "does not exist")):
        with pytest.raises(BadInput, match=told):
            read_plan(place)


def test_the_digest_is_of_the_content() -> None:
    """Rows in another order are the same plan; another value, record or task is another one."""
    plan = a_plan().plan
    turned = Plan(plan.as_of, dict(reversed(plan.accounts.items())), plan.cells.iloc[::-1], plan.create, plan.update)
    assert digest_of(plan) == digest_of(turned)
    for other in (
        Plan(plan.as_of, plan.accounts, plan.cells.assign(new="x"), plan.create, plan.update),
        Plan(plan.as_of, plan.accounts, plan.cells.head(1), plan.create, plan.update),
        Plan(plan.as_of, plan.accounts, plan.cells, plan.create.assign(body="x"), plan.update),
        Plan(plan.as_of, plan.accounts, plan.cells, plan.create, plan.update.head(0)),
        Plan(plan.as_of, plan.accounts | {"hubspot": "x"}, plan.cells, plan.create, plan.update),
    ):
        assert digest_of(plan) != digest_of(other)


def test_a_plan_that_was_changed_after_its_approval_is_refused(tmp_path: Path) -> None:
    """Reading shows it with a warning; applying and copying it stop with exit code 30; approving it again helps."""
    file = tmp_path / "plan.json"
    write_plan(a_plan(), file)
    assert command("plan", "--read", str(file), "--approve", "Dana Reyes")[0] == 0
    need_untouched(read_plan(file), file)
    data = json.loads(file.read_text())
    data["cells"][0]["new"] = "moved_on"
    file.write_text(json.dumps(data))
    code, answer = command("sync", "--plan", str(file))
    assert (code, answer["exit_code"]) == (30, 30)
    assert "was approved by Dana Reyes on" in answer["error"]
    assert "was changed after that, so nothing was written" in answer["error"]
    code, answer = command("plan", "--read", str(file))
    assert (code, answer["is_changed"]) == (0, True)
    assert command("plan", "--read", str(file), "--out", str(tmp_path / "copy.json"))[0] == 30
    assert command("plan", "--read", str(file), "--approve", "Sam Obi")[0] == 0
    assert (read_plan(file).is_changed, read_plan(file).approval.by) == (False, "Sam Obi")  # type: ignore[union-attr]  # it was approved


def test_a_part_of_an_approved_plan_is_not_approved(tmp_path: Path) -> None:
    """A smaller plan is another one. It can be approved as it is written; a part without a file of its own cannot."""
    file, smaller = tmp_path / "plan.json", tmp_path / "smaller.json"
    write_plan(approved(a_plan(), "Dana"), file)
    code, answer = command("plan", "--read", str(file), "--only", "crm=hubspot", "--without", "tasks", "--out", str(smaller))
    assert (code, len(answer["cells"]), answer["tasks"], answer.get("approval")) == (0, 1, {"create": [], "update": []}, None)
    assert (len(read_plan(smaller).plan.cells), read_plan(smaller).approval) == (1, None)
    assert command("plan", "--read", str(file), "--without", "tasks", "--approve", "Sam")[0] == 10
    assert command("plan", "--read", str(file), "--without", "tasks", "--approve", "Sam", "--out", str(smaller))[0] == 0
    assert len(read_plan(smaller).plan.cells) == 2
    assert read_plan(file).approval.by == "Dana"  # type: ignore[union-attr]  # it was approved


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "Dana\x1b[2J"])
def test_a_name_that_is_none_cannot_approve(name: str) -> None:
    """An approval says who answers for it."""
    with pytest.raises(BadInput, match="which is no name"):
        approved(a_plan(), name)


def test_a_plan_that_nobody_saw_cannot_be_approved() -> None:
    """Making and approving are two steps; no CRM is asked."""
    code, answer = command("plan", "--approve", "Dana")
    assert (code, "before anybody saw it" in answer["error"]) == (10, True)


def test_a_plan_for_another_account_is_refused() -> None:
    """Also where one of its CRMs is not connected now; a CRM that it does not touch may be."""
    plan = a_plan().plan
    check_accounts(plan, plan.accounts | {"files": "x"}, Path("plan.json"))
    for accounts in (plan.accounts | {"hubspot": "Other (2)"}, {"hubspot": "Northwind (1)"}):
        with pytest.raises(BadInput, match="was made for"):
            check_accounts(plan, accounts, Path("plan.json"))


def test_a_plan_is_read_as_text(tmp_path: Path) -> None:
    """Old and new value, task and reason stand in the terminal; what a terminal would act on does not."""
    file = tmp_path / "plan.json"
    kept = a_plan()
    cells = kept.plan.cells.assign(old=["\x1b[2Jquiet", None])
    write_plan(KeptPlan(Plan(kept.plan.as_of, kept.plan.accounts, cells, kept.plan.create, kept.plan.update)), file)
    result = CliRunner().invoke(app, ["plan", "--read", str(file)])
    assert result.exit_code == 0
    for text in (
        "2 cells on 2 records",
        "·[2Jquiet → silent",
        "<b>Call</b> Zoë =1+1",
        "Nobody has approved it.",
        f"stillthere sync --plan {file}",
    ):
        assert text in result.stdout
    assert "\x1b" not in result.stdout
