"""Generated problems of k branches, k = 1..8, on which a curriculum and masks can be seen to work, or not to.

A problem of the family gives the branches of a function in a code, where invented words stand for operators. The solution
is the function in Python:

    Translate f from code d1:        def f(a, b):
                                         if a == 0:  # lim
    0 lim 4                                  b += 4
    1 zor 7                              if a == 1:  # zor
                                             b *= 7
                                         return b

What makes it an experiment, and why:

- **The warm-up leaves open what words mean.** Each word has two meanings. In the warm-up problems, which are a dataset of
  their own, each branch takes the true one with probability `truth_share`, and the tests agree; in all other problems
  words have their true meaning. A model warmed up on the former, however long, writes a branch right with probability
  p = truth_share and a whole program with probability p^k: at 0.5, half of the problems with one branch, one in 256 of
  those with eight. Each branch is within its reach, only the conjunction is rare, and nothing but the reward tells which
  meaning is true. Only the tests do that in real life, too, where a text is vague. (So sample at temperature 1: taking
  the likeliest token turns p = 0.5 into a guess that is the same every time.)
- **Short problems (k up to 4) and long ones have codes, that is words, of their own** (d1 and d2). With shared words,
  problems with one branch would teach the words of those with eight: an easier curriculum than the one under test.
  `shared_words` turns that off, to compare. (With a code for each k there were 56 words to learn, too many for minutes.)
- **Each code has for every word one of the opposite meanings.** Where meanings were left to chance, a policy learned first
  which of two operations is right for most words that may mean both, and soon wrote nothing else for the one word where
  it is wrong, with the curriculum as without it.
- **No word is in a problem twice.** Where words came again, the curriculum taught to look up in the given branches what a
  word means, which helps nobody who has to write the first branch.
- **A test reaches one branch** (`a` selects it), so all branches must be right, and which lines ran tells which did what.
  Two tests a branch, with values of b for which all operations give different results: no wrong branch passes.
- **Idle branches**, `idle_share` of k, are for values of `a` that no test has. They are written and never executed: whatever
  stands there, the reward does not depend on it. That is the noise that FGO takes out of the loss. There are at most ten
  branches in all, so that each value of `a` is one digit.
- **Everything else is copied**, token by token, from the description: what a small transformer learns best. The word is
  copied as well, as a comment: where it was not, two warm-ups of five did not learn what words may mean. Branches are
  numbered, which makes copies safe: where a word chose its branch (`if a == 'zor':`), reinforcement learning spoiled them.
- The call format, because there the judge needs one process a program, not one a test.

The held-out split (`test`) has other combinations of the same words and numbers; no problem is there twice. Same options,
same bytes.
"""

import hashlib
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appsplus import jsonl
from appsplus.errors import InputError
from appsplus.jsonl import write_atomically

OPERATIONS = ("+=", "-=", "*=", "//=")
NUMBERS = range(2, 10)
_PAIRS = (("+=", "-="), ("*=", "//="), ("+=", "*="), ("-=", "//="), ("+=", "//="), ("-=", "*="))
_MEANINGS = tuple(meanings for one, other in _PAIRS for meanings in ((one, other), (other, one)))
"""Of words, the true and the false one: all there are, each beside its opposite, and in each four all operations alike."""
LEAST_B = 30  # from here on the four operations with these numbers differ, from each other and from b
TESTS_PER_BRANCH = 2
LARGEST_K = 8
SHORT = 4  # problems of up to so many live branches have a code of their own
MOST_RULES = 10


@dataclass(frozen=True, slots=True)
class FamilyConfig:
    """The options."""

    seed: int = 0
    train: int = 16  # problems a k, for reinforcement learning
    test: int = 24  # problems a k, held out
    warmup: int = 200  # problems a k, for the supervised warm-up
    truth_share: float = 0.5  # of rules in the warm-up that have the word's true meaning
    idle_share: float = 0.5  # idle branches, as a share of k, rounded up; no more than make ten in all
    shared_words: bool = False  # one code for problems of any k

    def __post_init__(self) -> None:
        for name in ("truth_share", "idle_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be in [0, 1]; got {getattr(self, name)}")
        if self.train < 1 or self.test < 1 or self.warmup < 1:
            raise InputError("each of train, test and warmup must be at least 1 problem a k")

    def rules(self, k: int) -> int:
        """Branches of a problem of k live ones."""
        return min(k + math.ceil(k * self.idle_share), MOST_RULES)

    def code(self, k: int) -> str:
        """The code of problems of k live branches."""
        return "d1" if self.shared_words or k <= SHORT else "d2"


@dataclass(frozen=True, slots=True)
class Word:
    """An invented word, and the two operations that it may stand for."""

    text: str
    true: str  # of OPERATIONS
    false: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One branch: what it does to b."""

    word: str
    number: int
    operation: str  # what the word means in this problem


@dataclass(frozen=True, slots=True)
class Draft:
    """A problem before it is written out; rule i is for a == i."""

    code: str
    rules: tuple[Rule, ...]
    live: tuple[int, ...]  # values of `a` that the tests have; the others are idle

    @property
    def description(self) -> str:
        """The text of the problem."""
        lines = [f"{a} {rule.word} {rule.number}" for a, rule in enumerate(self.rules)]
        return "\n".join([f"Translate f from code {self.code}:", "", *lines])

    @property
    def solution(self) -> str:
        """The program that a word-by-word translation gives."""
        branches = [
            f"    if a == {a}:  # {rule.word}\n        b {rule.operation} {rule.number}\n"
            for a, rule in enumerate(self.rules)
        ]
        return "def f(a, b):\n" + "".join(branches) + "    return b\n"


def words_of(config: FamilyConfig) -> dict[str, tuple[Word, ...]]:
    """The words of each code, at least as many as its problems have branches; see `_MEANINGS`."""
    rng = random.Random(f"words {config.seed}")
    texts = [c + v + d for c in "bdfgklmnprstvz" for v in "aeiou" for d in "bdgklmnrstz"]
    rng.shuffle(texts)
    codes: dict[str, tuple[Word, ...]] = {}
    for k in range(LARGEST_K, 0, -1):
        if config.code(k) not in codes:  # that of the longest problems first: it needs the most words
            rounds = math.ceil(config.rules(k) / len(OPERATIONS))
            codes[config.code(k)] = tuple(Word(texts.pop(), *pair) for pair in _MEANINGS[: rounds * len(OPERATIONS)])
    return codes


def result(operation: str, number: int, b: int) -> int:
    """What an operation makes of b: the meaning that expected outputs come from, stated without running programs."""
    return {"+=": b + number, "-=": b - number, "*=": b * number, "//=": b // number}[operation]


def rows_of(config: FamilyConfig) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of the two sources, with the columns of APPS: the warm-up, and the family itself (train and test)."""
    words = words_of(config)
    rng = random.Random(f"problems {config.seed}")
    warmup, family = [], []
    for k in range(1, LARGEST_K + 1):
        code = config.code(k)
        seen: set[str] = set()
        for number, draft in enumerate(
            _drafts(rng, config, k, code, words, config.train + config.test, seen, truth=1.0)
        ):
            split = "train" if number < config.train else "test"
            family.append(_row(rng, draft, k, f"k{k}-{number:04d}", split))
        for number, draft in enumerate(
            _drafts(rng, config, k, code, words, config.warmup, set(), truth=config.truth_share)
        ):
            warmup.append(_row(rng, draft, k, f"k{k}-{number:04d}", "train"))
    return warmup, family


def _drafts(
    rng: random.Random,
    config: FamilyConfig,
    k: int,
    code: str,
    words: Mapping[str, Sequence[Word]],
    count: int,
    seen: set[str],
    *,
    truth: float,
) -> Iterator[Draft]:
    """Different problems of k live branches; as many as asked for, or half of all that exist if that is fewer."""
    rules = config.rules(k)
    existing = math.perm(len(words[code]), rules) * len(NUMBERS) ** rules
    for _ in range(min(count, existing // 2)):
        while True:
            chosen = rng.sample(words[code], rules)
            drawn = tuple(
                Rule(word.text, rng.choice(NUMBERS), word.true if rng.random() < truth else word.false)
                for word in chosen
            )
            live = tuple(sorted(rng.sample(range(rules), k)))
            draft = Draft(code, drawn, live)
            if draft.description not in seen:
                break
        seen.add(draft.description)
        yield draft


def _row(rng: random.Random, draft: Draft, k: int, problem_id: str, split: str) -> dict[str, Any]:
    inputs, outputs = [], []
    for a in draft.live:
        rule = draft.rules[a]
        for b in rng.sample(range(LEAST_B, 100), TESTS_PER_BRANCH):
            inputs.append([a, b])
            outputs.append(result(rule.operation, rule.number, b))
    return {
        "problem_id": problem_id,
        "question": draft.description,
        "solutions": [draft.solution],
        "input_output": {"fn_name": "f", "inputs": inputs, "outputs": outputs},
        "difficulty": "introductory" if k <= 2 else "interview" if k <= 5 else "competition",
        "split": split,
        "license": "MIT",
        "source": "generated by stepcoder/ablation/family.py",
    }


def digest(config: FamilyConfig) -> str:
    """SHA-256 of all problems: other options, or another version of this module, may give others."""
    return hashlib.sha256(jsonl.dumps(rows_of(config)).encode()).hexdigest()


def write(folder: Path, config: FamilyConfig) -> dict[str, Path]:
    """Write warmup.jsonl and family.jsonl into a folder, which is made; returns their paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, rows in zip(("warmup", "family"), rows_of(config), strict=True):
        paths[name] = folder / f"{name}.jsonl"
        write_atomically(paths[name], "".join(jsonl.dumps(row) + "\n" for row in rows).encode())
    return paths
