"""What the policy reads and what supervised training teaches: prompts, packed rows, offsets, and what is refused."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("transformers", reason="the trainer's tests need transformers: pip install '.[train]'")

from hub_stand_in import Hub
from tokenizers import normalizers

from appsplus.errors import DatasetError, InputError, SourceError
from appsplus.evaluation.extraction import Program, extract
from appsplus.problem import Problem
from appsplus.release.fetched import dataset_folder
from stepcoder import data
from stepcoder.config import SftConfig
from stepcoder.data import (
    Tokens,
    check_tokenizer,
    is_teachable,
    load_split,
    new_tokenizer,
    packed,
    packed_rows,
    prompt_for,
    prompt_ids,
    sft_example,
    token_offsets,
    tokenizer_texts,
)
from stepcoder.policy import Policy, new_model
from stepcoder.sft import learning_rate_share, sft_loss


def tiny_policy(tokenizer: object) -> Policy:
    torch.manual_seed(0)
    sizes = SftConfig(hidden_size=32, layers=2, heads=2, max_prompt_tokens=64, max_completion_tokens=64)
    policy = Policy(new_model(sizes, tokenizer))
    for p in policy.lm.parameters():  # far from uniform, so that a wrong mask shows
        torch.nn.init.normal_(p, std=0.3)
    return policy


def test_a_prompt_ends_with_the_prefix_in_an_open_block_of_code(problems: list[Problem]) -> None:
    tokenizer = new_tokenizer(tokenizer_texts(problems), 400)
    assert prompt_for(problems[2], "n = int(", tokenizer) == "Question 2: is n above two?\n\n```python\nn = int("


def test_a_chat_template_wraps_the_description_and_begins_the_answer(problems: list[Problem]) -> None:
    tokenizer = new_tokenizer(tokenizer_texts(problems), 400)
    tokenizer.chat_template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    prompt = prompt_for(problems[0], "n = 1", tokenizer)
    assert prompt.startswith("<user>Solve the problem")
    assert prompt.endswith("Question 0: is n above two?\n\n</user><assistant>```python\nn = 1")
    assert tokenizer.decode(prompt_ids(problems[0], "n = 1", tokenizer)) == prompt


def test_what_is_taught_is_what_the_judge_extracts(problems: list[Problem]) -> None:
    tokenizer = new_tokenizer(tokenizer_texts(problems), 400)
    example = sft_example(problems[1], tokenizer)
    completion = tokenizer.decode(example.ids[example.prompt :], skip_special_tokens=True)
    found = extract(completion, "", fence_open=True)
    assert isinstance(found, Program)
    assert found.text.strip() == problems[1].canonical_solution.strip()
    assert example.ids[-1] == tokenizer.eos_token_id


def test_a_prefix_cut_at_a_statement_ends_with_a_token_of_the_whole_program(problems: list[Problem]) -> None:
    code = "for i in range(3):\n    while i:\n        if i > 1:\n            print(i)\n"
    tokenizer = new_tokenizer([code], 400)
    whole = tokenizer(code)["input_ids"]
    for word in ("while", "if", "print"):
        prefix = tokenizer(code[: code.index(word)])["input_ids"]
        assert whole[: len(prefix)] == prefix


def test_rows_hold_every_example_once_and_no_more_than_fits() -> None:
    examples = [Tokens(tuple(range(n)), 1) for n in (3, 9, 4, 6, 2, 8, 12)]
    rows = packed(examples, 10, random.Random(0))
    assert sorted(len(e.ids) for row in rows for e in row) == [2, 3, 4, 6, 8, 9, 12]
    assert all(sum(len(e.ids) for e in row) <= 10 or len(row) == 1 for row in rows)
    assert len(rows) < len(examples)


def test_packed_examples_do_not_see_each_other(problems: list[Problem]) -> None:
    """Every example of a packed row has the log-probabilities that it has alone."""
    tokenizer = new_tokenizer(tokenizer_texts(problems), 400)
    policy = tiny_policy(tokenizer)
    examples = [sft_example(p, tokenizer) for p in problems[:3]]
    rows = packed_rows([examples[:2], examples[2:]], tokenizer.pad_token_id, torch.float32)
    with torch.no_grad():
        together, _, _ = policy(rows.ids, rows.attention, rows.ids.shape[1] - 1, positions=rows.positions)
        starts = [(0, 0), (0, len(examples[0].ids)), (1, 0)]
        for example, (row, at) in zip(examples, starts, strict=True):
            ids = torch.tensor([example.ids])
            alone, _, _ = policy(ids, torch.ones_like(ids), ids.shape[1] - 1)
            assert torch.allclose(together[row, at : at + ids.shape[1] - 1], alone[0], atol=1e-5)


def test_the_loss_is_the_cross_entropy_of_completion_tokens_only(problems: list[Problem]) -> None:
    tokenizer = new_tokenizer(tokenizer_texts(problems), 400)
    policy = tiny_policy(tokenizer)
    examples = [sft_example(p, tokenizer) for p in problems[:2]]
    learned = sum(len(e.ids) - e.prompt for e in examples)
    rows = packed_rows([examples], tokenizer.pad_token_id, torch.float32)
    loss = sft_loss(policy, rows, learned, torch.device("cpu"))
    expected = 0.0
    for e in examples:
        logits = policy.lm(input_ids=torch.tensor([e.ids])).logits[0].log_softmax(-1)
        expected -= sum(logits[i - 1, e.ids[i]].item() for i in range(e.prompt, len(e.ids)))
    assert loss.item() == pytest.approx(expected / learned, rel=1e-5)


def test_offsets_cover_the_completion_without_a_gap_also_where_tokens_split_characters() -> None:
    tokenizer = new_tokenizer(["print('a')\n" * 3], 300)
    text = "print('λ→é')\n    # ok"
    ids = tokenizer(text)["input_ids"]
    offsets = token_offsets(ids, text, tokenizer)
    assert [start for start, _ in offsets][1:] == [end for _, end in offsets][:-1]
    assert (offsets[0][0], offsets[-1][1]) == (0, len(text))
    read = "".join(text[start:end] for start, end in offsets)
    assert read == text
    ending = token_offsets([*ids, tokenizer.eos_token_id], text, tokenizer)
    assert ending[-1] == (len(text), len(text))


def test_offsets_do_not_tokenise_again() -> None:
    """A policy may spell a word by letters; its tokens stay its own."""
    tokenizer = new_tokenizer(["print print print"], 300)
    letters = [i for c in "print" for i in tokenizer(c)["input_ids"]]
    assert tokenizer("print")["input_ids"] != letters
    assert token_offsets(letters, "print", tokenizer) == [(i, i + 1) for i in range(5)]


def test_a_tokenizer_that_loses_characters_is_refused() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    bare = Tokenizer(models.WordLevel({"[UNK]": 0, "end": 1}, unk_token="[UNK]"))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    lossy = PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="end")
    with pytest.raises(InputError, match="does not give back the program that it reads"):
        check_tokenizer(lossy, "some/model")
    with pytest.raises(InputError, match="has no end-of-text token"):
        check_tokenizer(PreTrainedTokenizerFast(tokenizer_object=bare), "some/model")


def test_a_split_is_read_from_a_folder_and_an_empty_one_is_refused(
    problems: list[Problem], write_dataset: Callable[..., Path]
) -> None:
    folder = write_dataset(problems)
    assert [p.problem_id for p in load_split(str(folder), "train", limit=2)] == ["made/0", "made/1"]
    with pytest.raises(DatasetError, match=r"the split validation of .* is empty"):
        load_split(str(folder), "validation")


def test_a_dataset_on_the_hub_gives_what_its_folder_gives(
    problems: list[Problem],
    write_dataset: Callable[..., Path],
    hub: Hub,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(data, "dataset_folder", partial(dataset_folder, cache_dir=tmp_path, endpoint=hub.endpoint))
    folder = write_dataset(problems)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["run"]["reference_cpu_s"] = {problems[0].problem_id: 2.5}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    hub.put("ada/made", {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()})
    found = load_split("ada/made", "train")
    assert found == load_split(str(folder), "train")
    assert found[0].reference_cpu_s == 2.5
    with pytest.raises(SourceError, match="ada/nothing"):
        load_split("ada/nothing", "train")
    with pytest.raises(
        DatasetError, match="nowhere is no folder; expected one that `appsplus build` wrote, or OWNER/NAME"
    ):
        load_split("nowhere", "train")


def test_a_solution_that_would_end_its_own_block_of_code_is_not_learned_from(problems: list[Problem]) -> None:
    tokenizer = new_tokenizer(tokenizer_texts(problems), 400)

    def teachable(problem: Problem) -> bool:
        return is_teachable(problem, sft_example(problem, tokenizer), tokenizer)

    assert all(teachable(problem) for problem in problems)
    for code in ('def f():\n    """\n    ```\n    """\n', "x = 1\n```\n", f"print('{tokenizer.eos_token}')\n"):
        assert not teachable(
            replace(problems[0], solutions=(replace(problems[0].solutions[0], code=code),), canonical=0)
        )
    tokenizer.backend_tokenizer.normalizer = normalizers.NFC()
    for text, is_right in (("\u00e9", True), ("e\u0301", False)):
        code = f"print('{text}')\n"
        solution = replace(problems[0].solutions[0], code=code)
        assert teachable(replace(problems[0], solutions=(solution,), canonical=0)) is is_right


def test_a_dataset_without_subtasks_is_refused(problems: list[Problem], write_dataset: Callable[..., Path]) -> None:
    assert problems[0].annotation is not None
    bare = replace(problems[0], annotation=replace(problems[0].annotation, subtask_chars=()))
    with pytest.raises(DatasetError, match=r"made/0 in .* has no subtasks"):
        load_split(str(write_dataset([bare])), "train")


def test_the_learning_rate_rises_over_the_warm_up_and_falls_to_a_tenth() -> None:
    shares = [learning_rate_share(step, 100, 0.1) for step in range(100)]
    assert shares[0] == pytest.approx(0.1)
    assert shares[9] == shares[10] == 1.0
    assert shares[55] == pytest.approx(0.55)
    assert shares[-1] == pytest.approx(0.1, abs=1e-3)
