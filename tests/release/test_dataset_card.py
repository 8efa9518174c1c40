"""The dataset card: every number from the manifest, every reason and column explained."""

import re
from dataclasses import replace

import pytest
from huggingface_hub import DatasetCard

from appsplus.problem import Reason, Rejection
from appsplus.release import FunnelStage, read_manifest
from appsplus.release.card import render_card, templates_folder
from appsplus.release.schema import CONFIGS


def card_data(text: str) -> dict:
    return DatasetCard(text).data.to_dict()


def test_the_template_is_found():
    assert (templates_folder() / "dataset_card.md.j2").is_file()


def test_the_front_matter_names_files_features_and_sizes(tmp_path, make_problem, make_rejected, make_dataset):
    folder = make_dataset(tmp_path / "appsplus", [(make_problem(), "train")], [make_rejected(license="MIT")])
    data = card_data((folder / "README.md").read_text())
    assert data["license"] == "mit"
    assert data["size_categories"] == ["n<1K"]
    assert data["configs"][0] == {
        "config_name": "default",
        "data_files": [{"split": "train", "path": "data/default/train-*.parquet"}],
    }
    subtasks = next(info for info in data["dataset_info"] if info["config_name"] == "subtasks")
    assert subtasks["splits"][0]["num_examples"] == 2
    assert subtasks["splits"][0]["num_bytes"] > 100
    assert subtasks["features"][0] == {"name": "problem_id", "dtype": "string"}


def test_several_licences_are_said_to_be_by_source(tmp_path, make_problem, make_dataset):
    problems = [(make_problem(), "train"), (make_problem(problem_id="b/1", source="b|c", license=""), "train")]
    text = (make_dataset(tmp_path / "appsplus", problems) / "README.md").read_text()
    assert card_data(text)["license"] == "other"
    assert "| APPS | MIT | 1 | 0 |" in text
    assert "| b\\|c | not stated | 1 | 0 |" in text


def test_the_licence_of_a_rejected_problem_whose_text_is_there_counts(
    tmp_path, make_problem, make_rejected, make_dataset
):
    rejected = make_rejected(license="CC-BY-NC-4.0", source="elsewhere", description="A text.")
    text = (make_dataset(tmp_path / "appsplus", [(make_problem(), "train")], [rejected]) / "README.md").read_text()
    assert card_data(text)["license"] == "other"
    assert "| elsewhere | CC-BY-NC-4.0 | 0 | 1 |" in text


def test_what_a_source_calls_itself_is_no_markup(tmp_path, make_problem, make_dataset):
    source = "![x](https://evil.example/t.png) a\\|b <img>"
    problems = [(make_problem(), "train"), (make_problem(problem_id="b/1", source=source), "train")]
    text = (make_dataset(tmp_path / "appsplus", problems) / "README.md").read_text()
    assert r"| \!\[x\]\(https://evil.example/t.png\) a\\\|b &lt;img> | MIT | 1 | 0 |" in text
    assert "![x](" not in text


def test_the_numbers_of_the_card_are_those_of_the_counts(tmp_path, make_problem, make_rejected, make_dataset):
    problems = [(make_problem(problem_id=f"apps/{i}"), "train") for i in range(3)]
    problems.append((make_problem(problem_id="apps/t", split="test", difficulty="interview"), "test"))
    text = (make_dataset(tmp_path / "appsplus", problems, [make_rejected()]) / "README.md").read_text()
    assert "\n4 Python programming problems" in text
    assert "| train | 3 | 6 |" in text
    assert "| test | 1 | 2 |" in text
    assert "| introductory | 3 | 0 | 0 |" in text
    assert "| interview | 0 | 0 | 1 |" in text
    assert "| stdin | 3 | 0 | 1 |" in text
    assert re.search(r"\| passing \| runs every .* \| 5 \| 4 \| 1 \|", text)
    assert "| `wrong_answer` | no solution gives the expected outputs | 1 |" in text
    assert "| isolation | strict |" in text
    assert "arXiv:2402.01391" in text


def test_every_reason_and_every_column_is_explained(tmp_path, make_problem, make_rejected, make_dataset):
    rejected = [make_rejected(problem_id=str(r), rejection=Rejection(r, "x")) for r in Reason]
    text = (make_dataset(tmp_path / "appsplus", [(make_problem(), "train")], rejected) / "README.md").read_text()
    for reason in Reason:
        assert re.search(rf"\| `{reason}` \| \w.* \| 1 \|", text)
    for schema, _ in CONFIGS.values():
        for name in schema.names:
            assert re.search(rf"^\| `{name}` \| \S.* \| \S.* \|$", text, re.MULTILINE)


def test_every_figure_of_the_card_exists_and_every_figure_is_shown(tmp_path, make_problem, make_dataset):
    folder = make_dataset(tmp_path / "appsplus", [(make_problem(), "train")])
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", (folder / "README.md").read_text())
    assert sorted(shown) == sorted(f"figures/{path.name}" for path in (folder / "figures").iterdir())


def test_facts_of_the_run_stay_out_of_the_card(tmp_path, make_problem, make_dataset):
    manifest = read_manifest(make_dataset(tmp_path / "appsplus", [(make_problem(), "train")]))
    assert render_card(replace(manifest, run={"host": "somewhere", "wall_s": 12.5})) == render_card(manifest)


def test_text_of_others_cannot_break_a_table(tmp_path, make_problem, make_dataset):
    problem = make_problem(source="a\n| <script>x</script> &amp; |")
    text = (make_dataset(tmp_path / "appsplus", [(problem, "train")]) / "README.md").read_text()
    assert "| a \\| &lt;script>x&lt;/script> &amp;amp; \\| | MIT | 1 |" in text


def test_a_dataset_without_rejections_or_problems_has_a_card(tmp_path, make_problem, make_dataset):
    text = (make_dataset(tmp_path / "a", [(make_problem(), "train")]) / "README.md").read_text()
    assert "No problem was rejected." in text
    assert 'load_dataset("appsplus", "rejected")' not in text
    empty = (make_dataset(tmp_path / "b") / "README.md").read_text()
    assert "\n0 Python programming problems" in empty


def test_an_unknown_reason_is_no_gap_in_the_card(tmp_path, make_problem, make_dataset):
    manifest = read_manifest(make_dataset(tmp_path / "appsplus", [(make_problem(), "train")]))
    with pytest.raises(KeyError):
        render_card(replace(manifest, funnel=(FunnelStage("passing", 2, 1, {"no_such_reason": 1}),)))
