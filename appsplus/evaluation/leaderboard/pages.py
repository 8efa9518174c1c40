"""What each page of the site tells: from the board's figures to the values of a template."""

from collections.abc import Iterator
from importlib import metadata
from typing import Any

from appsplus.evaluation.breakdowns import OUTCOMES, breakdowns
from appsplus.evaluation.leaderboard.board import Board, Entry
from appsplus.evaluation.leaderboard.names import file_names
from appsplus.evaluation.leaderboard.rejudging import LEAST, REPEATS
from appsplus.evaluation.leaderboard.rendering import page
from appsplus.evaluation.leaderboard.standings import Standing
from appsplus.evaluation.leaderboard.tables import SEED, Subset, Tables
from appsplus.evaluation.leaderboard.terms import ProblemFacts
from appsplus.evaluation.leaderboard.wording import command_of, facts_of, problems_of, rejudged_told, samples_told
from appsplus.evaluation.results import Metric, ProblemResult

_SHADES = {"all": "good", "some": "some", "no": "bad"}
_WORDS = {"all": "solved", "some": "partly", "no": "not solved"}


class Pages:
    """The pages of a site, one method a kind; all are given the raw files that can be downloaded."""

    def __init__(self, board: Board, downloads: dict[str, list[dict[str, Any]]]) -> None:
        self.board = board
        self.tables = Tables(board)
        self._version = metadata.version("appsplus")
        self._downloads = downloads  # by key of the entry
        self._files = file_names({problem_id: problem_id for problem_id in board.terms.problems})

    def __len__(self) -> int:
        fixed = 3 if self.board.refusals else 2
        return len(self.tables.subsets) + len(self.board.entries) + len(self.board.terms.problems) + fixed

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """(path in the site, HTML) of every page."""
        for subset in self.tables.subsets:
            yield subset.file, self._table(subset)
        for standing in self.tables.standings(Subset()):
            yield f"models/{self.tables.entry(standing.key).file}.html", self._model(standing)
        yield "problems.html", self._problems()
        for before, problem_id, after in self.tables.neighbours():
            yield f"problems/{self._files[problem_id]}.html", self._problem(problem_id, before, after)
        yield (
            "submit.html",
            self._page(
                "submit.html",
                "How to submit",
                share=self.board.share,
                least=LEAST,
                repeats=REPEATS,
                problems=problems_of(self.board.terms.dataset),
            ),
        )
        if self.board.refusals:
            yield "refused.html", self._page("refused.html", "Refused")

    def _page(self, template: str, title: str, root: str = "", here: str = "", **values: Any) -> bytes:
        return page(
            template,
            title=title,
            root=root,
            here=here or template,
            board=self.board,
            dataset=self.board.terms.dataset,
            appsplus=self._version,
            samples_told=samples_told,
            rejudged_told=rejudged_told,
            **values,
        )

    def _table(self, subset: Subset) -> bytes:
        chosen = [name for name in (subset.difficulty, subset.io_format) if name]
        what = " ".join([*chosen, "problems"]) if chosen else f"problems of the split {self.board.terms.dataset.split}"
        return self._page(
            "index.html",
            ", ".join(chosen).capitalize() or "Models",
            here=subset.file,
            heading="Leaderboard" + (f": {', '.join(chosen)}" if chosen else ""),
            what=what,
            num_problems=len(self.tables.problem_ids(subset)),
            rows=self.tables.rows(subset),
            columns=self.tables.columns(subset),
            filters=list(self._filters(subset)),
        )

    def _filters(self, chosen: Subset) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Names of filters and their choices, each with the page it leads to."""
        terms = self.board.terms
        difficulties = [(name, Subset(name, chosen.io_format)) for name in ("", *terms.difficulties)]
        io_formats = [(name, Subset(chosen.difficulty, name)) for name in ("", *terms.io_formats)]
        for title, choices in (("Difficulty", difficulties), ("I/O format", io_formats)):
            shown = [(name, subset) for name, subset in choices if subset in self.tables.subsets]
            if len(choices) > 2:
                yield title, [self._choice(name, subset, chosen) for name, subset in shown]

    def _choice(self, name: str, subset: Subset, chosen: Subset) -> dict[str, Any]:
        num_problems = len(self.tables.problem_ids(subset))
        return {"label": name or "all", "file": subset.file, "chosen": subset == chosen, "num_problems": num_problems}

    def _model(self, standing: Standing) -> bytes:
        entry = self.tables.entry(standing.key)
        results = entry.submission.results
        groups = breakdowns(results.problems.values(), (1,), seed=SEED)
        return self._page(
            "model.html",
            entry.name,
            "../",
            entry=entry,
            results=results,
            standing=standing,
            tied=[self.tables.entry(key) for key in standing.tied],
            verdicts=groups.verdict,
            breakdowns=groups,
            one=results.num_samples == 1,
            grid=list(self._grid(entry)),
            facts=list(facts_of(entry)),
            command=command_of(entry),
            files=self._downloads[entry.key],
        )

    def _grid(self, entry: Entry) -> Iterator[tuple[str, list[dict[str, str]]]]:
        """Per difficulty, a cell for each of its problems."""
        for difficulty in self.board.terms.difficulties:
            results = entry.submission.results.problems
            ids = self.tables.problem_ids(Subset(difficulty))
            yield difficulty, [self._cell(problem_id, results[problem_id]) for problem_id in ids]

    def _cell(self, problem_id: str, result: ProblemResult) -> dict[str, str]:
        shade = _shade(result)
        text = str(result.num_correct) if result.num_samples > 1 else "✓" if result.num_correct else "·"
        told = f"{problem_id}: {result.num_correct} of {result.num_samples} samples correct"
        return {"file": self._files[problem_id], "shade": shade, "text": text, "told": told}

    def _problems(self) -> bytes:
        order = {name: i for i, name in enumerate(self.board.terms.difficulties)}
        rows = [self._problem_row(facts, order[facts.difficulty]) for facts in self.board.terms.problems.values()]
        return self._page("problems.html", "Problems", rows=rows)

    def _problem_row(self, facts: ProblemFacts, difficulty_order: int) -> dict[str, Any]:
        found = [entry.submission.results.problems[facts.problem_id] for entry in self.board.entries]
        rate = sum(map(_share, found)) / len(found) if found else None
        return {
            "facts": facts,
            "file": self._files[facts.problem_id],
            "difficulty_order": difficulty_order,
            "solved": sum(result.num_correct > 0 for result in found),
            "models": len(found),
            "rate": None if rate is None else Metric(rate, 0.0, rate, len(found)),  # a bar from zero
        }

    def _problem(self, problem_id: str, before: str, after: str) -> bytes:
        found = [(entry, entry.submission.results.problems[problem_id]) for entry in self.board.entries]
        found.sort(key=lambda pair: (-_share(pair[1]), pair[0].name.casefold(), pair[0].key))
        return self._page(
            "problem.html",
            problem_id,
            "../",
            facts=self.board.terms.problems[problem_id],
            rows=[_solver(entry, result) for entry, result in found],
            before=self._files.get(before, ""),
            after=self._files.get(after, ""),
        )


def _solver(entry: Entry, result: ProblemResult) -> dict[str, Any]:
    shade = _shade(result)
    return {
        "entry": entry,
        "result": result,
        "share": _share(result),
        "verdicts": {name: result.verdicts[name] for name in OUTCOMES if result.verdicts.get(name)},
        "shade": _SHADES[shade],
        "word": _WORDS[shade],
    }


def _share(result: ProblemResult) -> float:
    return result.num_correct / result.num_samples


def _shade(result: ProblemResult) -> str:
    return "all" if result.num_correct == result.num_samples else "some" if result.num_correct else "no"
