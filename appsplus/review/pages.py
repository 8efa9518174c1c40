"""What each route answers. Every page can be used without JavaScript; with it, the judge's part comes in by itself."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from appsplus.errors import AppsplusError, InputError
from appsplus.ledger import document
from appsplus.ledger.reasons import DOUBTS, RULED
from appsplus.problem import RawProblem
from appsplus.review import rendering
from appsplus.review.corrections import CHECKERS, NO_CHECKER, Operation, patch_from_form
from appsplus.review.desk import Case, Desk
from appsplus.review.judgement import Judgement, Judging
from appsplus.review.security import Keys
from appsplus.review.tests_view import judged_view
from appsplus.review.worklist_view import OPEN, STATES, Filters

Form = Mapping[str, str]
PAGE_ROWS = 100
REJECT_REASONS = RULED | {slug: words for slug, words in DOUBTS.items() if slug != "audit_sample"}  # which is no fault
PAST_TENSE = {
    "accept": "accepted",
    "correct": "corrected",
    "reject": "rejected",
    "skip": "skipped",
    "comment": "commented on",
}


class Pages:
    """The handlers: plain functions of a request, around one desk."""

    def __init__(self, desk: Desk, judging: Judging, keys: Keys) -> None:
        self._desk, self._judging, self._keys = desk, judging, keys
        self._told: list[str] = list(desk.notes)  # what the next page says at its top

    def start(self, request: Request) -> Response:
        """Go on where the reviewer stopped."""
        return self._go_on(None, Filters.of(request.query_params))

    def worklist(self, request: Request) -> Response:
        """All items that the filters let through, a page at a time."""
        filters, states = Filters.of(request.query_params), self._desk.snapshot().states
        rows = self._desk.view().matching(filters, states)
        start = _number(request.query_params.get("start"), 0)
        shown = [(row, states.get(row.problem_id, OPEN)) for row in rows[start : start + PAGE_ROWS]]
        following = start + PAGE_ROWS if start + PAGE_ROWS < len(rows) else None
        earlier = max(0, start - PAGE_ROWS) if start else None
        return self._page(
            "list.html", filters, title="Worklist", rows=shown, count=len(rows), following=following, earlier=earlier
        )

    def item(self, request: Request) -> Response:
        """One problem on one screen."""
        case = self._desk.case(request.path_params["problem_id"])
        judgement = None
        if "judged" in request.query_params or "edit" in request.query_params:
            judgement = self._judging(case.content)
        return self._item(case, request.query_params, judgement=judgement)

    def judged(self, request: Request) -> Response:
        """The part of the screen that the judge has to say something about."""
        case = self._desk.case(request.path_params["problem_id"])
        try:
            view = _judged_view(case, case.content, self._judging(case.content), request.query_params)
        except AppsplusError as error:  # the rest of the screen stays usable
            return HTMLResponse(rendering.page("refused.html", message=str(error)))
        filters = Filters.of(request.query_params)
        return HTMLResponse(
            rendering.page("judged.html", case=case, content=case.content, view=view, filters=filters, typed={})
        )

    def attempt(self, request: Request, form: Form) -> Response:
        """Judge a correction, and show what would come of it."""
        case = self._desk.case(request.path_params["problem_id"])
        try:
            trial = self._trial(case, form)
        except AppsplusError as error:
            return self._refused(request, case, form, str(error))
        if request.headers.get("hx-request"):
            return self._fragment(case, form, trial, "")
        return self._item(case, form, trial=trial, judgement=self._judging(case.content))

    def decide(self, request: Request, form: Form) -> Response:
        """Save a decision and go on with the next item."""
        case = self._desk.case(request.path_params["problem_id"])
        filters, action = Filters.of(form), form.get("action", "")
        fields: dict[str, Any] = {"comment": form.get("comment", "").strip()}
        try:
            if form.get("seen_hash") != case.content.seen_hash:
                raise InputError(
                    "the problem has changed since this page was made: somebody has corrected it, or it was built anew."
                    " Nothing was saved; look at it as it is now, and decide again"
                )
            if action == "reject" and form.get("why") not in REJECT_REASONS:
                raise InputError("a rejection needs one of the reasons; nothing was saved")
            if action == "reject":
                fields["reason"] = form["why"]
            if action == "correct":
                return self._correct(request, case, form, filters, fields)
            if action not in PAST_TENSE:
                raise InputError(f"the action {action!r} is not known; expected one of {', '.join(PAST_TENSE)}")
            if action == "accept" and form.get("override") == "1":
                fields["override"] = _with_comment(fields)
            self._desk.decide(case, action, opened=_opened(form), **fields)
        except AppsplusError as error:
            return self._refused(request, case, form, str(error))
        self._tell(f"{PAST_TENSE[action].capitalize()}: {case.item.problem_id}.")
        if action == "comment":
            return _see_other(_address(case.item.problem_id, filters))
        return self._go_on(case.item.problem_id, filters)

    def undo(self, _: Request, form: Form) -> Response:
        """Take the reviewer's last decision back, and go to its problem."""
        made = self._desk.undo()
        self._tell(f"Undone: {made.problem_id} had been {PAST_TENSE[made.action]}.")
        filters = Filters.of(form)
        if made.problem_id not in self._desk.view().places:
            return self._go_on(None, filters)
        return _see_other(_address(made.problem_id, filters))

    def disagreements(self, request: Request) -> Response:
        """The adjudication queue."""
        cases = self._desk.disagreements()
        return self._page("disagreements.html", Filters.of(request.query_params), title="Disagreements", cases=cases)

    def help(self, request: Request) -> Response:
        """Keys and reasons."""
        filters = Filters.of(request.query_params)
        return self._page("help.html", filters, title="Help", reject_reasons=REJECT_REASONS)

    def error(self, request: Request, message: str, status: int) -> Response:
        """Something went wrong; nothing was lost."""
        if request.headers.get("hx-request"):
            return HTMLResponse(rendering.page("refused.html", message=message))
        phrase = HTTPStatus(status).phrase
        return HTMLResponse(rendering.page("error.html", message=message, title=phrase, desk=self._desk), status)

    def _trial(self, case: Case, form: Form) -> dict[str, Any]:
        """What a correction makes of a problem, for the page. Raises AppsplusError."""
        patch = _patch(case, form)
        content = self._desk.corrected(case, patch)
        judgement = self._judging(content)
        view = _judged_view(case, content, judgement, {})
        words = case.item.reasons[_number(form["proposal"], 0)].proposal_words if form.get("proposal") else ""
        return {
            "patch": patch,
            "judgement": judgement,
            "view": view,
            "proposal": form.get("proposal", ""),
            "words": form.get("comment") or words,
            "opened": form.get("opened", ""),
        }

    def _fragment(self, case: Case, form: Form, trial: dict[str, Any] | None, message: str) -> Response:
        filters = Filters.of(form)
        values = {"case": case, "trial": trial, "message": message, "filters": filters, "csrf": self._keys.csrf}
        return HTMLResponse(rendering.page("trial.html", **values))

    def _correct(self, request: Request, case: Case, form: Form, filters: Filters, fields: dict[str, Any]) -> Response:
        trial, override = self._trial(case, form), form.get("override") == "1"
        if not trial["judgement"].passes and not override:
            message = "not saved: the corrected problem does not pass. Correct it further, or save it with the override"
            return self._refused(request, case, form, message, trial)
        overrides = override and _with_comment(fields) and not trial["judgement"].passes
        fields |= {"patch": trial["patch"], "override": overrides, "reason": _slug(case, form)}
        self._desk.decide(case, "correct", opened=_opened(form), **fields)
        self._tell(f"Corrected: {case.item.problem_id}.")
        return self._go_on(case.item.problem_id, filters)

    def _refused(
        self, request: Request, case: Case, form: Form, message: str, trial: dict[str, Any] | None = None
    ) -> Response:
        """The same page again, with what was typed and what is wrong."""
        if request.headers.get("hx-request"):
            return self._fragment(case, form, trial, message)
        judgement = self._judging(case.content) if "description" in form else None  # its fields keep what was typed
        return self._item(case, form, trial=trial, judgement=judgement, message=message, status=409)

    def _item(
        self,
        case: Case,
        given: Mapping[str, str],
        *,
        judgement: Judgement | None = None,
        trial: dict[str, Any] | None = None,
        message: str = "",
        status: int = 200,
    ) -> Response:
        filters, view, problem_id = Filters.of(given), self._desk.view(), case.item.problem_id
        shown = None
        if judgement is not None:
            shown = _judged_view(case, case.content, judgement, given)
        return self._page(
            "item.html",
            filters,
            status=status,
            title=problem_id,
            case=case,
            content=case.content,
            state=self._desk.snapshot().states.get(problem_id, OPEN),
            place=view.places.get(problem_id, 0) + 1,
            previous=view.neighbour(problem_id, -1, filters),
            following=view.neighbour(problem_id, 1, filters),
            reject_reasons=_likely_first(case),
            proposals_fit=proposals_fit(case),
            form=_form_values(case.content, given),
            typed=given,
            view=shown,
            trial=trial,
            message=message,
            judged_query=filters.query(),
        )

    def _page(self, template: str, filters: Filters, *, status: int = 200, **values: Any) -> Response:
        snapshot, view = self._desk.snapshot(), self._desk.view()
        told, self._told = self._told, []
        html = rendering.page(
            template,
            desk=self._desk,
            csrf=self._keys.csrf,
            filters=filters,
            worklist=view,
            states=STATES,
            progress=view.progress(filters, snapshot.states, snapshot.seconds),
            told=told,
            **values,
        )
        return HTMLResponse(html, status)

    def _go_on(self, problem_id: str | None, filters: Filters) -> Response:
        following = self._desk.view().next_open(problem_id, filters, self._desk.snapshot().states)
        if following is None:
            return _see_other(f"/list{filters.query()}")
        return _see_other(_address(following, filters))

    def _tell(self, message: str) -> None:
        self._told.append(message)


def _likely_first(case: Case) -> dict[str, str]:
    """The reasons to reject, those for which the problem is here before all others."""
    own = {slug: REJECT_REASONS[slug] for slug in case.item.slugs if slug in REJECT_REASONS}
    return own | REJECT_REASONS


def proposals_fit(case: Case) -> bool:
    """Whether the content is the one that the build's proposals were made for: they name unit tests by their places."""
    return case.item.seen_hash in ("", case.content.seen_hash)


def _patch(case: Case, form: Form) -> tuple[Operation, ...]:
    """Of a proposal, by its number, or of the form. Raises InputError."""
    if not form.get("proposal"):
        return patch_from_form(case.content, form)
    number = _number(form["proposal"], -1)
    if not 0 <= number < len(case.item.reasons) or not case.item.reasons[number].proposal:
        raise InputError("there is no such proposal any more; reload the page")
    if not proposals_fit(case):
        raise InputError(
            "the proposals are for the content that the build had, which was corrected since; correct it by hand"
        )
    return case.item.reasons[number].proposal


def _with_comment(fields: Mapping[str, Any]) -> bool:
    """True: an override that may be saved. Raises InputError where it does not say why."""
    if not fields["comment"]:
        raise InputError("not saved: an override needs a comment that says why the build is wrong, or what comes next")
    return True


def _slug(case: Case, form: Form) -> str:
    """The reason code of a correction: that of the doubt it settles, the first one where nothing else is said."""
    slugs = [reason.slug for reason in case.item.reasons]
    number = _number(form.get("proposal"), 0)
    return slugs[number] if number < len(slugs) else ""


def _judged_view(case: Case, content: RawProblem, judgement: Judgement, given: Mapping[str, str]) -> Any:
    mentioned = [number for reason in case.item.reasons for number in _mentioned(reason.evidence)]
    start = _number(given.get("from"), 0) if given.get("from") else None
    return judged_view(content, judgement, mentioned=mentioned, start=start, edit=_number(given.get("edit"), -1))


def _mentioned(evidence: Any) -> Iterator[int]:
    """The unit tests that evidence names, at any depth."""
    if isinstance(evidence, dict):
        if isinstance(evidence.get("unit_test"), int):
            yield evidence["unit_test"]
        evidence = list(evidence.values())
    if isinstance(evidence, list):
        for inner in evidence:
            yield from _mentioned(inner)


def _form_values(content: RawProblem, given: Mapping[str, str]) -> dict[str, Any]:
    """What the fields of the form of corrections hold: what was typed, else what the problem has."""
    checker = document(content)["checker"] or {"kind": NO_CHECKER, "any_of": [], "program": ""}
    defaults = {
        "description": content.description,
        "entry_point": content.entry_point or "",
        "starter_code": content.starter_code,
        "checker_kind": checker["kind"],
        "checker_any_of": rendering.json_text(checker["any_of"]),
        "checker_program": checker["program"],
        "new_input": "",
        "new_output": "",
        "new_solution": "",
        "comment": "",
    }
    typed = {name: given[name] for name in defaults if name in given}
    return defaults | typed | {"checkers": CHECKERS}


def _opened(form: Form) -> float | None:
    try:
        return float(form.get("opened", ""))
    except ValueError:
        return None


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else default


def _address(problem_id: str, filters: Filters) -> str:
    return f"/item/{rendering.quoted(problem_id)}{filters.query()}"


def _see_other(address: str) -> Response:
    return RedirectResponse(address, 303)
