"""A sandbox with made customers, set up, and the settings that point to it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from flows.settings import load_settings
from flows.work import open_work
from sandbox.running import Sandbox, SandboxOptions, run_sandbox
from sandbox.world import World, WorldOptions, make_world
from transforms.fields import FIELDS

OPTIONS = SandboxOptions(burst=5_000, search_per_second=500, index_lag=(0.0, 0.0))


@pytest.fixture(scope="session")
def world() -> World:
    """Eighty made customers with eight months behind them."""
    return make_world(WorldOptions(seed=11, contacts=80, companies=12, months=8, activities_per_contact=20))


def point_to(sandbox: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the settings name this sandbox, with a home of its own."""
    monkeypatch.setenv("STILLTHERE_HOME", str(home))
    monkeypatch.setenv("HUBSPOT_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", sandbox.token)


def set_up() -> None:
    """Create our fields in the portal that the settings name."""
    crm = open_work(load_settings()).crm("hubspot")
    crm.create_fields(crm.pending_fields(FIELDS))


@pytest.fixture
def portal(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox with these customers, set up."""
    with run_sandbox(world=world, options=OPTIONS) as sandbox:
        monkeypatch.chdir(tmp_path)
        point_to(sandbox, tmp_path / "home", monkeypatch)
        set_up()
        yield sandbox


@pytest.fixture
def undisturbed(world: World, portal: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[], Sandbox]]:
    """A function that syncs the same customers in a sandbox without faults, and gives that sandbox."""
    from flows.running import begin_run  # noqa: PLC0415 - importing a flow brings Prefect, which few tests need
    from flows.sync import sync  # noqa: PLC0415 - the same

    with ExitStack() as stack:

        def make() -> Sandbox:
            quiet = stack.enter_context(run_sandbox(world=world, options=OPTIONS))
            point_to(quiet, tmp_path / "quiet", monkeypatch)
            set_up()
            with begin_run(open_work(load_settings()), "sync"):
                sync.fn()
            point_to(portal, tmp_path / "home", monkeypatch)
            return quiet

        yield make
