"""There is one right output for every input, or a checker that knows the others.

A description that says "print any of them" accepts what an expected output cannot list: a judge that compares would refuse
right programs, and a trainer would punish them. Such a problem waits for a decision in the ledger: a checker, or that it is
right as it is.
Only what the description says about answers counts; that steps may be taken "in any order" does not.
"""

import re

from appsplus.problem import RawProblem, Reason, Rejection

_SAY = r"(?:print|output|return|give|report|display|write|provide|submit|accept)"
_MANY = r"\bthere (?:are|is|exist|exists|may be|might be|can be|could be)(?: \w+)? (?:multiple|several|many|more than one)\b"
_SEVERAL_ANSWERS = re.compile(
    # "if there are several answers, (you can) print any (of them)"
    rf"{_MANY}[^.]{{0,120}}?[,;]?\s*(?:you (?:can|may|should|are allowed to|must|need to) )?(?:then )?(?:just )?"
    rf"{_SAY}(?:s|ing)?\b[^.]{{0,40}}\b(?:any|either|arbitrary)\b(?! (?:number|other))"
    # "if there are multiple ways to satisfy the condition, any of those is accepted"
    rf"|{_MANY}[^.]{{0,120}}[,;]\s*any\b"
    # "any valid answer will be accepted"
    r"|\bany (?:\w+ ){0,3}(?:answer|solution|output|one|of (?:them|these|those|which)|order(?:ing)?)s?"
    r" (?:is|are|will be|would be|shall be) (?:accepted|acceptable|considered (?:correct|right)|counted as correct|fine)"
    # "print any suitable permutation"
    rf"|\b(?:{_SAY}|find) any (?:of (?:them|these|those|the)|one of|valid|correct|suitable|possible|optimal|such|answer"
    r"|solution)\b"
    # "you may return the answer in any order"
    r"|\b(?:you (?:can|may) |can be |may be )(?:print|output|return|given|printed|listed)(?:ed)?\b[^.]{0,60}\bin any order\b"
    r"|\b(?:return|print|output)\b[^.,]{0,60}\bin any order\b"
    # "you can print each letter in any case (upper or lower)"
    r"|\bprint(?:ed)?\b[^.,]{0,60}\bin any (?:letter )?(?:case|register)\b|\bprint \W{0,3}\w+\W{1,4}case[- ]insensitive\b",
    re.IGNORECASE,
)
_QUOTE = 60  # characters on either side


def determined(raw: RawProblem) -> RawProblem | Rejection:
    """The problem itself, or a rejection that quotes where its description accepts several answers."""
    text = " ".join(raw.description.split())
    found = _SEVERAL_ANSWERS.search(text)
    if found is None or raw.checker is not None or (raw.review and raw.review.acceptance):
        return raw
    quote = text[max(0, found.start() - _QUOTE) : found.end() + _QUOTE]
    detail = f"the description accepts several right answers, and no checker says which: … {quote} …"
    return Rejection(Reason.AMBIGUOUS_OUTPUT, detail, {"quote": quote})
