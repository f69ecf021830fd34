// The page Predict a table: a file, pasted rows or an example in; answers, bad cells and evidence out.
import { classTag, meter, nounOf, rangeText, setText } from "./answers.js";
import { address, ask, askJson, at, el, Failure, failureBox, files, model, save, trying } from "./core.js";
import { evidence } from "./evidence.js";
import { asCsv, csvLine, rowWithHeader } from "./lines.js";

const PAGE = 100;
const ROWS_TO_TRY = 60;
const COLUMNS = 6;

const asking = at("#ask");
const result = at("#result");

if (asking) {
  files(at("#drop"), (found) => predict(found[0], found[0].name, found.length > 1 ? "Only the first of the files was read." : ""));
  at("#paste").addEventListener("submit", (event) => {
    event.preventDefault();
    predict(new Blob([asCsv(at("#pasted").value)]), "pasted rows");
  });
  at("#header").addEventListener("click", () => {
    const area = at("#pasted");
    area.value = `${csvLine(JSON.parse(asking.dataset.header))}\n${area.value}`;
    area.focus();
  });
  at("#try")?.addEventListener("click", async () => {
    const response = await trying("Fetching the example", result, () =>
      ask(address("/api/predict/example.csv", { model: model(), rows: ROWS_TO_TRY })),
    );
    const note = "The model may have been trained on some of these rows: they show how it answers, not how good it is.";
    if (response) predict(await response.blob(), "wisconsin.csv", note);
  });
}

async function predict(blob, name, note = "") {
  result.replaceChildren();
  await trying(`Predicting ${name}`, result, async () => {
    if (blob.size > Number(asking.dataset.bytes)) throw new Failure({ file: name, what: "the file is too large", hint: "Split it into smaller ones" });
    const answers = await askJson(address("/api/predict/table", { model: model(), name: name.slice(0, 200) }), post(blob));
    show({ blob, name, note, answers, wanted: 0, page: 0, text: null });
  });
}

const post = (body) => ({ method: "POST", headers: { "Content-Type": "text/csv" }, body });

// Which rows a button shows; the first is all.
function filtersOf({ positive, classes, rows }) {
  const named = positive === null ? classes : [positive];
  return [
    ["all", () => true],
    ...named.map((name) => [name, (row) => row.class === name]),
    ["uncertain: refer", (row) => row.refer],
    ["not answered", (row) => row.problem !== null],
  ].map(([name, fits]) => ({ name, rows: rows.flatMap((row, i) => (fits(row) ? [i] : [])) }));
}

function show(state) {
  const { answers, name } = state;
  state.filters = filtersOf(answers);
  const heading = el("h2", { tabindex: "-1" }, `Answers for ${name}`);
  state.list = el("div", {});
  state.buttons = state.filters.map((filter, i) =>
    el("button", { type: "button", class: "plain", onclick: () => turn(state, i, 0) }, `${filter.name} (${filter.rows.length.toLocaleString("en")})`),
  );
  result.replaceChildren(
    heading,
    el("p", { class: "lead summary" }, summary(answers)),
    state.note ? el("p", { class: "soft" }, state.note) : "",
    remarks(answers),
    el("div", { class: "row tries" }, el("button", { type: "button", onclick: () => download(state) }, "Download the answers as CSV")),
    el("div", { class: "row filters", role: "group", "aria-label": "Which rows" }, state.buttons),
    state.list,
    el("p", { class: "soft small" }, explanationOf(answers)),
    el("p", { class: "small" }, answers.notice),
  );
  turn(state, 0, 0);
  heading.focus();
}

// Such as: 569 rows: 210 malignant, 350 benign, 9 not answered; 31 are uncertain: refer.
function summary({ classes, rows }) {
  const count = (fits) => rows.reduce((sum, row) => sum + (fits(row) ? 1 : 0), 0);
  const parts = [...classes].reverse().map((name) => `${count((row) => row.class === name).toLocaleString("en")} ${name}`);
  const bad = count((row) => row.problem !== null);
  return `${rows.length.toLocaleString("en")} row${rows.length === 1 ? "" : "s"}: ${parts.join(", ")}, ` +
    `${count((row) => row.refer).toLocaleString("en")} of them uncertain: refer; ${bad.toLocaleString("en")} not answered.`;
}

function remarks({ renamed, unused, model: name }) {
  const names = Object.entries(renamed);
  return el(
    "p",
    { class: "soft small" },
    `Model: ${name}. `,
    names.length ? `${names.length} columns have another spelling here, such as ${names[0][1]} for ${names[0][0]}. ` : null,
    unused.length ? `Not looked at: ${unused.slice(0, 5).join(", ")}${unused.length > 5 ? ` and ${unused.length - 5} more columns` : ""}.` : null,
  );
}

function explanationOf({ positive, threshold, error_rate: rate }) {
  const parts = ["Probabilities are calibrated."];
  if (positive !== null) parts.push(`From a probability of ${nounOf({ positive })} of ${(100 * threshold).toFixed(1)} % on (the line in the bar) a row is called ${positive}.`);
  if (rate !== null) parts.push(`"May be" holds the true class of new rows like the validation part's in at least ${(100 * (1 - rate)).toFixed(0)} % of cases; a row that may be both or neither, or is unlike the training data, is to be referred.`);
  return parts.join(" ");
}

function turn(state, wanted, page) {
  Object.assign(state, { wanted, page });
  state.buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === wanted)));
  const chosen = state.filters[wanted].rows;
  const shown = chosen.slice(page * PAGE, (page + 1) * PAGE);
  const { answers } = state;
  const probability = answers.positive === null ? "probability" : `probability of ${nounOf(answers)}`;
  const heads = ["row", "class", probability, "may be", "training range", "why to refer, or what is wrong"];
  state.list.replaceChildren(
    shown.length
      ? el(
          "div",
          { class: "scroll", tabindex: "0", role: "region", "aria-label": "Answers, row by row" },
          el(
            "table",
            { class: "answers-table" },
            el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))),
            el("tbody", {}, shown.map((i) => (answers.rows[i].problem === null ? goodRow(state, i) : badRow(answers.rows[i])))),
          ),
        )
      : el("p", { class: "empty" }, "No row is of this kind."),
    pager(state, chosen.length),
  );
}

function pager(state, count) {
  if (count <= PAGE) return "";
  const { wanted, page } = state;
  const go = (name, to, there) => el("button", { type: "button", class: "plain", disabled: !there, onclick: () => turn(state, wanted, to) }, name);
  return el(
    "nav",
    { class: "row", "aria-label": "Pages of rows" },
    go("Previous", page - 1, page > 0),
    el("span", { role: "status" }, `${(page * PAGE + 1).toLocaleString("en")} to ${Math.min(count, (page + 1) * PAGE).toLocaleString("en")} of ${count.toLocaleString("en")}`),
    go("Next", page + 1, (page + 1) * PAGE < count),
  );
}

function goodRow(state, i) {
  const row = state.answers.rows[i];
  const button = el("button", { type: "button", class: "plain more", "aria-expanded": "false", "aria-label": `Row ${row.row}: what spoke for it` }, String(row.row));
  const line = el(
    "tr",
    { class: row.refer ? "good-row refer" : "good-row" },
    el("th", { scope: "row" }, button),
    el("td", {}, classTag(row.class, state.answers), " ", row.refer ? el("span", { class: "tag refer" }, "uncertain: refer") : null),
    el("td", {}, meter(row, state.answers)),
    el("td", {}, setText(row)),
    el("td", {}, rangeText(row)),
    el("td", {}, row.reason ?? ""),
  );
  line.addEventListener("click", (event) => {
    if (event.target.closest("button, .cell") === null || event.target.closest("button") === button) unfold(state, i, line, button);
  });
  return line;
}

async function unfold(state, i, line, button) {
  const open = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!open));
  if (open) {
    line.nextSibling.remove();
    return;
  }
  const place = el("div", { class: "unfolded", role: "status" }, "Asking what spoke for it.");
  line.after(el("tr", { class: "more-row" }, el("td", { colspan: String(COLUMNS) }, place)));
  const { answers, blob, name } = state;
  await trying("Explaining", place, async () => {
    state.text ??= await blob.text();
    const body = rowWithHeader(state.text, answers.rows, i);
    const told = await askJson(address("/api/explain/table", { model: answers.model, row: 1, name: name.slice(0, 200) }), post(body));
    place.replaceChildren(evidence(told, answers.positive, Math.min(innerWidth - 70, place.clientWidth)));
  });
}

function badRow(row) {
  const known = row.cells.filter((cell) => cell.column);
  return el(
    "tr",
    { class: "bad-row" },
    el("th", { scope: "row" }, String(row.row), el("div", { class: "soft small" }, `line ${row.line}`)),
    el("td", {}, el("span", { class: "tag bad" }, "not answered")),
    el("td", { colspan: String(COLUMNS - 2) }, known.length ? badCells(known) : null, known.length && known.length < 5 ? null : el("div", {}, row.problem)),
  );
}

// The bad cells as they stand in the table, their column above, the reason below.
function badCells(cells) {
  return el(
    "table",
    { class: "cells" },
    el("thead", {}, el("tr", {}, cells.map((cell) => el("th", { scope: "col" }, cell.column)))),
    el(
      "tbody",
      {},
      el("tr", {}, cells.map((cell) => el("td", { class: "wrong" }, cell.value || "(empty)"))),
      el("tr", {}, cells.map((cell) => el("td", { class: "small" }, cell.reason))),
    ),
  );
}

async function download({ blob, name, answers }) {
  try {
    const response = await ask(address("/api/predict/table", { model: answers.model, name: name.slice(0, 200), format: "csv" }), post(blob));
    save(`${name.replace(/\.csv$/i, "")}-answers.csv`, await response.text(), "text/csv");
  } catch (error) {
    result.prepend(failureBox(error));
  }
}
