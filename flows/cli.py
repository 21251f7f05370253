"""The command line: a thin skin. Each command reads its options, calls one function and prints its answer.

Nothing heavy is imported before a command runs: ``stillthere --help`` answers at once.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from transforms.vocabulary.errors import StillThereError

if TYPE_CHECKING:
    from flows.answer import Answer

app = typer.Typer(
    name="stillthere",
    help="Are they still listening, and are they still in that job? Reads your CRM, works it out, and writes the answer where your team works.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines in place of text for people.")]


USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""What Typer raises for unknown or missing options. It has no public name."""

STOPPED = 130
"""The exit code after Ctrl-C, as shells have it."""


def _show(make: Callable[[], Answer], *, as_json: bool) -> None:
    """Run a command, print its answer, and leave with its exit code."""
    from flows.answer import print_answer, print_error  # noqa: PLC0415 - see the module's docstring

    try:
        answer = make()
    except StillThereError as error:
        print_error(error, as_json=as_json)
        raise typer.Exit(error.exit_code) from None
    try:
        print_answer(answer, as_json=as_json)
    except BrokenPipeError:
        _let_go()  # whoever read it has seen enough, as head does; what was done is done
    except OSError as error:
        _let_go()
        told = StillThereError(
            f"The command ended with exit code {answer.exit_code}, but its answer could not be written ({error.strerror})."
        )
        sys.stderr.write(f"{told}\n")
        raise typer.Exit(told.exit_code) from None
    raise typer.Exit(answer.exit_code)


def _let_go() -> None:
    """Write nothing more to the standard output: Python would try once more at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _ready_streams(arguments: list[str]) -> None:
    """Let nothing that we say break off for want of a letter: JSON is UTF-8 always; in text a letter that the terminal lacks is a question mark."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - it was closed for us, and stays open to the end
    is_json = "--json" in arguments or arguments[0] == "read-mail"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8" if is_json and stream is sys.stdout else None, errors="replace")


def _example(text: str) -> str:
    return f"[dim]Example:[/dim]  {text}"


@app.command(epilog=_example("stillthere demo --contacts 500"))
def demo(
    contacts: Annotated[int, typer.Option(min=20, help="How many contacts to make.")] = 2000,
    companies: Annotated[int, typer.Option(min=2, help="At how many companies.")] = 300,
    months: Annotated[int, typer.Option(min=3, help="How many months of history.")] = 18,
    seed: Annotated[int, typer.Option(help="Another seed gives other customers.")] = 7,
    *,
    keep: Annotated[int, typer.Option(min=0, help="For how many minutes the sandbox stays open afterwards, to look at its pages.")] = 30,
    as_json: Json = False,
) -> None:
    """A sandbox CRM with made customers, set-up, a full sync, and what a customer success manager would now see."""
    from flows.commands.demo import run_demo  # noqa: PLC0415 - see the module's docstring

    _show(lambda: run_demo(contacts=contacts, companies=companies, months=months, seed=seed, keep=keep, quiet=as_json), as_json=as_json)


@app.command(epilog=_example("stillthere sandbox --load ./my-tables --latency 80-150"))
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 8700,
    load: Annotated[
        Path | None, typer.Option(help="Folder with canonical tables (contacts, activities; companies, owners if there) in CSV or Parquet.")
    ] = None,
    faults: Annotated[Path | None, typer.Option(help="File with the faults to answer with (docs/sandbox.md).")] = None,
    latency: Annotated[str, typer.Option(help="Delay of each answer in milliseconds, such as 80-150.")] = "0",
    rate: Annotated[int, typer.Option(min=1, help="Requests allowed in 10 seconds.")] = 190,
    index_lag: Annotated[float, typer.Option(min=0, help="Seconds by which search lags behind writes.")] = 0.0,
    now: Annotated[str | None, typer.Option(help="Start of the sandbox's clock, such as 2026-11-22T09:00:00Z.")] = None,
    contacts: Annotated[int, typer.Option(min=1, help="How many customers to make, where nothing is loaded.")] = 2000,
    companies: Annotated[int, typer.Option(min=1, help="At how many companies.")] = 300,
    months: Annotated[int, typer.Option(min=1, help="How many months of history.")] = 18,
    activities_per_contact: Annotated[float, typer.Option(min=2, help="How many activities a contact has on average.")] = 65.0,
    seed: Annotated[int, typer.Option(help="Seed of the customers, of faults and of shuffling.")] = 7,
    minutes: Annotated[int | None, typer.Option(min=1, help="Close by itself after so many minutes.")] = None,
    crm: Annotated[
        str | None,
        typer.Option(
            help="Put all into hubspot or salesforce, or part it between both (the default; loaded rows go where their crm says)."
        ),
    ] = None,
    org_daily: Annotated[int, typer.Option(min=1, help="API calls that the Salesforce org allows in 24 hours.")] = 100_000,
    *,
    org_mail_elsewhere: Annotated[
        bool, typer.Option("--org-mail-elsewhere", help="The Salesforce org holds no e-mails, only how many there were.")
    ] = False,
    as_json: Json = False,
) -> None:
    """A HubSpot and a Salesforce on this machine, kept open until Ctrl-C: try everything, break it with faults, look at the pages."""
    from flows.commands.sandbox import DEFAULT_NOW, SandboxWishes, run_sandbox_open  # noqa: PLC0415 - see the module's docstring
    from sandbox.world import WorldOptions  # noqa: PLC0415 - the same

    def run() -> Answer:
        world = WorldOptions(
            seed=seed,
            contacts=contacts,
            companies=companies,
            months=months,
            now=now or DEFAULT_NOW,
            activities_per_contact=activities_per_contact,
        )
        wishes = SandboxWishes(
            port,
            load,
            faults,
            latency,
            rate,
            index_lag,
            now,
            minutes,
            world,
            crm=crm,
            org_daily=org_daily,
            org_mail_elsewhere=org_mail_elsewhere,
        )
        return run_sandbox_open(wishes, as_json=as_json)

    _show(run, as_json=as_json)


@app.command(epilog=_example("stillthere check"))
def check(*, as_json: Json = False) -> None:
    """Credentials, scopes, missing fields, calls left today; says what to change. Writes nothing."""
    from flows.commands.setup import run_check  # noqa: PLC0415 - see the module's docstring

    _show(run_check, as_json=as_json)


@app.command(epilog=_example("stillthere setup --dry-run"))
def setup(
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be created.")] = False, as_json: Json = False
) -> None:
    """Create what is missing in the CRM: our group of fields, the fields, the key of our tasks. May be run again."""
    from flows.commands.setup import run_setup  # noqa: PLC0415 - see the module's docstring

    _show(lambda: run_setup(dry_run=dry_run), as_json=as_json)


@app.command(epilog=_example("stillthere teardown --dry-run"))
def teardown(
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be taken away.")] = False, as_json: Json = False
) -> None:
    """Take away what set-up created, with the values in it. Tasks and everything else in the CRM stay."""
    from flows.commands.setup import run_teardown  # noqa: PLC0415 - see the module's docstring

    _show(lambda: run_teardown(dry_run=dry_run), as_json=as_json)


@app.command(epilog=_example("stillthere plan --read plan.json --without tasks --out smaller.json"))
def plan(
    out: Annotated[Path | None, typer.Option(help="Keep the plan in this file, for `stillthere sync --plan`.")] = None,
    read: Annotated[Path | None, typer.Option(help="Read the plan of this file in place of making one; asks no CRM.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only this part: crm=…, table=…, field=…, record=…, play=…, cells or tasks; may be given again."),
    ] = None,
    without: Annotated[list[str] | None, typer.Option(help="Without this part, in the same words.")] = None,
    approve: Annotated[str | None, typer.Option(help="With --read: your name, with which you approve the plan as it is.")] = None,
    page: Annotated[Path | None, typer.Option(help="Write a page for people into this file; it works offline.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many cells and tasks to print.")] = 20,
    *,
    as_json: Json = False,
) -> None:
    """What a sync would write, cell by cell, old → new, with the reason. Writes nothing in any CRM. A kept plan can be read, cut down and approved."""
    from flows.commands.plan import PlanWishes, run_plan, run_read_plan  # noqa: PLC0415 - see the module's docstring

    wishes = PlanWishes(out, page, tuple(only or ()), tuple(without or ()), approve, limit)
    _show(lambda: run_plan(quiet=as_json, wishes=wishes) if read is None else run_read_plan(read, wishes), as_json=as_json)


@app.command(epilog=_example("stillthere sync --plan plan.json"))
def sync(
    plan_file: Annotated[
        Path | None, typer.Option("--plan", help="Apply exactly this plan; cells whose value changed meanwhile are refused.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Pull what is new, compute, and write what differs: fields and tasks."""
    from flows.commands.sync import run_sync  # noqa: PLC0415 - see the module's docstring

    _show(lambda: run_sync(plan_file=plan_file, quiet=as_json), as_json=as_json)


@app.command(epilog=_example("stillthere backfill --since 2023-01-01"))
def backfill(
    since: Annotated[str, typer.Option(help="First day of history to bring, such as 2023-01-01.")],
    *,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say how many records and calls it would take.")] = False,
    as_json: Json = False,
) -> None:
    """Bring years of history, page by page. Stop it at any time: the next start goes on where it stopped."""
    from flows.commands.sync import run_backfill  # noqa: PLC0415 - see the module's docstring

    _show(lambda: run_backfill(since=since, estimate=estimate, quiet=as_json), as_json=as_json)


@app.command(epilog=_example("stillthere revert 2026-11-22T09:14-7f3a --dry-run"))
def revert(
    run: Annotated[
        str, typer.Argument(help="The run, as `stillthere runs` shows it, or the beginning of its id; last: the latest that wrote.")
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be put back.")] = False,
    as_json: Json = False,
) -> None:
    """Put back what a run overwrote, only where the value is still ours; list the rest as conflicts; close the tasks that it raised."""
    from flows.commands.revert import run_revert  # noqa: PLC0415 - see the module's docstring

    _show(lambda: run_revert(run=run, dry_run=dry_run, quiet=as_json), as_json=as_json)


@app.command(epilog=_example("stillthere status"))
def status(*, as_json: Json = False) -> None:
    """Where things stand: the last run, what the lake holds, what is waiting."""
    from flows.commands.status import run_status  # noqa: PLC0415 - see the module's docstring

    _show(run_status, as_json=as_json)


@app.command(epilog=_example("stillthere runs --limit 5"))
def runs(limit: Annotated[int, typer.Option(min=1, help="How many runs to list.")] = 20, *, as_json: Json = False) -> None:
    """The runs so far, the newest first."""
    from flows.commands.status import run_runs  # noqa: PLC0415 - see the module's docstring

    _show(lambda: run_runs(limit=limit), as_json=as_json)


@app.command(epilog=_example("stillthere explain priya@northwind.example"))
def explain(
    contact: Annotated[str, typer.Argument(help="E-mail address or record id of the contact.")],
    field: Annotated[str | None, typer.Option(help="Only this field.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Why does it say so? Each value with the activities behind it, what would change it, and when it was last written."""
    from flows.commands.explain import run_explain  # noqa: PLC0415 - see the module's docstring

    _show(lambda: run_explain(contact=contact, field=field), as_json=as_json)


@app.command(epilog=_example("stillthere fields --json"))
def fields(*, as_json: Json = False) -> None:
    """Every field: its name in the CRM, its type, and what it means."""
    from flows.commands.fields import run_fields  # noqa: PLC0415 - see the module's docstring

    _show(run_fields, as_json=as_json)


@app.command(
    epilog=_example(
        "stillthere score --contacts contacts.csv --activities activities.csv --as-of 2026-11-22T00:00:00Z --out fields.parquet"
    )
)
def score(
    contacts: Annotated[Path, typer.Option(help="CSV or Parquet file with contacts.")],
    activities: Annotated[Path, typer.Option(help="CSV or Parquet file with activities.")],
    as_of: Annotated[str, typer.Option(help="The moment as of which to compute; whatever lies after it is ignored.")],
    out: Annotated[Path, typer.Option(help="Where to write the fields: .csv or .parquet, one row a contact.")],
    companies: Annotated[Path | None, typer.Option(help="CSV or Parquet file with companies.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Compute all contact fields from plain files. Nothing but these files is read; no CRM is needed."""
    from flows.commands.score import run_score  # noqa: PLC0415 - see the module's docstring

    _show(lambda: run_score(contacts=contacts, activities=activities, companies=companies, as_of=as_of, out=out), as_json=as_json)


@app.command(epilog=_example("stillthere backtest --cuts 12 --out backtest.html"))
def backtest(
    contacts: Annotated[Path | None, typer.Option(help="CSV or Parquet file with contacts, in place of the lake.")] = None,
    activities: Annotated[Path | None, typer.Option(help="CSV or Parquet file with activities.")] = None,
    companies: Annotated[Path | None, typer.Option(help="CSV or Parquet file with companies.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First day to judge, such as 2025-01-01.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day to judge; its horizon must have passed.")] = None,
    every: Annotated[int | None, typer.Option(min=1, help="Days from one cut to the next; as the horizon unless given.")] = None,
    horizon: Annotated[int, typer.Option(min=1, help="How many days ahead the chance to hear back is judged.")] = 30,
    cuts: Annotated[int | None, typer.Option(min=1, help="At most so many cuts, the latest; 12 unless --from is given.")] = None,
    false_alarm: Annotated[
        float | None, typer.Option(help="Judge the states for this share of false alarms, in place of the setting's 0.05.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write a page with pictures into this file; it works offline.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the samples from which ranges come.")] = 7,
    *,
    as_json: Json = False,
) -> None:
    """Would it have been right? Plays the past again, day by day, and compares what the fields said with what followed."""
    from flows.commands.backtest import Dates, Files, run_backtest  # noqa: PLC0415 - see the module's docstring

    files, dates = Files(contacts, activities, companies), Dates(first, last, every, horizon, cuts, false_alarm)
    _show(lambda: run_backtest(files, dates, out=out, seed=seed, quiet=as_json), as_json=as_json)


@app.command(epilog=_example("stillthere report --out report.html"))
def report(
    out: Annotated[Path | None, typer.Option(help="Write a page into this file; it works offline.")] = None, *, as_json: Json = False
) -> None:
    """What the fields rest on: where contacts stand, what became of our tasks, what was learned, holes, the last backtest and runs."""
    from flows.commands.report import run_report  # noqa: PLC0415 - see the module's docstring

    _show(lambda: run_report(out=out), as_json=as_json)


@app.command(epilog=_example("stillthere forget priya@northwind.example --dry-run"))
def forget(
    contact: Annotated[str, typer.Argument(help="E-mail address or record id of the contact.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which records would be forgotten.")] = False,
    as_json: Json = False,
) -> None:
    """Forget a person here, in every file. Who is erased in the CRM is forgotten by the next sync anyway; nothing is erased in the CRM."""
    from flows.commands.forget import run_forget  # noqa: PLC0415 - see the module's docstring

    _show(lambda: run_forget(contact=contact, dry_run=dry_run), as_json=as_json)


@app.command(name="read-mail", epilog=_example("stillthere read-mail bounce.eml away.eml"))
def read_mail(files: Annotated[list[Path], typer.Argument(help="Message files (.eml).")], *, as_json: Json = False) -> None:
    """What kind of mail is it: a person, a bounce, an automatic reply? One JSON object a line and recipient."""
    from flows.commands.read_mail import run_read_mail  # noqa: PLC0415 - see the module's docstring

    _show(lambda: run_read_mail(files), as_json=as_json)


def main() -> None:
    """The entry point of the command ``stillthere``."""
    os.umask(0o077)  # whatever is written, pages and tables too, may hold what is known of people: it is for its owner alone
    arguments = sys.argv[1:] or ["--help"]
    _ready_streams(arguments)
    try:
        code = app(arguments, standalone_mode=False) or 0
    except USAGE_ERROR as error:
        code = _tell_misuse(error, as_json="--json" in arguments)
    except KeyboardInterrupt:
        code = STOPPED
    if code == STOPPED:
        sys.stderr.write("Stopped. What was committed stays; start the same command again to go on.\n")
    sys.exit(code)


def _tell_misuse(error: Any, *, as_json: bool) -> int:
    """Say in one sentence what was wrong with the options, as every other error is told."""
    from flows.answer import print_error  # noqa: PLC0415 - see the module's docstring
    from transforms.vocabulary.errors import BadInput  # noqa: PLC0415 - the same

    command = error.ctx.command_path if error.ctx else "stillthere"
    said = error.format_message().strip().rstrip(".")
    told = BadInput(f"{said[:1].upper()}{said[1:]}; `{command} --help` shows what can be given.")
    print_error(told, as_json=as_json)
    return told.exit_code


if __name__ == "__main__":
    main()
