"""The whole experiment, small: what it leaves, that it goes on from anywhere, and what it refuses."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from appsplus.errors import InputError
from stepcoder import cli, ppo, run
from stepcoder.ablation import plots, runs
from stepcoder.ablation.arms import ARMS, SUITES
from stepcoder.ablation.experiment import ablate
from stepcoder.ablation.plan import NOT_CHOSEN, PRESETS, AblationConfig, completions_an_update
from stepcoder.ablation.reward_model import cost_of
from stepcoder.config import configured
from stepcoder.data import evenly
from stepcoder.errors import ConfigError
from stepcoder.saved_config import read_config
from tests.benchmarks.scripts import script

K = range(1, 9)
COMPARED = SUITES["stepcoder"]


def smoke(**changes: Any) -> AblationConfig:
    given = {"workers": 1, "judge_workers": 1, "isolation": "best-effort"} | changes
    return configured(AblationConfig, "smoke", given, PRESETS)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment with every method; nothing here may change it."""
    out = tmp_path_factory.mktemp("ablation") / "out"
    ablate(out, smoke())
    return out


def test_every_method_is_trained_from_the_same_warm_up_and_judged_on_the_held_out_problems(finished: Path) -> None:
    numbers = json.loads((finished / "table.json").read_text())
    assert list(numbers["methods"]) == list(COMPARED)
    for method, found in numbers["methods"].items():
        assert (found["problems"], list(found["by_group"])) == (len(K), [str(k) for k in K])
        assert sum(found["outcomes"].values()) == pytest.approx(1)
        updates = [update for update, _ in found["curve"]]
        assert updates == ([0] if method == "sft" else [0, 1, 2])
        outcomes = json.loads((finished / "seed-0" / method / "test.json").read_text())
        assert set(outcomes) == {f"family/test/k{k}-0001" for k in K}
        if method != "sft":
            config, _ = read_config(run.TrainConfig, finished / "seed-0" / method)
            assert (config.method, config.model) == (method, str(finished / "seed-0" / "sft" / "final"))
            lines = [json.loads(x) for x in (finished / "seed-0" / method / "metrics.jsonl").read_text().splitlines()]
            assert [line["update"] for line in lines] == [1, 2]
    assert numbers["of"]["options"]["updates"] == 2
    for name in ("table.md", "curves.svg", "by_group.svg", "outcomes.svg"):
        assert (finished / name).stat().st_size > 0


def test_what_is_recorded_of_runs_has_their_numbers_and_is_gone_on_from(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_maker = script("docs/make_learning_page.py")
    packed, out = tmp_path / page_maker.ARCHIVE, tmp_path / "elsewhere"
    page_maker.archive(finished, packed)
    page_maker.results(packed, out)
    numbers = json.loads((finished / "table.json").read_text())
    assert json.loads((out / "table.json").read_text()) == numbers
    [made_by] = numbers["of"]["made_by"]
    assert (made_by["seeds"], made_by["torch"]) == ([0], torch.__version__)
    assert made_by["cpu"].endswith(f" with {torch.backends.cpu.get_cpu_capability()}")
    assert f" CPUs, {made_by['cpu']}.\n" in page_maker.section(numbers)
    assert not any(str(finished) in path.read_text() for path in out.rglob("*.json*"))
    shutil.copytree(finished / "data", out / "data")
    monkeypatch.setattr(runs, "do", None)
    ablate(out, smoke())
    again = tmp_path / "again.tar.xz"
    page_maker.archive(out, again)
    assert again.read_bytes() == packed.read_bytes()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"completions_per_problem": 1}, "compares the completions of a prompt"),
        ({"mask_values": True}, "learns no values, so there is no value loss to mask"),
        ({"value_coef": 0.0}, "--critic separate: with --value-coef 0"),
    ],
)
def test_what_one_arm_cannot_be_is_refused_before_any_begins(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        smoke(suite="methods", **given)
    smoke(**given)  # StepCoder's arms can


def test_arms_without_truth_learn_from_verdicts_alone() -> None:
    suite = smoke(suite="methods", ground_truth_coef=0.5)
    for name, coefficient in (("coderl", 1.0), ("coderl-rl", 0.0), ("rltf", 1.0), ("rltf-rl", 0.0), ("ppo", 0.5)):
        assert suite.run(name, 0, Path("model")).ground_truth_coef == coefficient


def test_curricula_of_start_states_differ_in_nothing_else() -> None:
    suite = smoke(suite="starts")
    plain = asdict(suite.run("ppo", 0, Path("model")))
    for name, start in (("ppo+cccs", "cccs"), ("ppo+r3", "r3"), ("ppo+adaback", "adaback")):
        of_arm = suite.run(name, 0, Path("model"))
        assert of_arm.curriculum.name == start
        assert asdict(of_arm) == plain | {"method": name}


def test_every_arm_of_every_suite_can_be_drawn_and_no_two_of_a_suite_look_alike() -> None:
    for suite in SUITES.values():
        assert len({plots._COLORS[name] for name in suite}) == len(suite)


def test_the_guard_of_the_dense_reward_is_no_option_of_an_experiment() -> None:
    assert {"prm_drop_gap", "prm_gap_updates"} <= NOT_CHOSEN


def test_a_seed_that_is_not_whole_is_not_recorded(finished: Path, tmp_path: Path) -> None:
    page_maker = script("docs/make_learning_page.py")
    out = tmp_path / "out"
    shutil.copytree(finished, out, ignore=shutil.ignore_patterns("checkpoints", "best"))
    (out / "seed-0" / "stepcoder" / "test.json").unlink()
    with pytest.raises(InputError, match="no seed of which all runs are done; go on with: stepcoder ablate --out"):
        page_maker.archive(out, tmp_path / page_maker.ARCHIVE)


def test_the_same_command_goes_on_from_where_it_was(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in the middle of a run; then nothing that was done is done again, and the numbers are the same."""
    out = tmp_path / "out"
    out.mkdir()
    shutil.copytree(finished / "data", out / "data")
    for name in ("config.json", runs.PROBLEMS):
        shutil.copy(finished / name, out)
    learned, calls = ppo._learned, 0

    def interrupted(trainer: Any, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        trainer.interruption.asked = calls == 3  # in the first update of the second method
        return learned(trainer, *arguments)

    methods = {"methods": "sft,ppo,stepcoder"}
    with monkeypatch.context() as patched:
        patched.setattr(ppo, "_learned", interrupted)
        with pytest.raises(runs.InterruptedRunError):
            ablate(out, smoke(**methods))
    partial = json.loads((out / "table.json").read_text())
    assert list(partial["methods"]) == ["sft", "ppo"]
    stamp = (out / "seed-0" / "ppo" / "test.json").stat().st_mtime_ns
    ablate(out, smoke(**methods))
    assert (out / "seed-0" / "ppo" / "test.json").stat().st_mtime_ns == stamp
    for method in ("sft", "ppo", "stepcoder"):
        one, other = (json.loads((x / "seed-0" / method / "test.json").read_text()) for x in (out, finished))
        assert one == other


def test_two_runs_at_once_give_what_one_after_the_other_gives(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("data", "seed-0"):
        shutil.copytree(finished / name, out / name)
    for method in ("ppo", "stepcoder"):
        shutil.rmtree(out / "seed-0" / method)
    for name in ("config.json", runs.PROBLEMS):
        shutil.copy(finished / name, out)
    ablate(out, smoke(workers=2))
    for method in ("ppo", "stepcoder"):
        one, other = (json.loads((x / "seed-0" / method / "test.json").read_text()) for x in (out, finished))
        assert one == other


def test_other_options_than_it_was_begun_with_are_refused_but_more_seeds_are_not(tmp_path: Path) -> None:
    runs.begin(tmp_path / "out", smoke())
    with pytest.raises(InputError, match=r"was begun with --updates 2, not 3; go on with the options"):
        runs.begin(tmp_path / "out", smoke(updates=3))
    runs.begin(tmp_path / "out", smoke(seeds=4, methods="sft,ppo"))
    assert read_config(AblationConfig, tmp_path / "out")[0] == smoke(seeds=4, methods="sft,ppo")
    (tmp_path / "out" / runs.PROBLEMS).write_text("those of yesterday")
    with pytest.raises(InputError, match=r"was begun with other problems"):
        runs.begin(tmp_path / "out", smoke())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"is there, and is no experiment"):
        runs.begin(tmp_path / "other", smoke())


def test_two_commands_do_not_work_in_one_folder(tmp_path: Path) -> None:
    refused = pytest.raises(InputError, match="another `stepcoder ablate` works in")
    with runs.alone(tmp_path), refused, runs.alone(tmp_path):
        pass
    with runs.alone(tmp_path):
        pass


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"methods": "ppo,grpo"}, "--methods ppo,grpo is not known; expected some of sft,ppo"),
        ({"suite": "best"}, "--suite best is not known; expected one of stepcoder, methods, starts"),
        ({"suite": "methods", "methods": "ppo,ppo+fgo"}, "is not known; expected some of sft,ppo,grpo"),
        ({"suite": "methods", "prm_checkpoints": 3}, "--prm-checkpoints 3 is more than the 2 updates of a run"),
        ({"prm_k": 0}, "--prm-k must be at least 1; got 0"),
        ({"seeds": 0}, "--seeds must be at least 1; got 0"),
        ({"workers": -1}, "--workers must be at least 0; got -1"),
        ({"gamma": 2.0}, "--gamma must lie between 0 and 1"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_its_flag(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        smoke(**given)


def test_the_command_has_the_experiment_s_values_and_no_flag_for_what_it_decides() -> None:
    shown = CliRunner().invoke(cli.app, ["ablate", "--help"], terminal_width=300, env={"COLUMNS": "300"}).output
    assert "--methods" in shown
    assert "--seed " not in shown
    experiment = configured(AblationConfig, "experiment", {}, PRESETS)
    assert (experiment.seeds, experiment.compared) == (5, COMPARED)
    runs_of = [experiment.run(method, 3, Path("model")) for method in COMPARED[1:]]
    same = [{k: v for k, v in asdict(c).items() if k != "method"} for c in runs_of]
    assert all(c == same[0] for c in same)  # the budget, too
    assert {c.seed for c in runs_of} == {3}


@pytest.fixture(scope="module")
def methods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite methods, every arm of it; nothing here may change it."""
    out = tmp_path_factory.mktemp("methods") / "out"
    ablate(out, smoke(suite="methods"))
    return out


def test_the_suite_of_methods_runs_every_arm_within_the_same_budget(methods: Path) -> None:
    numbers = json.loads((methods / "table.json").read_text())
    assert list(numbers["methods"]) == list(SUITES["methods"])
    config = smoke(suite="methods")
    assert config.budget == 16
    cost = cost_of(methods / "seed-0" / "prm")
    assert cost is not None
    assert 1 <= cost.programs <= cost.completions < 16
    for name, found in numbers["methods"].items():
        arm, of_run = ARMS[name], found["spent"]
        if name == "sft":
            assert of_run is None
            continue
        run_config, _ = read_config(run.TrainConfig, methods / "seed-0" / name)
        assert run_config.method == arm.method
        assert bool(run_config.dense_reward) == arm.dense_reward
        assert bool(run_config.value_init) == arm.value_init
        labels = cost.completions if arm.prm else 0
        an_update = completions_an_update(run_config)
        assert run_config.updates == (16 - labels) // an_update >= 1
        assert (of_run["labelling"], of_run["completions"]) == (labels, labels + run_config.updates * an_update)
        assert 16 - an_update < of_run["completions"] <= 16
        assert of_run["of_labelled_run"] == (16 if arm.prm else 0)
        assert of_run["programs"] > 0
        assert of_run["wall_s"] > 0
        assert found["completions"] == {"an_update": an_update, "before": labels}
    assert numbers["methods"]["coderl"]["completions"]["an_update"] == 8 + 2  # a greedy completion a problem
    assert {(d["of"], d["from"]) for d in numbers["differences"]} >= {("prm-both", "prm-dense"), ("stepcoder", "ppo")}
    page = (methods / "table.md").read_text()
    assert "| StepCoder + PRM | 1 |" in page
    head = "| mean of a run | completions | of them for labels | beside them: of the labelled run | programs judged |"
    assert head in page
    assert sum(cost.labels.values()) > 0
    assert f"| 0 | {cost.labels.get('+1', 0)} | {cost.labels.get('-1', 0)} | {cost.held_out['line_ends']} |" in page


def test_what_is_long_is_counted_in_tokens_of_the_canonical_solution(methods: Path) -> None:
    lengths = json.loads((methods / "seed-0" / "sft" / "lengths.json").read_text())
    long = sum(tokens > 100 for tokens in lengths.values())
    found = json.loads((methods / "table.json").read_text())["methods"]["ppo"]["by_length"]
    problems = {name: part and part["problems"] for name, part in found.items()}
    assert problems == {"over 100 tokens": long or None, "up to 100 tokens": (len(lengths) - long) or None}


def test_the_suite_goes_on_with_what_is_missing_and_labels_nothing_twice(methods: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(methods, out)
    for name in ("prm/model", "prm-both", "grpo"):
        shutil.rmtree(out / "seed-0" / name)
    (out / "seed-0" / "prm" / "cost.json").unlink()
    options = out / "seed-0" / "prm" / "labels" / "config.json"
    options.write_text(options.read_text().replace(str(methods), str(out)))  # as if it had been begun here
    labels = json.loads((methods / "seed-0" / "prm" / "cost.json").read_text())
    written = sorted((out / "seed-0" / "prm" / "labels").rglob("*.parquet"))
    stamps = [path.stat().st_mtime_ns for path in written]
    ablate(out, smoke(suite="methods", methods="sft,ppo,grpo,prm-both"))
    again = json.loads((out / "seed-0" / "prm" / "cost.json").read_text())
    assert [again[name] for name in ("completions", "programs")] == [
        labels[name] for name in ("completions", "programs")
    ]
    assert written
    assert [path.stat().st_mtime_ns for path in written] == stamps
    assert list(json.loads((out / "table.json").read_text())["methods"]) == ["sft", "ppo", "grpo", "prm-both"]
    for name in ("grpo", "prm-both"):
        one, other = (json.loads((x / "seed-0" / name / "test.json").read_text()) for x in (out, methods))
        assert one == other


def test_an_arm_with_labels_brings_the_run_that_is_labelled(tmp_path: Path) -> None:
    asked = smoke(suite="methods", methods="prm-dense,grpo", seeds=2)
    found = [[(job.method, job.seed) for job in group] for group in runs.jobs(tmp_path, asked)]
    assert found == [
        [("sft", 0), ("sft", 1)],
        [("ppo", 0), ("grpo", 0), ("ppo", 1), ("grpo", 1)],
        [("prm", 0), ("prm", 1)],
        [("prm-dense", 0), ("prm-dense", 1)],
    ]
    plain = runs.jobs(tmp_path, smoke(suite="methods", methods="sft,grpo"))
    assert [[job.method for job in group] for group in plain] == [["sft"], ["grpo"]]
    assert asked.run("ppo", 0, Path("model")).keep_policies == 1


def test_labels_that_leave_less_than_an_update_are_refused() -> None:
    asked = smoke(suite="methods")
    run_of_prm = asked.run("prm-dense", 0, Path("model"), reward_model=Path("prm"), labelling=8)
    assert (run_of_prm.updates, run_of_prm.prm, run_of_prm.critic) == (1, "prm", "shared")
    with pytest.raises(ConfigError, match=r"labels of PRM dense took 9 of the 16 completions .* lower --prm-problems"):
        asked.run("prm-dense", 0, Path("model"), reward_model=Path("prm"), labelling=9)


def test_problems_are_labelled_evenly_over_all_numbers_of_branches() -> None:
    assert evenly("abcdefgh", 4) == ["a", "c", "e", "g"]
    assert evenly("abc", 8) == evenly("abc", 0) == ["a", "b", "c"]
    assert evenly("abcdefgh", 3) == ["a", "c", "f"]


def test_problems_that_no_completion_could_solve_are_refused() -> None:
    runs._refuse_too_long({"a": 20, "b": 30}, 31)
    with pytest.raises(InputError, match="solution of b has 30 tokens, and --max-completion-tokens 30"):
        runs._refuse_too_long({"a": 20, "b": 30}, 30)


def test_a_worker_that_was_asked_to_stop_does_not_begin_what_it_was_handed_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[runs.Job] = []

    def interrupted(job: runs.Job, _config: AblationConfig) -> None:
        begun.append(job)
        raise runs.InterruptedRunError

    monkeypatch.setattr(runs, "do", interrupted)
    monkeypatch.setattr(runs, "_stopped", False)
    first, second = (runs.Job(tmp_path, "ppo", seed) for seed in (0, 1))
    for job in (first, second):
        with pytest.raises(runs.InterruptedRunError):
            runs._do_here(job, AblationConfig())
    assert begun == [first]
