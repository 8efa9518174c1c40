"""Which decisions count, and for what: the rules of the ledger, in this one place.

1. An undone decision counts as not made. Reviewers undo their own decisions only, and an undo is not undone: decide anew.
2. A decision counts only on the content that its reviewer saw. On any other it is stale: reported, never applied.
3. On one content, a reviewer's last decision takes the place of that reviewer's earlier ones.
4. A decision that names others in `resolves` takes the place of these, too: it adjudicates. A model's decision never takes
   the place of a human's in this way.
5. Where a human has decided, decisions of models on the same content do not count.
6. If those that are left agree (all accept, all reject, or all correct to the same content), they are in force. If not,
   none of them is, until somebody adjudicates. One decision alone agrees with itself.
7. A correction in force makes new content, on which rules 2 to 6 begin again. An accept or a reject in force is the ruling.

What became of each decision is told in these words (EFFECTS):

    in_force    a correction that was applied, or the ruling
    agreeing    another reviewer's decision to the same effect
    disputed    it differs from another one, or builds on one that does: waits for adjudication
    replaced    by a later decision of the reviewer, by an adjudication, or by a human's decision
    stale       made on content that is not there (any more)
    broken      its patch does not fit the content, or leaves something that is no problem
    undone      taken back
    noted       a skip, a comment or an undo: without effect on a build
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from appsplus.errors import LedgerError
from appsplus.ledger.decision import RULINGS, Decision
from appsplus.ledger.patch import patched
from appsplus.problem import RawProblem

IN_FORCE, AGREEING, DISPUTED, REPLACED = "in_force", "agreeing", "disputed", "replaced"
STALE, BROKEN, UNDONE, NOTED = "stale", "broken", "undone", "noted"
EFFECTS = (IN_FORCE, AGREEING, DISPUTED, REPLACED, STALE, BROKEN, UNDONE, NOTED)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the decisions about one problem come to."""

    content: RawProblem  # after the corrections in force
    corrections: tuple[Decision, ...] = ()  # in force, in the order in which they were applied
    ruling: Decision | None = None  # to accept or reject `content`
    disagreement: tuple[Decision, ...] = ()  # on `content`, in order of time; of several reviewers, all of one kind
    effects: Mapping[str, str] = field(default_factory=dict)  # of every decision, by event id: one of EFFECTS


def undone(decisions: Iterable[Decision]) -> frozenset[str]:
    """The events that count as not made (rule 1)."""
    found = {decision.event_id: decision for decision in decisions}
    undos = [(undo, found[undo.undoes]) for undo in found.values() if undo.action == "undo" and undo.undoes in found]
    return frozenset(made.event_id for undo, made in undos if may_undo(undo.reviewer, made))


def may_undo(reviewer: str, made: Decision) -> bool:
    """Whether rule 1 lets this reviewer undo that decision."""
    return made.reviewer == reviewer and made.action != "undo"


def may_resolve(kind: str, made: Decision) -> bool:
    """Whether rule 4 lets a reviewer of this kind take the place of that decision."""
    return kind == "human" or made.reviewer_kind == kind


def counting(decisions: Iterable[Decision], seen: str) -> list[Decision]:
    """The decisions that count on the content with the hash `seen` (rules 2 to 5); not yet whether they agree.

    `decisions` are those about one problem that were not undone, in order of time; the result is, too.
    """
    made = [d for d in decisions if d.action in RULINGS and d.seen == seen]
    by_event = {d.event_id: d for d in made}
    resolved = {
        event
        for d in made
        for event in d.resolves
        if event in by_event and may_resolve(d.reviewer_kind, by_event[event])
    }
    last = {d.reviewer: d.event_id for d in made}
    left = [d for d in made if last[d.reviewer] == d.event_id and d.event_id not in resolved]
    return [d for d in left if d.reviewer_kind == "human"] or left


def standing(raw: RawProblem, decisions: Sequence[Decision], undone: Collection[str] = ()) -> Standing:
    """What the decisions come to for a problem as its source has it.

    `decisions` are all about the problem, in order of time.
    """
    made = [d for d in decisions if d.event_id not in undone]
    fresh = [d for d in made if d.source_hash == raw.source_hash]
    effects = {d.event_id: _first_effect(d, undone) for d in decisions}
    content, reached = raw, set[str]()
    corrections: list[Decision] = []
    disagreement: list[Decision] = []
    ruling = None
    while content.seen_hash not in reached:
        here = content.seen_hash
        reached.add(here)
        effects |= {d.event_id: REPLACED for d in fresh if d.seen == here and d.action in RULINGS}
        results = {d.event_id: _result(content, d) for d in counting(fresh, here)}
        effects |= {event_id: BROKEN for event_id, result in results.items() if result is None}
        count = [d for d in fresh if results.get(d.event_id) is not None]
        outcomes = {result if isinstance(result, str) else result.seen_hash for result in results.values() if result}
        if len(outcomes) > 1:
            disagreement = count
            effects |= {
                d.event_id: DISPUTED for d in fresh if d in count or (d.action in RULINGS and d.seen not in reached)
            }
        elif count:
            effects |= {d.event_id: AGREEING for d in count} | {count[0].event_id: IN_FORCE}
            result = results[count[0].event_id]
            if isinstance(result, RawProblem):
                corrections.append(count[0])
                content = result
            else:
                ruling = count[0]
    return Standing(content, tuple(corrections), ruling, tuple(disagreement), effects)


def _result(content: RawProblem, decision: Decision) -> RawProblem | str | None:
    """What a decision would make of the content: another one, or its ruling; None where its patch is broken."""
    if decision.action != "correct":
        return decision.action
    try:
        return patched(content, decision)
    except LedgerError:
        return None


def _first_effect(decision: Decision, undone: Collection[str]) -> str:
    """What became of a decision before any content is looked at; the first content that has it says more."""
    if decision.action not in RULINGS:
        return NOTED
    return UNDONE if decision.event_id in undone else STALE
