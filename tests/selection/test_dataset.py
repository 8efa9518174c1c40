"""A dataset out of a dataset: what is kept, what is on record, and that everything else opens it as is."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import DatasetError, InputError
from appsplus.problem import Problem, Solution, Verdict
from appsplus.release import data_hash, folder_hash, load_problems, load_rejected, read_manifest
from appsplus.release.checks import check_dataset
from appsplus.release.leaks import Leaks
from appsplus.selection import SelectOptions, select
from appsplus.selection.embedding import embedded, text_of

TEXTS = (
    "Add two numbers and print the sum.",
    "Add two numbers, and print their sum.",  # nearly the first
    "Sort the names of the guests by age.",
    "Sort the names of guests by age, please.",  # nearly the third
    "Find the shortest path through the maze of mirrors.",
    "Count vowels in a line that ends with a bell.",
)


@pytest.fixture
def whole(tmp_path: Path, make_problem: Callable[..., Problem], make_rejected: Any, make_dataset: Any) -> Path:
    """Six problems in train, two of them nearly others; one in validation, one in test, one rejected."""

    def problem(number: int, text: str, **changes: Any) -> Problem:
        return make_problem(problem_id=f"apps/{number}", description=text, reference_cpu_s=0.5, **changes)

    train = [(problem(number, text), "train") for number, text in enumerate(TEXTS)]
    others = [(problem(10, "Held out."), "validation"), (problem(11, "Tested.", split="test"), "test")]
    run = {"reference_cpu_s": {f"apps/{n}": 0.25 for n in (*range(6), 10, 11)}, "finished": "2026-01-01"}
    folder: Path = make_dataset(tmp_path / "whole", [*train, *others], [make_rejected(license="MIT")], run=run)
    return folder


def ids(folder: Path, split: str) -> list[str]:
    return [problem.problem_id for problem in load_problems(folder, split)]


def test_the_nearly_equal_leave_first_and_other_splits_stay_whole(whole: Path, tmp_path: Path) -> None:
    found = select(whole, tmp_path / "out", SelectOptions("diversity", 0.67, clusters=1))
    assert (found.given, found.kept, found.clusters) == (6, 4, 1)
    assert ids(tmp_path / "out", "train") == ["apps/0", "apps/2", "apps/4", "apps/5"]
    for split in ("validation", "test"):
        assert list(load_problems(tmp_path / "out", split)) == list(load_problems(whole, split))
    assert {p.reference_cpu_s for p in load_problems(tmp_path / "out")} == {0.25}


def test_a_selection_is_trainable_as_it_is(whole: Path, tmp_path: Path) -> None:
    data = pytest.importorskip("stepcoder.data", reason="the trainer needs torch: pip install torch, then '.[train]'")
    select(whole, tmp_path / "out", SelectOptions("diversity", 0.5, clusters=1))
    assert [p.problem_id for p in data.load_split(str(tmp_path / "out"), "train")] == ids(tmp_path / "out", "train")


def test_what_is_not_chosen_is_on_record_and_the_books_balance(whole: Path, tmp_path: Path) -> None:
    select(whole, tmp_path / "out", SelectOptions("density", 0.5, clusters=1))
    rejected = {r.problem_id: r for r in load_rejected(tmp_path / "out")}
    assert len(rejected) == 1 + 3
    left_out = [r for r in rejected.values() if r.stage == "selected"]
    assert {r.rejection.reason.value for r in left_out} == {"not_selected"}
    for r in left_out:
        assert "the density at it was" in r.rejection.detail
        assert r.rejection.evidence["cluster"] == 0
    manifest = read_manifest(tmp_path / "out")
    last = manifest.funnel[-1]
    assert (last.stage, last.given, last.kept, last.rejected) == ("selected", 8, 5, {"not_selected": 3})
    recorded = manifest.options["select"]
    assert (recorded["method"], recorded["share"], recorded["seed"]) == ("density", 0.5, 0)
    assert (recorded["from"], recorded["kept"]) == (data_hash(whole), 3)
    assert "scikit-learn" in manifest.versions
    checked = check_dataset(tmp_path / "out", Leaks((tmp_path,), ()))
    assert checked.findings == ()
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Of the problems in train that hold, 3 were kept" in card
    assert "| `not_selected` | it holds; a selection of train left it out | 3 |" in card


def test_the_same_options_give_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        select(whole, tmp_path / name, SelectOptions(share=0.5, seed=3))
    assert folder_hash(tmp_path / "one") == folder_hash(tmp_path / "two")
    files = [p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file()]
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)


def test_a_share_of_one_keeps_all(whole: Path, tmp_path: Path) -> None:
    found = select(whole, tmp_path / "out", SelectOptions(share=1.0))
    assert (found.given, found.kept) == (6, 6)
    assert data_hash(tmp_path / "out") == data_hash(whole)
    assert read_manifest(tmp_path / "out").funnel[-1].rejected == {}


@pytest.mark.parametrize("clustering", ["kmeans", "hdbscan"])
def test_fewer_problems_than_clusters_are_no_trouble(whole: Path, tmp_path: Path, clustering: Any) -> None:
    options = SelectOptions(share=0.2, clustering=clustering, clusters=50 if clustering == "kmeans" else 0)
    assert select(whole, tmp_path / "out", options).kept == 1


def test_load_dataset_opens_it_as_is(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets import load_dataset

    select(whole, tmp_path / "out", SelectOptions(share=0.5))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    loaded = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(rows) for name, rows in loaded.items()} == {"train": 3, "validation": 1, "test": 1}
    rejected = load_dataset(str(tmp_path / "out"), "rejected", cache_dir=str(tmp_path / "cache"))
    assert len(rejected["rejected"]) == 4


def test_what_cannot_be_selected_from_is_refused(
    whole: Path, tmp_path: Path, make_problem: Any, make_dataset: Any
) -> None:
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"a share of 0.01 of 6 problems in train leaves none"):
        select(whole, out, SelectOptions(share=0.01))
    with pytest.raises(DatasetError, match="is not a folder"):
        select(tmp_path / "none", out, SelectOptions())
    only_test = make_dataset(tmp_path / "tests", [(make_problem(split="test"), "test")])
    with pytest.raises(DatasetError, match=r"the split train of .* is empty; there is nothing to select from"):
        select(only_test, out, SelectOptions())
    with pytest.raises(InputError, match="is the dataset itself; a selection does not replace it"):
        select(whole, whole, SelectOptions())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else than a dataset of ours"):
        select(whole, tmp_path / "other", SelectOptions())
    assert not out.exists()
    select(whole, out, SelectOptions())
    with pytest.raises(InputError, match="is a selection already; select from the dataset that it was made from"):
        select(out, tmp_path / "again", SelectOptions())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"method": "novelty"}, "--method novelty is not known; expected one of diversity, density"),
        ({"share": 0.0}, "--share must be above 0 and at most 1; got 0.0"),
        ({"share": float("nan")}, "got nan"),
        ({"clustering": "ward"}, "--clustering ward is not known; expected one of kmeans, hdbscan"),
        ({"clustering": "hdbscan", "clusters": 4}, "HDBSCAN finds how many there are"),
        ({"dimensions": 0}, "--dimensions 1; got 0, 0"),
        ({"embeddings": "glove"}, "--embeddings glove is not known; expected tfidf, or hf:ID"),
        ({"embeddings": "hf:"}, "--embeddings hf: is not known"),
    ],
)
def test_options_that_cannot_be_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        SelectOptions(**given)


def test_solutions_count_as_much_as_descriptions(make_problem: Callable[..., Problem]) -> None:
    one = make_problem()
    other = replace(one, solutions=(Solution("print(input())\n", Verdict.ACCEPTED),))
    assert text_of(one) != text_of(other)
    assert text_of(one).startswith("Say whether n is above two.\n\nn = int(input())")


def test_a_models_vectors_are_unit_means_and_are_asked_for_once(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="vectors of a model need torch: pip install '.[sample]'")
    pytest.importorskip("transformers", reason="vectors of a model need transformers: pip install '.[sample]'")
    import numpy as np
    from transformers import LlamaConfig, LlamaModel

    from stepcoder.data import new_tokenizer

    torch.manual_seed(0)
    tokenizer = new_tokenizer(list(TEXTS), 300)
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaModel(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    name, seen = f"hf:{tmp_path / 'model'}", []
    texts = [*TEXTS, *(f"{text} Again." for text in TEXTS), *(f"{text} And again." for text in TEXTS)]  # two batches
    first = embedded(texts, name, tmp_path / "cache", seen.append)
    assert first.shape == (18, 8)
    assert seen == [16, 18]
    assert np.linalg.norm(first, axis=1) == pytest.approx(np.ones(18), abs=1e-6)
    alone = embedded(texts[:1], name, None, seen.append)
    assert alone[0] == pytest.approx(first[0], abs=1e-5)  # padding to the longest text changes nothing
    kept = sorted((tmp_path / "cache" / "embeddings").iterdir())
    assert len(kept) == 2
    np.save(kept[0], np.zeros((16, 8), np.float32))
    np.save(kept[1], np.zeros((16, 8), np.float32))
    assert not embedded(texts, name, tmp_path / "cache", seen.append)[:16].any()  # the cache was asked, not the model
    with pytest.raises(InputError, match=r"--embeddings hf:/no/model cannot be loaded .*or use tfidf"):
        embedded(texts, "hf:/no/model", None, seen.append)


def test_a_selection_is_plain_json_in_its_manifest(whole: Path, tmp_path: Path) -> None:
    select(whole, tmp_path / "out", SelectOptions(share=0.5))
    document = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert set(document["options"]["select"]) == {
        *("method", "share", "embeddings", "clustering", "clusters", "dimensions", "seed", "from", "kept")
    }
