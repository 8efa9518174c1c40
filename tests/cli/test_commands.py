"""Every command does what README and --help promise, on standard output and nowhere else."""

import json
import re
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import typer.main

from appsplus import cli
from appsplus.cli import commands
from appsplus.judge import Job
from appsplus.judge import version as judge_version
from appsplus.pipeline import STAGES
from appsplus.problem import IOFormat, UnitTest
from appsplus.release import data_hash, folder_hash, load_rejected, read_manifest
from stepcoder import cli as stepcoder_cli

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SMALL = ["train/0000", "train/0911", "train/0941"]  # kept, rejected, repaired
BEST_EFFORT = ["--isolation", "best-effort"]

Run = Callable[..., Any]


def lines_of_readme() -> list[list[str]]:
    """The words of every line with a command of ours in README's code blocks."""
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    commands = [part for block in blocks for line in block.splitlines() for part in line.split("&&")]
    words = [shlex.split(command, comments=True) for command in commands]
    return [line for line in words if line[:1] in (["appsplus"], ["stepcoder"])]


def commands_of(program: str) -> dict[str, Any]:
    app = {"appsplus": commands.app, "stepcoder": stepcoder_cli.app}[program]
    found: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return found


def leaves(commands: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Commands by their full names: those of a group instead of the group."""
    found = {}
    for name, command in commands.items():
        inside = getattr(command, "commands", None)
        found |= leaves(inside, f"{above}{name} ") if inside else {f"{above}{name}": command}
    return found


def test_every_command_and_option_in_the_readme_exists() -> None:
    lines = lines_of_readme()
    assert len(lines) >= 10
    for program, command, *words in lines:
        known = leaves(commands_of(program))
        found = known.get(f"{command} {words[0]}") if words and command not in known else known[command]
        assert found is not None, f"{program} {command} {words[0]}"
        options = {name for parameter in found.params for name in parameter.opts}
        used = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert used <= options, f"{program} {command}"
    for program, command in re.findall(r"`(appsplus|stepcoder) ([a-z-]+)", README):
        assert command in commands_of(program)


def test_the_readme_and_the_docstring_name_every_command() -> None:
    documented = {command for program, command, *_ in lines_of_readme() if program == "appsplus"}
    documented |= set(re.findall(r"`appsplus ([a-z-]+)", README))
    assert documented == commands_of("appsplus").keys()
    assert set(re.findall(r"^    ([\w-]+) +cli\.", cli.__doc__ or "", re.MULTILINE)) == documented


_RUN_ELSEWHERE = (
    "build merge judge-conformance review evaluate compare results leaderboard export sample contamination select"
    " train sft report ablate prm"
).split()


@pytest.mark.parametrize(
    "line", [line[1:] for line in lines_of_readme() if line[1] not in _RUN_ELSEWHERE], ids=" ".join
)
def test_the_readmes_commands_on_a_dataset_run(
    line: list[str], embedded: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    for name in ("appsplus", "mine"):
        (tmp_path / "out" / name).symlink_to(embedded)
    (tmp_path / "verification").symlink_to(ROOT / "verification")
    if line[0] == "curriculum":
        monkeypatch.setattr(commands, "app", stepcoder_cli.app)
    if line[0] == "judge":
        Path(line[3]).write_text(_canonical_solution(embedded, line[2]))
        line = [*line, *BEST_EFFORT]
    ran = run(*line)
    assert ran.err == ""
    assert ran.out.strip()
    assert ran.status == 0 or (line[0] == "doctor" and "not available" in ran.out)


def _canonical_solution(folder: Path, problem_id: str) -> str:
    from appsplus.release import find_problem

    return find_problem(folder, problem_id).canonical_solution


def test_without_a_command_the_help_is_shown(run: Run) -> None:
    ran = run()
    assert "Commands:" in ran.out + ran.err
    assert ran.status == 2


def test_the_version_is_the_packages(run: Run) -> None:
    from importlib import metadata

    ran = run("--version")
    assert (ran.status, ran.out, ran.err) == (0, f"{metadata.version('appsplus')}\n", "")


@pytest.mark.parametrize("program", ["appsplus", "stepcoder"])
def test_the_help_documents_every_command_and_option(program: str) -> None:
    for name, command in leaves(commands_of(program)).items():
        assert command.help, name
        for parameter in command.params:
            assert parameter.help, f"{program} {name} {parameter.name}"


@pytest.mark.parametrize("command", ["build", "stats", "show", "explain", "judge", "doctor", "cache"])
def test_the_help_of_a_command_shows_every_option(command: str, run: Run) -> None:
    ran = run(command, "--help")
    assert (ran.status, ran.err) == (0, "")
    for parameter in commands_of("appsplus")[command].params:
        for option in parameter.opts if parameter.param_type_name == "option" else [parameter.metavar]:
            assert option in ran.out


def test_a_build_ends_with_the_books_and_what_to_do_next(
    run: Run, some_of_the_corpus: Callable[[Iterable[str]], Path], tmp_path: Path
) -> None:
    out = tmp_path / "built"
    ran = run("build", some_of_the_corpus(SMALL), "--out", out, "--workers", 2, "--no-cache", *BEST_EFFORT)
    assert ran.status == 0
    told = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert told[:3] == ["stage given kept rejected", "read 3 3 the record has the shape of a problem", told[2]]
    assert "complete 3 2 1 interactive_or_file_io" in told
    assert "Kept 2 of 3 problems: train 2, validation 0, test 0." in told
    assert "Rejected 1, each with its reason and the evidence." in told
    assert f'problems = load_dataset("{out}")' in told
    for command in (f"show {out} corpus/train/0000", f"explain {out} corpus/train/0911"):
        assert f"appsplus {command}" in told
        assert run(*command.split()).status == 0
    assert [line for line in ran.out.splitlines() if len(line) > 80 and str(out) not in line] == []
    assert ran.err.splitlines()[0].startswith("judging: 3 problems: 2 kept, 1 rejected")


def test_a_build_prints_one_json_document(
    run: Run, some_of_the_corpus: Callable[[Iterable[str]], Path], tmp_path: Path
) -> None:
    out = tmp_path / "built"
    ran = run("build", some_of_the_corpus(SMALL), "--out", out, "--cache-dir", tmp_path / "c", "--json", *BEST_EFFORT)
    assert ran.status == 0
    answer = json.loads(ran.out)
    assert answer["path"] == str(out)
    assert answer["hash"] == folder_hash(out)
    assert answer["manifest"] == read_manifest(out).to_json() | {"funnel": answer["manifest"]["funnel"]}
    assert answer["manifest"]["funnel"][-1]["kept"] == 2


def test_a_build_of_nothing_but_flaws_offers_the_rejected_ones(
    run: Run, some_of_the_corpus: Callable[[Iterable[str]], Path], tmp_path: Path
) -> None:
    out = tmp_path / "built"
    ran = run("build", some_of_the_corpus(["train/0911"]), "--out", out, "--no-cache", *BEST_EFFORT)
    assert ran.status == 0
    assert "Kept 0 of 1 problems" in ran.out
    assert f'load_dataset("{out}", "rejected")' in ran.out
    assert f'load_dataset("{out}")' not in ran.out
    assert "appsplus show" not in ran.out
    assert run("stats", out).status == 0


def test_without_a_cache_nothing_is_remembered_and_nothing_judged_twice(
    run: Run, some_of_the_corpus: Callable[[Iterable[str]], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    corpus = some_of_the_corpus(SMALL)
    runs = []
    for options in (["--no-cache"], ["--no-cache"], ["--cache-dir", tmp_path / "cache"]):
        ran = run("build", corpus, "--out", tmp_path / "built", "--json", *options, *BEST_EFFORT)
        facts = json.loads(ran.out)["manifest"]["run"]
        runs.append((facts["judged"], facts["cached"]))
    assert runs[0] == runs[1] == runs[2]
    assert runs[0][1] > 0  # `passing` asks what `normalized` has asked
    assert not (tmp_path / "xdg").exists()


def test_stats_say_what_a_dataset_holds(run: Run, embedded: Path) -> None:
    ran = run("stats", embedded)
    assert ran.status == 0
    counts = read_manifest(embedded).counts
    splits = ", ".join(f"{split} {counts['splits'][split]}" for split in ("train", "validation", "test"))
    assert f"{counts['problems']} problems ({splits}), {counts['rejected']} rejected" in ran.out
    assert "2 missing_solution" in ran.out
    assert ran.out.splitlines()[-2:] == [f"hash {folder_hash(embedded)}", f"of its problems {data_hash(embedded)}"]
    answer = json.loads(run("stats", embedded, "--json").out)
    assert (answer["hash"], answer["data_hash"]) == (folder_hash(embedded), data_hash(embedded))
    assert answer["counts"] == counts
    assert [row["stage"] for row in answer["funnel"]][:2] == ["read", "corrected"]


def test_show_has_the_coverage_gutter_and_the_split_points(run: Run, embedded: Path) -> None:
    ran = run("show", embedded, "corpus/train/0102")
    assert ran.status == 0
    lines = [line.rstrip() for line in ran.out.splitlines()]
    assert "interview · train · stdin · 11 unit tests · 2 solutions" in ran.out
    assert re.search(r"^ *16 +11 +while coming < n or waiting: +while$", ran.out, re.MULTILINE)
    assert re.search(r"^ *30 +8 +continue$", "\n".join(lines), re.MULTILINE)
    assert "... and 8 more" in lines
    answer = json.loads(run("show", embedded, "corpus/train/0102", "--json").out)
    assert answer["problem_id"] == "corpus/train/0102"
    assert len(answer["content_hash"]) == 64
    assert len(answer["annotation"]["executed_lines"]) == 11


def test_explain_follows_a_kept_problem_to_the_end(run: Run, embedded: Path) -> None:
    ran = run("explain", embedded, "corpus/train/0944")
    assert ran.status == 0
    assert [line.split()[:2] for line in ran.out.splitlines()[1:]] == [["✓", stage.name] for stage in STAGES]
    assert "line_ends_normalized" in ran.out
    answer = json.loads(run("explain", embedded, "corpus/train/0944", "--json").out)
    assert (answer["kept"], answer["evidence"]) == (True, None)
    details = {stage["stage"]: stage["detail"] for stage in answer["stages"]}
    assert details["passing"].startswith("solution 0 is the canonical one")
    assert "split points" in details["annotated"]


def test_explain_follows_a_rejected_problem_to_where_it_left(run: Run, embedded: Path) -> None:
    ran = run("explain", embedded, "corpus/train/0924")
    assert ran.status == 0
    marks = [line.split()[:2] for line in ran.out.splitlines() if line[1:2] in ("✓", "✗")]
    assert marks[-1] == ["✗", "passing"]
    assert "nondeterministic: solution 0 passes every unit test" in ran.out
    answer = json.loads(run("explain", embedded, "corpus/train/0924", "--json").out)
    assert answer["kept"] is False
    assert [stage["outcome"] for stage in answer["stages"]] == ["kept"] * (len(marks) - 1) + ["rejected"]
    assert answer["evidence"]["solutions_run"] == 2


def test_explain_knows_every_rejected_problem(run: Run, embedded: Path) -> None:
    for rejected in load_rejected(embedded):
        ran = run("explain", embedded, rejected.problem_id)
        assert ran.status == 0
        assert rejected.rejection.reason.value in ran.out


def test_judge_accepts_the_canonical_solution_and_shows_its_lines(run: Run, embedded: Path, tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text(_canonical_solution(embedded, "corpus/train/0102"))
    ran = run("judge", embedded, "corpus/train/0102", program, *BEST_EFFORT)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == "accepted: 11 of 11 unit tests passed"
    assert len(re.findall(r"^ *\d+ +accepted +[\d.]+ +\d+", ran.out, re.MULTILINE)) == 11
    ran = run("judge", embedded, "corpus/train/0102", program, "--coverage", "--json", *BEST_EFFORT)
    answer = json.loads(ran.out)
    assert (ran.status, answer["verdict"], answer["problem_id"]) == (0, "accepted", "corpus/train/0102")
    kept = json.loads(run("show", embedded, "corpus/train/0102", "--json").out)["annotation"]
    assert [t["executed_lines"] for t in answer["unit_tests"]] == kept["executed_lines"]
    assert answer["executable_lines"] == kept["executable_lines"]
    assert {"verdict", "cpu_s", "wall_s", "peak_mib"} <= answer["unit_tests"][0].keys()
    assert {"namespaces", "seccomp"} <= answer["isolation"].keys()
    assert set(answer["missing"]) >= {name for name, holds in answer["isolation"].items() if not holds}
    assert answer["judge"] == judge_version()


def test_judge_exits_with_1_where_a_program_is_wrong(run: Run, embedded: Path, tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text("print('[red]nonsense')\n")
    ran = run("judge", embedded, "corpus/train/0102", program, *BEST_EFFORT)
    assert (ran.status, ran.err) == (1, "")
    assert "wrong_answer: 0 of 11 unit tests passed" in ran.out
    assert "[red]nonsense" in ran.out
    program.write_text("print(1 / 0)\n")
    ran = run("judge", embedded, "corpus/train/0102", program, "--json", *BEST_EFFORT)
    answer = json.loads(ran.out)
    assert (ran.status, answer["verdict"]) == (1, "run_time_error")
    assert answer["unit_tests"][0]["error"].startswith("ZeroDivisionError")


def test_doctor_says_what_is_in_force(run: Run) -> None:
    ran = run("doctor", "--json")
    answer = json.loads(ran.out)
    assert ran.status == (0 if answer["strict"] else 1)
    rungs = {"namespaces", "root", "proc", "user", "no_new_privs", "seccomp", "landlock", "rlimits", "cgroup"}
    assert answer["isolation"].keys() == rungs
    assert answer["calibration"] > 0
    assert answer["isolation"]["rlimits"] is True
    assert answer["cpus"] >= 1
    assert "pyarrow" in answer["libraries"]
    told = run("doctor")
    assert told.status == ran.status
    for name in (*answer["isolation"], "python", "kernel", "libraries"):
        assert name in told.out


def test_doctor_judges_a_program_and_says_so_where_that_fails(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appsplus.cli.programs._PLAIN", Job("print(2)", IOFormat.STDIN, (UnitTest("", "1"),)))
    ran = run("doctor")
    assert ran.status == 1
    assert "a program that prints 1 gets wrong_answer here" in ran.err


def test_the_cache_is_shown_and_cleared(run: Run, tmp_path: Path) -> None:
    from appsplus.engine import Cache
    from appsplus.judge import Inspection

    with Cache(tmp_path / "c") as cache:
        cache.store("a", Inspection())
        cache.store("b", Inspection())
    ran = run("cache", "--cache-dir", tmp_path / "c")
    assert (ran.status, ran.err) == (0, "")
    assert re.fullmatch(rf"{tmp_path}/c/judged.sqlite: 2 answers, [\d.]+ MB\n", ran.out)
    answer = json.loads(run("cache", "--cache-dir", tmp_path / "c", "--clear", "--json").out)
    assert answer | {"bytes": 0} == {
        "path": str(tmp_path / "c" / "judged.sqlite"),
        "answers": 0,
        "bytes": 0,
        "cleared": 2,
    }
    assert "0 answers" in run("cache", "--cache-dir", tmp_path / "c").out
