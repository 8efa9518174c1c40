// Sorting, finding, and showing which rows are tied. Every page is whole without this file.
"use strict";

const told = document.getElementById("told");
const tell = (text) => { if (told) told.textContent = text; };

function valueOf(row, column, numeric) {
  const cell = row.cells[column];
  const value = cell.dataset.v ?? cell.textContent.trim();
  if (!numeric) return value;
  return value === "" ? null : Number(value);
}

function sort(table, column, direction) {
  const heads = [...table.tHead.rows[0].cells];
  const numeric = heads[column].dataset.sort === "number";
  const sign = direction === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows].map((row, place) => [valueOf(row, column, numeric), place, row]);
  rows.sort(([a, i], [b, j]) => {
    if (a === null || b === null) return (a === null) - (b === null) || i - j;  // what is missing goes last
    const order = numeric ? a - b : a.localeCompare(b, "en", { numeric: true, sensitivity: "base" });
    return sign * order || i - j;
  });
  table.tBodies[0].append(...rows.map(([, , row]) => row));
  heads.forEach((head, i) => {
    if (i === column) head.setAttribute("aria-sort", direction);
    else head.removeAttribute("aria-sort");
  });
}

function keep(table, column, direction) {  // for the links to other filters, and for going back
  const key = table.tHead.rows[0].cells[column].dataset.key;
  const hash = `#sort=${encodeURIComponent(key)},${direction}`;
  history.replaceState(null, "", hash);
  document.querySelectorAll(".segments a").forEach((link) => { link.hash = hash; });
}

function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (!head.dataset.sort) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = head.dataset.first ?? (head.dataset.sort === "number" ? "descending" : "ascending");
      const other = first === "ascending" ? "descending" : "ascending";
      const direction = head.getAttribute("aria-sort") === first ? other : first;
      sort(table, column, direction);
      keep(table, column, direction);
      tell(`Sorted by ${head.dataset.name ?? button.textContent}, ${direction}.`);
    });
  });
  table.classList.add("sortable");
  const [, key, direction] = /^#sort=([^,]+),(ascending|descending)$/.exec(location.hash) ?? [];
  const column = heads.findIndex((head) => key && head.dataset.key === decode(key));
  if (column >= 0) {
    sort(table, column, direction);
    keep(table, column, direction);
  }
}

function decode(text) {
  try { return decodeURIComponent(text); } catch { return ""; }
}

function makeFindable(form) {
  const rows = [...document.querySelectorAll(`#${form.dataset.of} tbody tr`)];
  const nothing = document.getElementById("nothing");
  const apply = () => {
    const asked = [...new FormData(form)].filter(([, value]) => value);
    let shown = 0;
    rows.forEach((row) => {
      const fits = asked.every(([name, value]) =>
        name === "text" ? row.dataset.text.includes(value.trim().toLowerCase()) : row.dataset[name] === value);
      row.hidden = !fits;
      shown += fits;
    });
    if (nothing) nothing.hidden = shown > 0;
    tell(`${shown} of ${rows.length} rows shown.`);
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  if ([...new FormData(form)].some(([, value]) => value)) apply();  // the browser remembered something
}

function showTied(table) {
  const rows = new Map([...table.tBodies[0].rows].map((row) => [row.dataset.row, row]));
  const mark = (row, on) => {
    row.classList.toggle("self", on);
    row.dataset.tied.split(" ").forEach((key) => rows.get(key)?.classList.toggle("with", on));
  };
  rows.forEach((row) => {
    if (!row.dataset.tied) return;
    ["pointerenter", "focusin"].forEach((name) => row.addEventListener(name, () => mark(row, true)));
    ["pointerleave", "focusout"].forEach((name) => row.addEventListener(name, () => mark(row, false)));
  });
}

document.querySelectorAll("table[data-sortable]").forEach(makeSortable);
document.querySelectorAll("table[data-ties]").forEach(showTied);
document.querySelectorAll("form[data-of]").forEach(makeFindable);
