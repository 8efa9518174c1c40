"""Decisions as records of Argilla 2, in the shape of its `dataset.records.to_list()` and `to_json()`, and back.

A record is one content of one problem; `metadata` holds problem_id, source_hash and seen_hash. Decisions of humans are its
`responses`, {question: [{"value", "user_id"}]}. The last decision of a model is its `suggestions`, {question: {"value",
"score", "agent"}}: Argilla holds one suggestion a question. The questions:

    action    accept, correct or reject
    reason    a slug
    comment   a sentence
    patch     the JSON Patch of a correction, as text
    ledger    JSON, as text: what else a line of the ledger holds, so that nothing is lost on the way back; may be absent

Only decisions that have an effect go: the last of each reviewer on each content that was not undone. Argilla knows users by
UUID: `users` translates.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from appsplus import jsonl
from appsplus.ledger.decision import RULINGS, Decision, line_of

_OWN = ("action", "reason", "comment", "patch")
_RECORD = (
    "problem_id",
    "source_hash",
    "reviewer",
    "previous_hash",
    "undoes",
)  # said elsewhere, or not at all
Record = dict[str, Any]


def records(decisions: Sequence[Decision], users: Mapping[str, str]) -> tuple[list[Record], int]:
    """(records, how many decisions of further models have no place in them).

    `decisions` in order of time, without undone ones; `users`: reviewers to Argilla's user ids.
    """
    last: dict[tuple[str, str, str], dict[str, Decision]] = {}
    for d in decisions:
        if d.action in RULINGS:
            own = last.setdefault((d.problem_id, d.source_hash, d.seen), {})
            own.pop(d.reviewer, None)  # so that the order is that of the last decisions
            own[d.reviewer] = d
    made: list[Record] = []
    left_out = 0
    for (problem_id, source_hash, seen), own in last.items():
        humans = [d for d in own.values() if d.reviewer_kind == "human"]
        models = [d for d in own.values() if d.reviewer_kind != "human"]
        left_out += len(models[:-1])
        responses: dict[str, list[Record]] = {}
        for d in humans:
            for question, value in _answers(d).items():
                responses.setdefault(question, []).append(
                    {"value": value, "user_id": users.get(d.reviewer, d.reviewer)}
                )
        made.append(
            {
                "id": f"{problem_id}@{seen}",
                "fields": {"problem": problem_id},
                "metadata": {"problem_id": problem_id, "source_hash": source_hash, "seen_hash": seen},
                "suggestions": {
                    question: {"value": value, "score": None, "agent": d.reviewer}
                    for d in models[-1:]
                    for question, value in _answers(d).items()
                },
                "responses": responses,
                "vectors": {},
            }
        )
    return made, left_out


def rows(data: bytes, users: Mapping[str, str]) -> Iterator[tuple[str, Record | str]]:
    """Each decision in a file of records, with its place; a text where it is none, and says why.

    `users`: Argilla's user ids to reviewers. A suggestion without an agent is a hint, and not taken for a decision.
    """
    try:
        found = jsonl.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        yield "the file", str(error)
        return
    if not isinstance(found, list):
        yield (
            "the file",
            f"got {type(found).__name__}, expected a list of records, as `dataset.records.to_json` writes it",
        )
        return
    for number, record in enumerate(found, start=1):
        place = f"record {number}"
        try:
            yield from _decisions(record, place, users)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            yield place, f"no record of Argilla with our questions: {error!r}"


def _answers(decision: Decision) -> dict[str, str]:
    line = jsonl.loads(line_of(decision))
    rest = {name: value for name, value in line.items() if name not in (*_OWN, *_RECORD)}
    own = {"action": decision.action, "reason": decision.reason, "comment": decision.comment}
    patch = jsonl.dumps(line["patch"]) if decision.patch else ""
    return {question: value for question, value in (own | {"patch": patch}).items() if value} | {
        "ledger": jsonl.dumps(rest)
    }


def _decisions(record: Any, place: str, users: Mapping[str, str]) -> Iterator[tuple[str, Record | str]]:
    metadata = record.get("metadata") or {}
    content = {name: metadata.get(name, "") for name in ("problem_id", "source_hash", "seen_hash")}
    answers: dict[str, Record] = {}
    for question, given in (record.get("responses") or {}).items():
        for response in given:
            user = str(response["user_id"])
            answers.setdefault(users.get(user, user), {})[question] = response["value"]
    for question, suggestion in (record.get("suggestions") or {}).items():
        if suggestion.get("agent"):
            answers.setdefault(suggestion["agent"], {"reviewer_kind": "model"})[question] = suggestion["value"]
    for reviewer, own in answers.items():
        row = content | {"reviewer": reviewer, **own}
        rest = jsonl.loads(row.pop("ledger", None) or "{}")
        row["patch"] = jsonl.loads(row["patch"]) if row.get("patch") else []
        yield f"{place}, {reviewer}", row | rest
