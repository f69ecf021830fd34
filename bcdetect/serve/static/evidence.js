// What spoke for one row's answer: a bar for each measurement, the explanation's own grade, and how to read it.
import { bars } from "./charts.js";
import { el, number } from "./core.js";

const SHOWN = 10;

const signed = (value) => (value === null ? "-" : `${value < 0 ? "−" : "+"}${number(Math.abs(value), 2)}`);

// `told` is an answer of /api/explain/row or /api/explain/table, `positive` the positive class of two, or null; `room` in pixels.
export function evidence(told, positive, room) {
  const width = Math.max(280, Math.min(560, room));
  const kinds = told.class === positive || positive === null ? ["c1", "c0"] : ["c0", "c1"];
  const rows = told.features.slice(0, SHOWN).map(({ name, evidence: value }) => ({
    name,
    value: value ?? 0,
    text: signed(value),
    kind: kinds[value < 0 ? 1 : 0],
  }));
  const strongest = rows.slice(0, 3).map((row) => `${row.name} ${row.text}`);
  const label = `What each measurement adds to the logit of ${told.class}; the strongest: ${strongest.join(", ")}. All are in the table below.`;
  return el(
    "div",
    { class: "evidence" },
    el("h3", {}, `What speaks for and against ${told.class}`),
    bars({ rows, label, width, names: Math.min(190, 0.45 * width) }),
    el("p", { class: "soft small" }, `Share of each measurement in the logit of ${told.class} (to the right: for it; to the left: against it), ` +
      `compared with an average row; the ${rows.length} strongest of ${told.features.length}, by ${told.method === "integrated" ? "integrated gradients" : told.method}.`),
    el("p", { class: "small" }, el("b", {}, "Grade: "), `${told.grade}.`),
    el("details", {}, el("summary", {}, `All ${told.features.length} as a table`), table(told)),
    el("p", { class: "soft small" }, told.notice),
  );
}

function table(told) {
  return el(
    "div",
    { class: "scroll" },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, ["measurement", "value", "adds to the logit"].map((name, i) => el("th", { scope: "col", class: i ? "number" : null }, name)))),
      el(
        "tbody",
        {},
        told.features.map((each) =>
          el("tr", {}, el("th", { scope: "row" }, each.name), el("td", { class: "number" }, number(each.value, 6)), el("td", { class: "number" }, signed(each.evidence))),
        ),
      ),
    ),
  );
}
