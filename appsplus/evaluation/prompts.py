"""What a model reads: one template, for sampling and for training, with a version that every samples file records.

A problem has two shapes. To a model that chats it is a message; to one that only continues text it is the description and the
starter code, then an open block of code:

    chat        INSTRUCTION, description, starter code         (then, where the answer can be begun: ```python)
    continued   description, starter code, ```python, prefix

`prefix` is the beginning of the canonical solution that the curriculum (CCCS) gives; in sampling it is empty. Few-shot
examples are other problems in the same shape, each with its canonical solution in a closed block.

Any change of what these functions return for a problem is a new VERSION: scores under two versions are not comparable.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from appsplus import jsonl
from appsplus.problem import IOFormat, Problem
from appsplus.release.rows import prompt_text

VERSION = 1

OPEN_FENCE, CLOSE_FENCE = "```python\n", "\n```"
STDIN_INSTRUCTION = (
    "Solve the problem with a Python program that reads standard input and writes standard output. Answer with one block"
    " of code.\n\n"
)
CALL_INSTRUCTION = "Solve the problem with Python code that defines `{entry_point}`. Answer with one block of code.\n\n"

Message = dict[str, str]  # {"role": "user" or "assistant", "content": text}


def instruction(problem: Problem) -> str:
    """What stands above the description in a chat."""
    if problem.io_format is IOFormat.STDIN:
        return STDIN_INSTRUCTION
    return CALL_INSTRUCTION.format(entry_point=problem.entry_point)


def chat_messages(problem: Problem, shots: Sequence[Problem] = ()) -> list[Message]:
    """The problem as messages of a chat; before it, each of `shots` as a question with its answer."""
    messages: list[Message] = []
    for shot in shots:
        messages += [_question(shot), {"role": "assistant", "content": OPEN_FENCE + _answer(shot)}]
    return [*messages, _question(problem)]


def continued_text(problem: Problem, shots: Sequence[Problem] = (), prefix: str = "") -> str:
    """The problem as text that ends in an open block of code, to be continued."""
    solved = (prompt_text(shot) + OPEN_FENCE + _answer(shot) + "\n\n" for shot in shots)
    return "".join(solved) + prompt_text(problem) + OPEN_FENCE + prefix


def rendered(
    problem: Problem, tokenizer: Any, *, shots: Sequence[Problem] = (), prefix: str = "", open_block: bool = True
) -> str:
    """The prompt of a local model: through its tokenizer's chat template, if it has one, else the text to be continued.

    `open_block` begins the answer of a chat with the opening fence. Text to be continued always ends in it.
    """
    if not has_chat_template(tokenizer):
        return continued_text(problem, shots, prefix)
    chat: str = tokenizer.apply_chat_template(chat_messages(problem, shots), tokenize=False, add_generation_prompt=True)
    return chat + OPEN_FENCE + prefix if open_block else chat


def token_ids(prompt: str, tokenizer: Any) -> list[int]:
    """A rendered prompt as tokens. A chat template brings its own special tokens; other prompts get the tokenizer's."""
    special = not has_chat_template(tokenizer)
    ids: list[int] = tokenizer(prompt, add_special_tokens=special)["input_ids"]
    return ids[:-1] if special and ids[-1:] == [tokenizer.eos_token_id] else ids


def has_chat_template(tokenizer: Any) -> bool:
    """Whether prompts go through a chat template."""
    return bool(getattr(tokenizer, "chat_template", None))


def prompt_hash(prompt: str | list[Message]) -> str:
    """SHA-256 (hex) of a prompt as it is sent: of the text, or of the canonical JSON of the messages."""
    text = prompt if isinstance(prompt, str) else jsonl.dumps(prompt)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def chosen_shots(
    problems: Iterable[Problem], count: int, seed: int, *, most_chars: int
) -> dict[IOFormat, list[Problem]]:
    """For each I/O format the `count` few-shot examples, and one to spare for when one of them is itself the question.

    They are drawn by a hash of seed and id, from those whose description and solution have at most `most_chars` characters.
    """
    drawn: dict[IOFormat, list[tuple[str, Problem]]] = {IOFormat.STDIN: [], IOFormat.CALL: []}
    for problem in problems:
        if len(prompt_text(problem)) + len(problem.canonical_solution) <= most_chars:
            key = hashlib.sha256(f"{seed} {problem.problem_id}".encode()).hexdigest()
            ranked = drawn[problem.io_format]
            ranked.append((key, problem))
            ranked.sort(key=lambda pair: pair[0])
            del ranked[count + 1 :]
    return {io_format: [problem for _, problem in ranked] for io_format, ranked in drawn.items()}


def shots_for(problem: Problem, shots: dict[IOFormat, list[Problem]], count: int) -> list[Problem]:
    """The few-shot examples that are put before a problem: of its I/O format, without itself."""
    return [shot for shot in shots[problem.io_format] if shot.problem_id != problem.problem_id][:count]


def _question(problem: Problem) -> Message:
    return {"role": "user", "content": instruction(problem) + prompt_text(problem)}


def _answer(problem: Problem) -> str:
    return problem.canonical_solution.rstrip("\n") + CLOSE_FENCE
