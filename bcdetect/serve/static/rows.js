// Answers row by row: a good one opens to what spoke for it, a bad one shows the very cells that are wrong.
import { classTags, meter, probabilityOf, rangeText, setText, unanswered } from "./answers.js";
import { address, askJson, el, trying } from "./core.js";
import { evidence } from "./evidence.js";
import { rowWithHeader } from "./lines.js";
import { word } from "./words.js";

export const post = (body) => ({ method: "POST", headers: { "Content-Type": "text/csv" }, body });

// The rows at these places; `state` has the answers, the table as a blob, and what else was `sent` with it.
export function rowsTable(state, places) {
  const { answers } = state;
  const [sets, range, why] = [word("prediction_set", "may be"), word("training_range", "training range"), word("refer", "why to refer")];
  const heads = ["row", "class", probabilityOf(answers), sets, range, [why, ", or what is wrong"]];
  const head = el("tr", {}, heads.map((text) => el("th", { scope: "col" }, text)));
  const line = (row, i) => (row.problem === null ? goodRow(state, i, heads.length) : badRow(row));
  const lines = places.map((i) => line(answers.rows[i], i));
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Answers, row by row" },
    el("table", { class: "answers-table" }, el("thead", {}, head), el("tbody", {}, lines)),
  );
}

function goodRow(state, i, columns) {
  const row = state.answers.rows[i];
  const says = { "aria-expanded": "false", "aria-label": `Row ${row.row}: what spoke for it` };
  const button = el("button", { type: "button", class: "plain more", ...says }, String(row.row));
  const line = el(
    "tr",
    { class: row.refer ? "good-row refer" : "good-row" },
    el("th", { scope: "row" }, button),
    el("td", {}, classTags(row, state.answers)),
    el("td", {}, meter(row, state.answers)),
    el("td", {}, setText(row)),
    el("td", {}, rangeText(row)),
    el("td", {}, row.reason ?? ""),
  );
  line.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) line.nextSibling.remove();
    else unfold(state, i, line, columns);
  });
  return line;
}

async function unfold(state, i, line, columns) {
  const place = el("div", { class: "unfolded", role: "status" }, "Asking what spoke for it.");
  line.after(el("tr", {}, el("td", { colspan: String(columns) }, place)));
  const { answers, sent } = state;
  await trying("Explaining", place, async () => {
    state.text ??= await state.blob.text();
    const body = rowWithHeader(state.text, answers.rows, i);
    const told = await askJson(address("/api/explain/table", sent), post(body));
    const { reason } = answers.rows[i];
    const why = reason ? el("p", { class: "why" }, `Refer: ${reason}.`) : "";
    place.replaceChildren(why, evidence(told, answers.positive, Math.min(innerWidth - 70, place.clientWidth)));
  });
}

function badRow(row) {
  const known = row.cells.filter((cell) => cell.column);
  const more = row.bad_cells - row.cells.length;
  return el(
    "tr",
    { class: "bad-row" },
    el("th", { scope: "row" }, String(row.row), el("div", { class: "soft small" }, `line ${row.line}`)),
    el("td", {}, unanswered()),
    el("td", { colspan: "4" }, known.length ? badCells(known) : row.problem, more > 0 ? `and ${more} more bad cells` : null),
  );
}

// The bad cells as they stand in the table, their column above, the reason below.
function badCells(cells) {
  const line = (tag, kind, text) => el("tr", {}, cells.map((cell) => el(tag, kind, text(cell))));
  return el(
    "table",
    { class: "bad-cells" },
    el("thead", {}, line("th", { scope: "col" }, (cell) => cell.column)),
    el(
      "tbody",
      {},
      line("td", { class: "wrong" }, (cell) => cell.value || "(empty)"),
      line("td", { class: "small" }, (cell) => cell.reason),
    ),
  );
}
