// Keys for the review app. Every key presses a button or follows a link that is on the page, so that nothing here is
// needed to use it. Letters do nothing while one types.
"use strict";

const byId = (id) => document.getElementById(id);
const isTyping = (element) =>
  element.matches("textarea, select, input:not([type=checkbox]):not([type=radio])") || element.isContentEditable;

function openCorrect() {
  const details = document.querySelector("details.correct");
  if (!details) return;
  details.open = true;
  for (const edit of document.querySelectorAll("#judged .failing details.edit")) edit.open = true;
  const field = document.querySelector("#judged .failing details.edit textarea") || byId("f-description");
  field.focus();
  field.scrollIntoView({ block: "center" });
}

function openReject() {
  const details = byId("reject");
  if (!details) return;
  details.open = true;
  (details.querySelector("input:checked") || details.querySelector("input[type=radio]")).focus();
}

const press = (id) => () => byId(id)?.click();
const keys = {
  a: press("accept"),
  s: press("skip"),
  u: press("undo"),
  j: press("next"),
  k: press("previous"),
  c: openCorrect,
  r: openReject,
  m: () => byId("comment")?.focus(),
  "/": () => byId("search")?.focus(),
  "?": press("help-link"),
};

function close(element) {
  const open = element.closest("details[open].reject, details[open].correct, details[open].edit");
  element.blur();
  if (byId("reject")?.open) byId("reject").open = false;
  else if (open && !open.matches(".edit")) open.open = false;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return close(event.target);
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const save = byId("trial")?.querySelector(".passes #save[form]");
    const unchanged = save && byId("correct-form").dataset.judged === snapshot();
    if (event.target.form?.id === "correct-form" || event.target.id === "save") {
      event.preventDefault();
      (unchanged ? save : byId("try")).click();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const proposal = /^[1-9]$/.test(event.key) && document.querySelector(`[data-proposal="${event.key}"]`);
  const action = proposal ? () => proposal.click() : keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

// What the form of corrections holds: Ctrl+Enter judges it, and saves it if it has not changed since.
function snapshot() {
  const form = byId("correct-form");
  return form ? JSON.stringify([...new FormData(form)].filter(([name]) => name !== "override")) : "";
}

document.addEventListener("click", (event) => {
  if (event.target.closest("#open-correct")) {
    event.preventDefault();
    openCorrect();
  }
  const details = byId("reject");
  if (details?.open && !details.contains(event.target)) details.open = false;
});

document.addEventListener("toggle", (event) => {
  if (event.target.id === "reject" && event.target.open) openReject();
}, true);

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "trial") return;
  const form = byId("correct-form");
  if (form) form.dataset.judged = snapshot();
  const next = event.target.querySelector(".passes #save") || event.target;
  next.focus();
  event.target.scrollIntoView({ block: "nearest" });
});

document.addEventListener("htmx:sendError", () => {
  const told = document.querySelector(".told");
  const line = document.createElement("p");
  line.textContent = "The app does not answer. Nothing was saved; start it again, and what you typed is still here.";
  told.replaceChildren(line);
});

document.addEventListener("change", (event) => {
  if (event.target.matches(".filters select")) event.target.form.requestSubmit();
});
