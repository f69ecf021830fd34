// What spoke for one row's answer: a bar for each measurement, the explanation's own grade, and how to read it.
import { bars } from "./charts.js";
import { el, number } from "./core.js";
import { word } from "./words.js";

const SHOWN = 10;
const LEAST = 0.005; // logits that a bar is worth
const METHODS = { integrated: "integrated gradients" };

// `told` is an answer of /api/explain/row or /api/explain/table, `positive` the positive class of two, or null.
export function evidence(told, positive, room) {
  const name = told.class;
  const [speaksFor, speaksAgainst] = name === positive || positive === null ? ["c1", "c0"] : ["c0", "c1"];
  const rows = told.features.slice(0, SHOWN).map((each) => ({
    name: each.name,
    value: each.evidence ?? 0,
    text: signed(each.evidence),
    kind: each.evidence < 0 ? speaksAgainst : speaksFor,
  }));
  const strongest = rows.slice(0, 3).map((row) => `${row.name} ${row.text}`);
  const label = `What each measurement adds to the logit of ${name}, the strongest first: ${strongest.join(", ")}, and so on.`;
  const width = Math.max(280, Math.min(560, room));
  const method = METHODS[told.method] ?? told.method;
  return el(
    "div",
    { class: "evidence" },
    el("h3", {}, `What speaks for and against ${name}`),
    rows.some((row) => Math.abs(row.value) >= LEAST)
      ? bars({ rows, label, width, names: Math.min(190, 0.52 * width) })
      : el("p", {}, "Nothing does: this row is about the average one, which all are compared with."),
    el(
      "p",
      { class: "soft small" },
      "The share of each measurement in the ",
      word("logit", "logit"),
      ` of ${name}, compared with an average row: to the right for it, to the left against it. `,
      `The ${rows.length} strongest of ${told.features.length}, by `,
      word(told.method, method),
      ".",
    ),
    el("p", { class: "small" }, el("b", {}, word("grade", "Grade"), ": "), `${told.grade}.`),
    el("details", {}, el("summary", {}, `All ${told.features.length} as a table`), table(told.features)),
    el("p", { class: "soft small" }, told.notice),
  );
}

function signed(value) {
  if (value === null) return "-";
  return Math.abs(value) < LEAST / 10 ? "about 0" : `${value < 0 ? "−" : "+"}${number(Math.abs(value), 2)}`;
}

function table(features) {
  const head = (text, kind = null) => el("th", { scope: "col", class: kind }, text);
  const cell = (text) => el("td", { class: "number" }, text);
  const row = (each) =>
    el("tr", {}, el("th", { scope: "row" }, each.name), cell(number(each.value, 6)), cell(signed(each.evidence)));
  const heads = [head("measurement"), head("value", "number"), head("adds to the logit", "number")];
  const whole = el("table", {}, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, features.map(row)));
  return el("div", { class: "scroll" }, whole);
}
