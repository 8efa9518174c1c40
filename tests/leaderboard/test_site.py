"""The site says what the board knows, to people and programs, and nothing that others wrote gets out of its place."""

import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from appsplus.errors import InputError
from appsplus.evaluation.leaderboard import write_site

from .conftest import IDS, RIGHT, WRONG, BelievingJudge, board_of, submit, tamper

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)> ../../\u202e{{ 7919*7907 }}"
SOME = {problem_id: [RIGHT] * i + [WRONG] * (5 - i) for i, problem_id in enumerate(IDS)}  # 0, 20, ... 100 %


class Reader(HTMLParser):
    """Links, resources, elements and texts of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.links: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.text = ""
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.text += " "
        found = dict(attrs)
        self.links += [str(found[name]) for name in ("href", "src") if name in found]
        if tag == "script":
            self.scripts.append(found)
        assert not [name for name in found if name.startswith("on")], found
        assert "style" not in found, found  # the Content-Security-Policy allows none

    def handle_data(self, data: str) -> None:
        self.text += data


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_there_is_a_page_for_each_filter_model_and_problem(site_of: Callable[..., Path], tmp_path: Path) -> None:
    site = site_of(submit(tmp_path / "a", SOME), submit(tmp_path / "b", [RIGHT], name="another"))
    names = {page.relative_to(site).as_posix() for page in pages(site)}
    filters = {
        f"{'-'.join(filter(None, (difficulty, io_format))) or 'index'}.html"
        for difficulty in ("", "introductory", "interview", "competition")
        for io_format in ("", "stdin", "call")
    }
    problems = {f"problems/small-test-{number}.html" for number in range(6)}
    assert names == filters | problems | {"models/a-model.html", "models/another.html", "problems.html", "submit.html"}


def test_every_link_leads_somewhere_inside(site_of: Callable[..., Path], tmp_path: Path) -> None:
    site = site_of(submit(tmp_path / "a", SOME), submit(tmp_path / "bad", {IDS[0]: [RIGHT]}))
    outside = set()
    for page in pages(site):
        for link in Reader(page).links:
            if urlsplit(link).scheme:
                outside.add(link)
            elif not link.startswith("#"):
                target = (page.parent / unquote(urlsplit(link).path)).resolve()
                assert target.is_file(), (page, link)
                assert target.is_relative_to(site)
    assert outside == {"https://example.org/problem"}  # where the dataset says that a problem comes from


def test_the_table_has_the_figures_of_the_results(site_of: Callable[..., Path], tmp_path: Path) -> None:
    site = site_of(submit(tmp_path / "a", SOME, ks=(1, 5)))
    text = " ".join(Reader(site / "index.html").text.split())
    assert "1 model on 6 problems of the split test of small" in text
    # pass@1: (0 + 20 + 40 + 60 + 80 + 100) / 6; pass@5: five of six have a right one; a wrong one passes 3 of 4 tests
    assert re.search(
        r"a model 5 samples a problem 50\.0 , interval \d\d\.\d–\d\d\.\d 83\.3 87\.5 10\.0 50\.0 90\.0", text
    )
    interview = " ".join(Reader(site / "interview.html").text.split())
    assert "1 model on 2 interview problems" in interview
    assert re.search(r"a model 5 samples a problem 50\.0 , interval", interview)


def test_rows_whose_intervals_overlap_are_shown_as_tied(site_of: Callable[..., Path], tmp_path: Path) -> None:
    site = site_of(
        submit(tmp_path / "a", [RIGHT], name="best"),
        submit(tmp_path / "b", [RIGHT], name="as good"),
        submit(tmp_path / "c", [WRONG], name="worst"),
    )
    text = " ".join(Reader(site / "index.html").text.split())
    ranks = re.findall(r"(\d(?:–\d)?) (tied with \d )?(best|as good|worst) 1 sample", text)
    assert ranks == [("1–2", "tied with 1 ", "as good"), ("1–2", "tied with 1 ", "best"), ("3", "", "worst")]
    assert "Tied with as good:" in " ".join(Reader(site / "models" / "best.html").text.split())
    index = json.loads((site / "leaderboard.json").read_text())
    assert [(row["name"], row["rank"], row["tied_with"]) for row in index["rows"]] == [
        ("as good", [1, 2], ["best"]),
        ("best", [1, 2], ["as-good"]),
        ("worst", [3, 3], []),
    ]


def test_a_model_has_its_verdicts_problems_and_what_repeats_it(site_of: Callable[..., Path], tmp_path: Path) -> None:
    path = submit(tmp_path / "a", {i: [RIGHT, "# run_time_error\n"] for i in IDS}, ks=(1, 2))
    site = site_of(path)
    text = " ".join(Reader(site / "models" / "a-model.html").text.split())
    assert "accepted 6 50.0 run time error 6 50.0" in text
    assert "12 of 12 samples were judged again for this leaderboard, and all came out the same." in text
    assert "appsplus evaluate DIR --split test --samples samples.jsonl --k 1,2 --out again.json" in text
    for fact in ("command made", "seeds bootstrap 0", "dataset, SHA-256 " + "d" * 64, "limits of a unit test 5 CPU"):
        assert fact in text
    html = (site / "models" / "a-model.html").read_text()
    assert html.count('aria-label="small/test/') == 6
    assert 'aria-label="small/test/3: 1 of 2 samples correct">1</a>' in html


def test_a_problem_says_who_solves_it(site_of: Callable[..., Path], tmp_path: Path) -> None:
    site = site_of(
        submit(tmp_path / "a", SOME, name="some"),
        submit(tmp_path / "b", [WRONG], name="none"),
        submit(tmp_path / "c", [RIGHT], name="all"),
    )
    text = " ".join(Reader(site / "problems" / "small-test-3.html").text.split())
    assert re.search(r"all 1 of 1 solved 100\.0 .* some 3 of 5 partly 90\.0 .* none 0 of 1 not solved 75\.0", text)
    listed = " ".join(Reader(site / "problems.html").text.split())
    assert "small/test/3 Problem 3: print it twice. interview call 2 of 3 53.3" in listed  # (1 + 0.6 + 0) / 3
    assert "javascript:" not in (site / "problems" / "small-test-0.html").read_text()


def test_raw_results_can_be_downloaded_and_make_the_same_site_again(
    site_of: Callable[..., Path], tmp_path: Path
) -> None:
    path = submit(tmp_path / "a", SOME)
    site = site_of(path)
    raw = site / "data" / "a-model"
    assert sorted(file.name for file in raw.iterdir()) == ["results.json", "results.verdicts.jsonl", "samples.jsonl"]
    for file in raw.iterdir():
        assert file.read_bytes() == path.with_name(file.name).read_bytes()
    again = site_of(raw / "results.json", name="again")
    assert contents(again) == contents(site)


def contents(site: Path) -> dict[str, bytes]:
    return {file.relative_to(site).as_posix(): file.read_bytes() for file in site.rglob("*") if file.is_file()}


def test_the_same_results_give_the_same_bytes_in_any_order_and_place(
    site_of: Callable[..., Path], tmp_path: Path
) -> None:
    paths = [submit(tmp_path / name, SOME, name=f"model {name}") for name in "abc"]
    site = site_of(*paths)
    shutil.copytree(tmp_path / "a", tmp_path / "elsewhere" / "a")
    again = site_of(paths[2], paths[1], tmp_path / "elsewhere" / "a" / "results.json", name="again")
    assert contents(again) == contents(site)


def test_the_table_has_the_further_pass_at_k_that_most_rows_have(site_of: Callable[..., Path], tmp_path: Path) -> None:
    four = submit(tmp_path / "a", [RIGHT, WRONG] * 3, ks=(1, 2, 3, 4, 5, 6), name="four")
    two = submit(tmp_path / "b", [RIGHT, WRONG] * 3, ks=(1, 5), name="two")
    text = Reader(site_of(four, two) / "index.html").text
    assert re.findall(r"pass@\d", text[text.index("rank") :])[:4] == ["pass@1", "pass@2", "pass@3", "pass@5"]


def test_a_hostile_name_stays_text_and_leads_nowhere(site_of: Callable[..., Path], tmp_path: Path) -> None:
    path = submit(tmp_path / "a", SOME, name=HOSTILE)
    tamper(path, lambda value: value.update(command=HOSTILE, model={"x": HOSTILE}, warnings=[HOSTILE]))
    site = site_of(path)
    for page in pages(site):
        read = Reader(page)
        assert "img" not in read.elements
        assert [script["src"] for script in read.scripts] == [
            "static/leaderboard.js" if page.parent == site else "../static/leaderboard.js"
        ]
        assert "\u202e" not in read.text
        assert str(7919 * 7907) not in read.text
    assert "<script>document.title='owned'</script>" in Reader(site / "index.html").text
    assert all(file.is_relative_to(site) for file in (site / "models").iterdir())
    [model] = (site / "models").iterdir()
    assert re.fullmatch(r"[a-z0-9-]+\.html", model.name)


def test_a_refused_submission_is_told_with_the_evidence_and_escaped(
    site_of: Callable[..., Path], tmp_path: Path
) -> None:
    cheat = submit(tmp_path / "cheat", [WRONG], name=HOSTILE, judge=BelievingJudge(lies={WRONG: RIGHT}))
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    site = site_of(cheat, broken, submit(tmp_path / "a", [RIGHT]))
    read = Reader(site / "refused.html")
    text = " ".join(read.text.split())
    assert "small/test/0, sample 0" in text
    assert "accepted, 4 of 4 wrong answer, 3 of 4" in text
    assert "broken.json is not JSON" in text
    assert "img" not in read.elements
    assert "2 submissions were refused." in " ".join(Reader(site / "index.html").text.split())
    for page in [*pages(site), site / "leaderboard.json"]:
        assert str(tmp_path) not in page.read_text(), page  # no folder of ours
    refused = json.loads((site / "leaderboard.json").read_text())["refused"]
    assert refused[1]["mismatches"][0]["claimed"] == "accepted"


def test_two_models_of_one_name_both_stand_and_are_told_apart(site_of: Callable[..., Path], tmp_path: Path) -> None:
    site = site_of(submit(tmp_path / "a", [RIGHT]), submit(tmp_path / "b", [WRONG]))
    names = [row["name"] for row in json.loads((site / "leaderboard.json").read_text())["rows"]]
    assert [re.fullmatch(r"a model #[0-9a-f]{8}", name) is not None for name in names] == [True, True]
    assert len(list((site / "models").iterdir())) == 2


def test_a_file_given_twice_stands_once(tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    board = board_of(path, tmp_path / "b" / "results.json")
    assert len(board.entries) == 1
    assert "is the same file as" in board.refusals[0].reasons[0]


def test_without_a_row_there_is_still_a_site(site_of: Callable[..., Path], tmp_path: Path) -> None:
    site = site_of(submit(tmp_path / "a", {IDS[0]: [RIGHT]}))
    assert "No submission stands here yet." in Reader(site / "index.html").text
    assert "Nobody has tried yet." in Reader(site / "problems" / "small-test-0.html").text


def test_a_site_takes_the_place_of_an_older_one_whole(site_of: Callable[..., Path], tmp_path: Path) -> None:
    old = site_of(submit(tmp_path / "a", [RIGHT], name="old"))
    new = site_of(submit(tmp_path / "b", [RIGHT], name="new"))
    assert old == new
    assert [page.name for page in (new / "models").iterdir()] == ["new.html"]


@pytest.mark.parametrize("what", ["a file", "a folder of others", "a site with a file of others"])
def test_nothing_else_is_replaced(what: str, site_of: Callable[..., Path], tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    target = tmp_path / "site"
    if what == "a file":
        target.write_text("mine")
    elif what == "a folder of others":
        target.mkdir()
        (target / "mine.txt").write_text("mine")
    else:
        site_of(path)
        (target / "models" / "mine.txt").write_text("mine")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(InputError, match=r"choose another --out|move it elsewhere first"):
        write_site(board_of(path), target)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_raw_results_that_change_meanwhile_leave_the_old_site_as_it_was(
    site_of: Callable[..., Path], tmp_path: Path
) -> None:
    site = site_of(submit(tmp_path / "a", [RIGHT]))
    before = contents(site)
    path = submit(tmp_path / "b", [RIGHT], name="new")
    board = board_of(path)
    path.with_name("samples.jsonl").write_text("changed\n")
    with pytest.raises(InputError, match="changed while the site was made"):
        write_site(board, site)
    assert contents(site) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "site"]
