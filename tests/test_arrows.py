"""The arrows of the architecture: who may import whom, and what each layer may not touch."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("transforms", "connectors", "store", "flows", "sandbox")

# What a module below the key may import of ours. "transforms.vocabulary" stands for that package alone.
ARROWS = {
    "transforms/vocabulary": {"transforms.vocabulary"},
    "transforms": {"transforms"},
    "connectors": {"connectors", "transforms.vocabulary"},
    "store": {"store", "transforms.vocabulary"},
    "sandbox": {"sandbox", "transforms.vocabulary"},
    "flows": {"flows", "connectors", "store", "transforms", "sandbox"},
}

# Libraries that a layer may not touch: HTTP, storage, the orchestrator.
OUTSIDE = {
    "transforms": {
        "prefect",
        "requests",
        "httpx",
        "urllib3",
        "hubspot",
        "simple_salesforce",
        "deltalake",
        "socket",
        "subprocess",
        "typer",
        "rich",
    },
    "connectors": {"prefect", "deltalake", "typer", "rich"},
    "store": {"prefect", "hubspot", "simple_salesforce", "requests", "httpx", "typer", "rich"},
    "sandbox": {"prefect", "hubspot", "simple_salesforce", "deltalake", "typer", "rich"},
}


def modules(layer: str) -> list[Path]:
    return sorted((ROOT / layer).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every module that the file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def rule_for(path: Path) -> str:
    below = path.relative_to(ROOT).as_posix()
    return max((key for key in ARROWS if below.startswith(f"{key}/")), key=len)


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_imports_only_what_the_arrows_allow(layer: str) -> None:
    """A module imports of ours only the layers that its own layer points to."""
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules(layer)
        for name in imported(path)
        if name.split(".")[0] in LAYERS
        # `from transforms import vocabulary` names the package itself, which every layer below may see.
        and not any(name == allowed or name.startswith(f"{allowed}.") for allowed in ARROWS[rule_for(path)])
    }
    assert wrong == set()


@pytest.mark.parametrize("layer", OUTSIDE)
def test_no_layer_touches_what_belongs_to_another(layer: str) -> None:
    """No HTTP, storage or orchestrator in transforms; no orchestrator in connectors; no CRM client in the store; none of them in the sandbox."""
    wrong = {
        f"{path.relative_to(ROOT)}: {name}" for path in modules(layer) for name in imported(path) if name.split(".")[0] in OUTSIDE[layer]
    }
    assert wrong == set()


def test_transforms_have_no_clock() -> None:
    """Transforms are told the moment; none of them asks for it."""
    clocks = {
        ("datetime", "now"),
        ("datetime", "utcnow"),
        ("datetime", "today"),
        ("date", "today"),
        ("Timestamp", "now"),
        ("Timestamp", "utcnow"),
        ("Timestamp", "today"),
        ("time", "time"),
    }
    wrong = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules("transforms")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and (getattr(node.value, "id", getattr(node.value, "attr", "")), node.attr) in clocks
    }
    assert wrong == set()


def test_prefect_is_imported_only_where_a_flow_runs() -> None:
    """Prefect is slow to import, so outside the flow modules nothing imports it at module level."""
    allowed = {f"flows/{name}.py" for name in ("sync", "backfill", "apply_plan", "revert", "artifacts", "watching")}
    wrong = {
        path.relative_to(ROOT).as_posix()
        for path in modules("flows")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom) and any(name.split(".")[0] == "prefect" for name in imported_by(node))
    }
    assert wrong <= allowed


def imported_by(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {alias.name for alias in node.names} if isinstance(node, ast.Import) else {node.module or ""}


def test_scipy_stats_is_imported_nowhere() -> None:
    """It takes most of a second and 50 MB in each process; what is needed of it stands in scipy.special too."""
    wrong = {path.relative_to(ROOT).as_posix() for layer in LAYERS for path in modules(layer) if "scipy.stats" in imported(path)}
    assert wrong == set()


def test_no_module_is_called_by_a_name_that_says_nothing() -> None:
    """A module is named for its one responsibility."""
    names = {path.stem for layer in LAYERS for path in modules(layer)}
    assert names & {"utils", "helpers", "common", "base", "misc"} == set()


def test_the_python_that_runs_is_one_that_we_promise() -> None:
    """The product promises Python 3.11 and newer."""
    assert sys.version_info >= (3, 11)
