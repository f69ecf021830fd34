// One answer in marks and words: the class, the probability with its threshold, the set, and why to refer.
import { el, percent } from "./core.js";

// The class whose probability is shown: the positive one of two, else the one decided on.
export const shownClass = (row, answers) => answers.positive ?? row.class;

export const nounOf = (answers) => (answers.positive === "malignant" ? "malignancy" : (answers.positive ?? "that class"));

// Class tags take the colours of the charts; a third class and on have the ink's.
export function classTag(name, answers) {
  const at = answers.classes.indexOf(name);
  return el("span", { class: `tag ${at < 4 ? `c${at}` : ""}` }, name);
}

// A bar for a probability, with a line at the threshold; the number beside it says the same.
export function meter(row, answers) {
  const p = row.probabilities[shownClass(row, answers)];
  const fill = el("span", { class: `fill c${Math.min(3, answers.classes.indexOf(shownClass(row, answers)))}` });
  fill.style.width = `${100 * p}%`;
  const line = answers.threshold === null ? null : el("span", { class: "threshold" });
  if (line) line.style.left = `${100 * answers.threshold}%`;
  return el("span", { class: "meter" }, el("span", { class: "track", "aria-hidden": "true" }, fill, line), el("span", { class: "value" }, percent(p)));
}

export function setText(row) {
  if (row.set === null) return "-";
  if (!row.set.length) return "none";
  const held = row.set.join(" or ");
  return row.set.includes(row.class) ? held : `${held}, though the threshold says ${row.class}`;
}

export function rangeText(row) {
  if (row.in_range === null) return "-";
  return row.in_range ? "within" : `outside: ${row.outside.slice(0, 3).join(", ")}${row.outside.length > 3 ? ` and ${row.outside.length - 3} more` : ""}`;
}
