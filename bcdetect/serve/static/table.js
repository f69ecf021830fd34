// The page Predict a table: a file, pasted rows or an example in; answers out, to look at and to save.
import { nounOf, some } from "./answers.js";
import { address, ask, askJson, at, el, Failure, failureBox, files, model, save, trying } from "./core.js";
import { asCsv, csvLine } from "./lines.js";
import { perCent } from "./proportions.js";
import { post, rowsTable } from "./rows.js";

const PAGE = 100;
const ROWS_TO_TRY = 60;
const TRIED = "The model may have been trained on some of these rows: they show how it answers, not how good it is.";

const form = at("#ask");
const result = at("#result");
const count = (n) => n.toLocaleString("en");

if (form) {
  const one = "Only the first of the files was read.";
  files(at("#drop"), (found) => predict(found[0], found[0].name, found.length > 1 ? one : ""));
  at("#paste").addEventListener("submit", (event) => {
    event.preventDefault();
    predict(new Blob([asCsv(at("#pasted").value)]), "pasted rows");
  });
  at("#header").addEventListener("click", () => {
    const area = at("#pasted");
    area.value = `${csvLine(JSON.parse(form.dataset.header))}\n${area.value}`;
    area.focus();
  });
  at("#try")?.addEventListener("click", async () => {
    const rows = address("/api/predict/example.csv", { model: model(), rows: ROWS_TO_TRY });
    const response = await trying("Fetching the example", result, () => ask(rows));
    if (response) predict(await response.blob(), "wisconsin.csv", TRIED);
  });
}

async function predict(blob, name, note = "") {
  result.replaceChildren();
  await trying(`Predicting ${name}`, result, async () => {
    if (blob.size > Number(form.dataset.bytes))
      throw new Failure({ file: name, what: "the file is too large", hint: "Split it into smaller ones" });
    const sent = { model: model(), name: name.slice(0, 200) };
    const answers = await askJson(address("/api/predict/table", sent), post(blob));
    show({ blob, name, note, answers, sent: { ...sent, model: answers.model } });
  });
}

// Which rows a button shows, by their place; the first is all.
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
  const { answers, name, note } = state;
  state.filters = filtersOf(answers);
  state.list = el("div", {});
  state.buttons = state.filters.map((filter, i) => {
    const text = `${filter.name} (${count(filter.rows.length)})`;
    return el("button", { type: "button", class: "plain", onclick: () => turn(state, i, 0) }, text);
  });
  const heading = el("h2", { tabindex: "-1" }, `Answers for ${name}`);
  const saving = el("button", { type: "button", onclick: () => download(state) }, "Download the answers as CSV");
  result.replaceChildren(
    heading,
    el("p", { class: "lead summary" }, summary(answers)),
    note ? el("p", { class: "soft" }, note) : "",
    el("p", { class: "soft small" }, matching(answers)),
    el("p", { class: "tries" }, saving),
    el("div", { class: "row filters", role: "group", "aria-label": "Which rows" }, state.buttons),
    state.list,
    el("p", { class: "soft small" }, reading(answers)),
    el("p", { class: "small" }, answers.notice),
  );
  turn(state, 0, 0);
  heading.focus();
}

// Such as: 569 rows: 210 malignant, 350 benign, 31 of them uncertain: refer; 9 not answered.
function summary({ classes, positive, rows }) {
  const those = (fits) => count(rows.filter(fits).length);
  const names = positive === null ? classes : classes.toReversed();
  const called = names.map((name) => `${those((row) => row.class === name)} ${name}`).join(", ");
  const refer = `${those((row) => row.refer)} of them uncertain: refer`;
  const bad = `${those((row) => row.problem !== null)} not answered`;
  return `${count(rows.length)} row${rows.length === 1 ? "" : "s"}: ${called}, ${refer}; ${bad}.`;
}

function matching({ renamed, unused, model: name }) {
  const pairs = Object.entries(renamed).map(([feature, column]) => `${column} for ${feature}`);
  const told = [`Model: ${name}.`];
  if (pairs.length) told.push(`Other spellings, taken as the same: ${some(pairs, 3)}.`);
  if (unused.length) told.push(`Columns not looked at: ${some(unused, 5)}.`);
  return told.join(" ");
}

function reading({ positive, threshold, calibration, error_rate: rate }) {
  const told = [`Probabilities are ${calibration === null ? "the network's own, not calibrated" : `calibrated (${calibration})`}.`];
  if (positive !== null) {
    const line = `${perCent(threshold)} on (the line in the bar)`;
    told.push(`From a probability of ${nounOf(positive)} of ${line} a row is called ${positive}.`);
  }
  if (rate !== null) {
    const share = `${(100 * (1 - rate)).toFixed(0)} %`;
    told.push(
      `"May be" holds the true class of at least ${share} of rows that come from where the validation part came from.`,
      "A row that may be several classes or none, or is unlike the training data, is to be referred.",
    );
  }
  return told.join(" ");
}

function turn(state, wanted, page) {
  state.buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === wanted)));
  const chosen = state.filters[wanted].rows;
  const shown = chosen.slice(page * PAGE, (page + 1) * PAGE);
  state.list.replaceChildren(
    shown.length ? rowsTable(state, shown) : el("p", { class: "empty" }, "No row is of this kind."),
    pager(chosen.length, page, (to) => turn(state, wanted, to)),
  );
}

function pager(rows, page, go) {
  if (rows <= PAGE) return "";
  const last = Math.min(rows, (page + 1) * PAGE);
  const button = (name, to, there) =>
    el("button", { type: "button", class: "plain", disabled: !there, onclick: () => go(to) }, name);
  return el(
    "nav",
    { class: "row", "aria-label": "Pages of rows" },
    button("Previous", page - 1, page > 0),
    el("span", { role: "status" }, `${count(page * PAGE + 1)} to ${count(last)} of ${count(rows)}`),
    button("Next", page + 1, last < rows),
  );
}

async function download({ blob, name, sent }) {
  try {
    const response = await ask(address("/api/predict/table", { ...sent, format: "csv" }), post(blob));
    save(`${name.replace(/\.csv$/i, "")}-answers.csv`, await response.text(), "text/csv");
  } catch (error) {
    result.prepend(failureBox(error));
  }
}
