"""Secrets and local paths: what is found, where, and what is left alone because it is none."""

import json
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appsplus.release.leaks import Leaks

ADA = Path("/home/ada")
# Put together here, so that no file of this project holds the shape of a secret.
SECRETS = [
    ("hf_" + "aB3" * 12, "a token of Hugging Face"),
    ("ghp_" + "aB3x" * 9, "a token of GitHub"),
    ("github_pat_" + "aB3_" * 20, "a token of GitHub"),
    ("glpat-" + "aB3x" * 5, "a token of GitLab"),
    ("sk-proj-" + "aB3x" * 12, "a key of OpenAI"),
    ("sk-" + "aB3xZ" * 4 + "T3Blbk" + "FJ" + "aB3xZ" * 4, "a key of OpenAI"),
    ("sk-ant-" + "aB3x" * 12, "a key of Anthropic"),
    ("AKIA" + "ABCD" * 4, "a key of AWS"),
    ("AIza" + "aB3xZ" * 7, "a key of Google"),
    ("xoxb-" + "12345-" * 5 + "abc", "a token of Slack"),
    ("sk_live_" + "aB3x" * 6, "a key of Stripe"),
    ("npm_" + "aB3x" * 9, "a token of npm"),
    ("pypi-AgE" + "aB3x" * 15, "a token of PyPI"),
    ("-----BEGIN " + "OPENSSH PRIVATE KEY-----", "a private key"),
]


def found(path: Path, *, name: str = "", own: tuple[Path, ...] = (), allowed: tuple[str, ...] = ()) -> list[str]:
    return [finding.reason for finding in Leaks(own, allowed).in_file(name or path.name, path)]


def rows(path: Path, **columns: object) -> Path:
    pq.write_table(
        pa.table({"problem_id": [f"apps/{i}" for i in range(len(next(iter(columns.values()))))], **columns}), path
    )
    return path


@pytest.mark.parametrize(("secret", "what"), SECRETS, ids=[secret[:8] for secret, _ in SECRETS])
def test_a_secret_is_found_in_text_and_in_rows_and_not_printed(tmp_path, secret, what):
    text = tmp_path / "README.md"
    text.write_text(f"token={secret}\n")
    table = rows(tmp_path / "rows.parquet", description=["nothing", f"use '{secret}' here"])
    shown = f"{what} ({secret[:8]}..., {len(secret)} characters)"
    assert found(text) == [shown]
    assert found(table) == [f"{shown} in description of apps/1"]


@pytest.mark.parametrize("before", ["\n", "\t", "\r\n", " "])
def test_what_stands_after_a_line_break_is_found_in_json(tmp_path, before):
    secret = SECRETS[0][0]
    detail = [
        json.dumps({"value": f"token{before}{secret}"}),
        repr(f"see{before}/home/ada/notes"),
        "\\nohf_" + "a" * 40,
    ]
    assert found(rows(tmp_path / "rows.parquet", detail=detail)) == [
        f"a token of Hugging Face ({secret[:8]}..., {len(secret)} characters) in detail of apps/0",
        'a path of a machine ("/home/ada") in detail of apps/1',
    ]


@pytest.mark.parametrize("column", ["unit_tests", "other_solutions"])
def test_a_secret_is_found_inside_lists_of_structures(tmp_path, column):
    secret = SECRETS[0][0]
    table = rows(tmp_path / "rows.parquet", **{column: [[{"input": "1"}, {"input": secret}], []]})
    assert found(table) == [f"a token of Hugging Face (hf_aB3aB..., 39 characters) in {column} of apps/0"]


@pytest.mark.parametrize(
    "text",
    [
        "half_" + "a" * 40,  # no token of Hugging Face: "hf_" does not stand there
        "shelf hf_short",
        "ZZAKIAZAJNKNLLAKHAFLAILKZAILA",  # letters of a unit test, from a real one
        "AKIAabcdefghijklmnop",
        "disk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "-----BEGIN PUBLIC KEY-----",
        "https://example.org/home/ada/x and http://x.org/Users/ada",
        "/home/ and /Users/ alone, /rooted/x, home/ada/x",
        "C:\\Windows\\System32",
    ],
)
def test_what_only_looks_like_it_is_left_alone(tmp_path, text):
    path = tmp_path / "README.md"
    path.write_text(text)
    assert found(path) == []


@pytest.mark.parametrize(
    "path_text", ["/home/bob/data/x", "/Users/bob/x", "/root/x", "C:\\Users\\bob\\x", "C:\\\\Users\\\\bob\\\\x"]
)
def test_any_home_path_counts_in_what_our_code_wrote(tmp_path, path_text):
    card, table = tmp_path / "manifest.json", rows(tmp_path / "rows.parquet", detail=[f"see {path_text}"])
    card.write_text(f'"{path_text}"')
    (reason,) = found(card)
    assert reason.startswith("a path of a machine (")
    (reason,) = found(table)
    assert reason.endswith(" in detail of apps/0")


def test_in_texts_of_the_sources_only_paths_of_the_user_count(tmp_path):
    solutions = [[{"code": "open('/home/bob/in.txt')"}], [{"code": "open('/home/ada/in.txt')"}]]
    table = rows(
        tmp_path / "rows.parquet", other_solutions=solutions, canonical_solution=["#/home/adam/x", "C:\\Users\\bob"]
    )
    assert found(table, own=(ADA,)) == ['a path of this machine ("/home/ada") in other_solutions of apps/1']
    assert found(table) == []


def test_a_folder_at_the_top_says_nothing_of_anybody(tmp_path):
    table = rows(tmp_path / "rows.parquet", description=["a file /root/a.txt", "/data"])
    assert found(table, own=(Path("/root"), Path("/data"), Path("/"))) == []


def test_in_a_worklist_item_the_record_is_the_sources_and_the_rest_is_ours(tmp_path):
    item = {"record": {"solutions": ["/home/bob/1"]}, "reasons": [{"evidence": {"error": "/home/bob/2"}}]}
    table = rows(tmp_path / "items.parquet", item=[json.dumps(item)])
    assert found(table) == ['a path of a machine ("/home/bob")' + " in item of apps/0"]
    item["reasons"] = []
    assert found(rows(table, item=[json.dumps(item)])) == []
    assert found(table, own=(Path("/home/bob"),)) == ['a path of this machine ("/home/bob") in item of apps/0']


def test_in_a_decision_the_patch_is_the_sources_and_the_comment_is_the_reviewers(tmp_path):
    path = tmp_path / "ada.jsonl"
    lines = [
        {"patch": [{"op": "replace", "value": "open('/home/bob/x')"}], "comment": ""},
        {"patch": [], "comment": "see /home/ada/notes"},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + "torn /home/eve/x\n")
    assert found(path) == [
        'a path of a machine ("/home/ada") in line 2',
        'a path of a machine ("/home/eve") in line 3',
    ]


def test_the_same_text_is_told_once_with_how_often(tmp_path):
    table = rows(tmp_path / "rows.parquet", detail=["/home/bob/1", "", "/home/bob/2 and /home/bob/3"])
    assert found(table) == ['a path of a machine ("/home/bob") in detail of apps/0, and 2 more']


def test_what_the_user_vouches_for_is_left_out(tmp_path):
    secret = SECRETS[0][0]
    path = tmp_path / "README.md"
    path.write_text(f"{secret} {secret}x")
    assert found(path, allowed=(secret,)) == ["a token of Hugging Face (hf_aB3aB..., 40 characters)"]


def test_the_header_of_weights_is_read_and_a_tokenizers_words_are_the_sources(tmp_path):
    header = json.dumps({"__metadata__": {"from": "/home/ada/base"}}).encode()
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(struct.pack("<Q", len(header)) + header)
    assert found(weights) == ['a path of a machine ("/home/ada")']
    words = tmp_path / "tokenizer.json"
    words.write_text('{"vocab": {"/home/user": 7}}')
    assert found(words) == []


@pytest.mark.parametrize("name", ["rows.parquet", "model.safetensors"])
def test_a_file_that_cannot_be_read_is_the_matter_of_other_checks(tmp_path, name):
    (tmp_path / name).write_bytes(b"torn")
    assert found(tmp_path / name) == []
