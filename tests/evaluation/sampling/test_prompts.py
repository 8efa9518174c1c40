"""One template: what it says word for word, what belongs to its version, and who uses it."""

from dataclasses import replace
from pathlib import Path

import pytest

from appsplus.evaluation import prompts
from appsplus.evaluation.extraction import Program, extract
from appsplus.problem import IOFormat
from appsplus.release.rows import prompt_text
from tests.evaluation.sampling.conftest import CALLED, CHAT_TEMPLATE, make_call, make_problem


class Tokenizer:
    """As much of a tokenizer as a prompt needs: a token for each character."""

    eos_token_id = 0

    def __init__(self, chat_template: str | None = None) -> None:
        self.chat_template = chat_template

    def apply_chat_template(self, messages: list[dict[str, str]], **options: bool) -> str:
        assert options == {"tokenize": False, "add_generation_prompt": True}
        return "".join(f"<{m['role']}>{m['content']}" for m in messages) + "<assistant>"

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        ids = [ord(char) for char in text]
        return {"input_ids": [1, *ids, 0] if add_special_tokens else ids}


def test_a_stdin_problem_is_asked_for_a_program_that_reads_and_writes() -> None:
    assert prompts.chat_messages(make_problem(1)) == [
        {
            "role": "user",
            "content": "Solve the problem with a Python program that reads standard input and writes standard output. Answer"
            " with one block of code.\n\nQuestion 1: is n above two?\n\n",
        }
    ]
    assert prompts.continued_text(make_problem(1)) == "Question 1: is n above two?\n\n```python\n"


def test_a_call_problem_names_the_function_and_shows_the_starter_code() -> None:
    [message] = prompts.chat_messages(make_call(1))
    assert message["content"] == (
        "Solve the problem with Python code that defines `twice`. Answer with one block of code.\n\nQuestion 1: double"
        " n.\n\ndef twice(n):\n\n"
    )


def test_few_shot_examples_are_questions_of_the_same_shape_with_answers_that_hold_a_program() -> None:
    shot, asked = make_call(1), make_call(2)
    question, answer, last = prompts.chat_messages(asked, [shot])
    assert (question, last) == (prompts.chat_messages(shot)[0], prompts.chat_messages(asked)[0])
    assert answer == {"role": "assistant", "content": "```python\ndef twice(n):\n    return 2 * n\n```"}
    found = extract(answer["content"])
    assert isinstance(found, Program)
    assert found.text == CALLED
    assert prompts.continued_text(asked, [shot]) == (
        prompts.continued_text(shot) + "def twice(n):\n    return 2 * n\n```\n\n" + prompts.continued_text(asked)
    )


def test_a_change_of_the_template_needs_a_new_version() -> None:
    shown = [prompts.chat_messages(p, [make_call(9)]) for p in (make_problem(1), make_call(2))]
    texts = [prompts.continued_text(p, [make_problem(8)], "n =") for p in (make_problem(1), make_call(2))]
    hashes = [prompts.prompt_hash(shape)[:12] for shape in (*shown, *texts)]
    assert (prompts.VERSION, hashes) == (1, HASHES)


HASHES = ["29bef1808044", "751d8c641a3f", "c942c2310fca", "fb1977f99919"]


def test_the_page_about_sampling_shows_the_template_and_its_version() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "sampling.md").read_text()
    assert f"It is version {prompts.VERSION}, which" in page
    for text in (prompts.STDIN_INSTRUCTION, prompts.CALL_INSTRUCTION.format(entry_point="NAME")):
        assert f"\n> {text.strip()}\n" in page


def test_a_chat_template_is_used_where_there_is_one_and_the_answer_may_be_begun() -> None:
    problem = make_problem(1)
    chat = Tokenizer(CHAT_TEMPLATE)
    question = prompts.chat_messages(problem)[0]["content"]
    assert prompts.rendered(problem, chat, prefix="n = ") == f"<user>{question}<assistant>```python\nn = "
    assert prompts.rendered(problem, chat, open_block=False) == f"<user>{question}<assistant>"
    assert prompts.rendered(problem, Tokenizer(), open_block=False) == prompts.continued_text(problem)


def test_special_tokens_come_from_the_template_or_from_the_tokenizer_never_from_both() -> None:
    assert prompts.token_ids("ab", Tokenizer(CHAT_TEMPLATE)) == [97, 98]
    assert prompts.token_ids("ab", Tokenizer()) == [1, 97, 98]  # without the end of text


def test_training_and_sampling_read_the_same(tmp_path: Path) -> None:
    data = pytest.importorskip("stepcoder.data", reason="the trainer needs torch: pip install torch, then '.[train]'")
    for tokenizer in (Tokenizer(), Tokenizer(CHAT_TEMPLATE)):
        problem = make_call(1)
        assert data.prompt_for(problem, "", tokenizer) == prompts.rendered(problem, tokenizer)
        assert data.prompt_ids(problem, "", tokenizer) == prompts.token_ids(
            prompts.rendered(problem, tokenizer), tokenizer
        )


def test_shots_are_drawn_by_seed_from_short_problems_of_the_same_format_and_never_the_question_itself() -> None:
    train = [make_problem(n) for n in range(20)] + [make_call(n) for n in range(20, 30)]
    long = make_problem(99, description="x" * 5000)
    drawn = prompts.chosen_shots([*train, long], 2, seed=7, most_chars=4000)
    again = prompts.chosen_shots(reversed(train), 2, seed=7, most_chars=4000)
    assert drawn == again  # whatever the order
    other = prompts.chosen_shots(train, 2, seed=8, most_chars=4000)
    assert drawn != other
    for problem in train:
        shots = prompts.shots_for(problem, drawn, 2)
        assert len(shots) == 2
        assert problem not in shots
        assert {shot.io_format for shot in shots} == {problem.io_format}
    picked = {
        s.problem_id
        for seed in range(200)
        for s in prompts.chosen_shots(train, 1, seed, most_chars=4000)[IOFormat.STDIN]
    }
    assert picked == {f"made/{n}" for n in range(20)}


def test_the_hash_tells_prompts_apart_also_with_characters_that_utf8_cannot_hold() -> None:
    odd = replace(make_problem(1), description="\ud800")
    hashes = {prompts.prompt_hash(text) for text in (prompt_text(odd), prompt_text(make_problem(1)))}
    assert len(hashes) == 2
    assert prompts.prompt_hash("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
