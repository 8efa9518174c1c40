"""The pairs of problems that have something in common, for somebody to look at: Markdown, each pair with its evidence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from appsplus.evaluation.contamination import FIGURES, Match, Overlap, lines_of
from appsplus.evaluation.contamination_sets import Item
from appsplus.wording import words_of

WORDS = {
    "half_lines": "more than half of the solution's lines",
    "half_rare_lines": "more than half of its rare lines",
    "shared_13_grams": "a run of 13 words of the description",
    "near_text": "nearly the same description",
}
"""What the figures are called for people."""

_EXCERPT_CHARS = 600
_SHOWN_LINES = 20


@dataclass(frozen=True, slots=True)
class Compared:
    """A set or a split, what it was compared with, and what came of it."""

    name: str
    against: str
    overlap: Overlap
    items: Mapping[str, Item]  # of both, by what `Match` calls them
    others: Mapping[str, Item]


def report(compared: Sequence[Compared], *, most_pairs: int) -> str:
    """The figures of every comparison, then its pairs, the most telling first."""
    return "\n".join(line for one in compared for line in _section(one, most_pairs)) + "\n"


def figure_rows(one: Compared) -> Iterator[tuple[str, str, str]]:
    """(what is in common, problems of the one set, problems of the other), as text."""
    found = one.overlap
    for kind in FIGURES:
        yield (
            WORDS[kind],
            _share(found.figures[kind], found.num_problems),
            _share(found.of_others[kind], found.num_others),
        )


def sentence(match: Match) -> str:
    """What two problems have in common."""
    parts = []
    if match.shared_lines:
        parts.append(
            f"{match.shared_lines} of {match.num_lines} lines, {match.other_shared_lines} of {match.other_num_lines} of the"
            " other"
        )
    if match.shared_grams:
        parts.append(f"{match.shared_grams} rare runs of 13 words")
    return ", ".join([*parts, f"similarity {match.similarity:.2f}"])


def _share(count: int, total: int) -> str:
    return f"{count:,} of {total:,} ({100 * count / total:.1f} %)"


def _section(one: Compared, most_pairs: int) -> Iterator[str]:
    yield f"# {_plain(one.name)} against {_plain(one.against)}\n"
    yield f"| in common | problems of {_plain(one.name)} | problems of {_plain(one.against)} |\n|---|---:|---:|"
    for row in figure_rows(one):
        yield f"| {' | '.join(row)} |"
    matches = one.overlap.matches
    yield f"\n{len(matches):,} pairs{f', of which {most_pairs:,} follow' if len(matches) > most_pairs else ''}.\n"
    for match in matches[:most_pairs]:
        yield from _pair(match, one.items[match.problem_id], one.others[match.other_id])


def _pair(match: Match, item: Item, other: Item) -> Iterator[str]:
    yield f"## {_plain(match.problem_id)} and {_plain(match.other_id)}\n"
    yield f"{sentence(match)}.\n"
    theirs = set(lines_of(other.solution))
    shared = [line for line in lines_of(item.solution) if line in theirs]
    if shared:
        more = [f"... and {len(shared) - _SHOWN_LINES} more"] if len(shared) > _SHOWN_LINES else []
        yield "Lines of both:\n\n" + _block([*shared[:_SHOWN_LINES], *more])
    if run := _longest_run(item.description, other.description):
        yield "Longest run of words in both:\n\n" + _block([run])
    for one in (item, other):
        text = one.description.strip()
        cut = text if len(text) <= _EXCERPT_CHARS else text[:_EXCERPT_CHARS] + " ..."
        yield f"{_plain(one.problem_id)}:\n\n" + _block(cut.splitlines())


def _longest_run(text: str, other: str) -> str:
    mine, theirs = words_of(text), words_of(other)
    found = SequenceMatcher(None, mine, theirs, autojunk=False).find_longest_match()
    return " ".join(mine[found.a : found.a + found.size])


def _block(lines: Sequence[str]) -> str:
    """Lines of others as an indented block, in which Markdown does nothing."""
    return "".join(f"    {line}\n" for line in lines)


def _plain(text: str) -> str:
    """Text of others for a heading or a cell."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>#|~&" else char for char in " ".join(text.split()))
