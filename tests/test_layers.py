"""Imports point down only, and what must stay light stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# from the top down; names on one line are siblings, of which none imports another
LAYERS = [
    ["appsplus.cli"],
    ["appsplus_verifiers"],
    ["appsplus.integrations"],
    ["stepcoder"],
    ["appsplus.trial", "appsplus.forecast"],
    ["appsplus.shards", "appsplus.survey"],
    ["appsplus.pipeline", "appsplus.reward", "appsplus.selection"],
    ["appsplus.assembly"],
    ["appsplus.passage"],
    ["appsplus.stages", "appsplus.annotate", "appsplus.review", "appsplus.worklist", "appsplus.evaluation"],
    ["appsplus.engine", "appsplus.release", "appsplus.conformance"],
    ["appsplus.judge", "appsplus.sources", "appsplus.ledger"],
    ["appsplus.problem"],
    ["appsplus.jsonl", "appsplus.wording"],
    ["appsplus.errors"],
]
SANDBOXED = (
    "worker compiler process stdin_runs call_runs program isolation seccomp inspection tracer probes values prelude"
    " frames insertion line_map compiling state landlock calibration begin kept mappings task template waiting rlimits"
    " placement root scratch"
).split()


def modules() -> list[Path]:
    found = [p for p in sorted(ROOT.glob("appsplus/**/*.py")) if "corpus" not in p.relative_to(ROOT).parts]
    return [*found, *sorted(ROOT.glob("appsplus_verifiers/**/*.py")), *sorted(ROOT.glob("stepcoder/**/*.py"))]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return names


def layer_of(name: str) -> tuple[int, str] | None:
    for depth, siblings in enumerate(LAYERS):
        for room in siblings:
            if name == room or name.startswith(f"{room}."):
                return depth, room
    return None


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_down_only(path: Path) -> None:
    here = layer_of(name_of(path))
    if here is None:
        assert name_of(path) == "appsplus", f"{name_of(path)} has no place among the layers"
        return
    for name in imported(path):
        there = layer_of(name)
        if there is not None and there[1] != here[1]:
            assert there[0] > here[0], f"{name_of(path)} imports {name}, which is not below it"


@pytest.mark.parametrize("module", SANDBOXED)
def test_what_runs_inside_the_sandbox_uses_the_standard_library_only(module: str) -> None:
    for name in imported(ROOT / "appsplus" / "judge" / f"{module}.py"):
        top = name.partition(".")[0]
        assert top in sys.stdlib_module_names or name.startswith("appsplus.judge"), name
        if name.startswith("appsplus.judge."):
            assert name.removeprefix("appsplus.judge.").partition(".")[0] in SANDBOXED, name


@pytest.mark.parametrize(
    "package", ["appsplus", "appsplus.judge", "appsplus.engine.ray_engine", "appsplus.conformance", "stepcoder"]
)
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    heavy = "torch transformers datasets starlette matplotlib pyarrow ray".split()
    code = f"import sys, {package}; print(*set(sys.modules).intersection({heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == ""


def test_the_citation_names_the_version_of_the_package() -> None:
    import tomllib

    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_no_module_has_grown_past_what_one_can_hold_in_the_head() -> None:
    long = {name_of(path): lines for path in modules() if (lines := path.read_text().count("\n")) > 370}
    assert long == {}
