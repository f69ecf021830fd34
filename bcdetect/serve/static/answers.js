// One answer in marks and words: the class, the probability with its threshold, the set, and why to refer.
import { el, percent } from "./core.js";

// The class whose probability is shown: the positive one of two, else the one decided on.
const shownClass = (row, answers) => answers.positive ?? row.class;

export const nounOf = (positive) => (positive === "malignant" ? "malignancy" : positive);

export const probabilityOf = ({ positive }) => (positive === null ? "probability" : `probability of ${nounOf(positive)}`);

// The colour of a class is that of the charts, which have four and one for all others; among three and more benign and malignant keep theirs.
function kindOf(name, { classes }) {
  if (classes.length < 3) return `c${classes.indexOf(name)}`;
  const known = { benign: "c0", malignant: "c1" };
  const place = 2 + classes.filter((each) => !(each in known)).indexOf(name);
  return known[name] ?? (place < 4 ? `c${place}` : "cx");
}

export function classTags(row, answers) {
  const tags = [el("span", { class: `tag ${kindOf(row.class, answers)}` }, row.class)];
  return row.refer ? [...tags, " ", el("span", { class: "tag refer" }, "uncertain: refer")] : tags;
}

export const unanswered = () => el("span", { class: "tag bad" }, "not answered");

// A bar for a probability, with a line at the threshold; the number beside it says the same.
export function meter(row, answers) {
  const name = shownClass(row, answers);
  const p = row.probabilities[name];
  const fill = el("span", { class: `fill ${kindOf(name, answers)}` });
  fill.style.width = `${100 * p}%`;
  const line = answers.threshold === null ? null : el("span", { class: "threshold" });
  if (line) line.style.left = `${100 * answers.threshold}%`;
  const track = el("span", { class: "track", "aria-hidden": "true" }, fill, line);
  return el("span", { class: "meter" }, track, el("span", { class: "value" }, percent(p)));
}

export function setText(row) {
  if (row.set === null) return "-";
  if (!row.set.length) return "none";
  return row.set.join(" or ");
}

export function rangeText(row) {
  if (row.in_range === null) return "-";
  return row.in_range ? "within" : `outside: ${some(row.outside, 3)}`;
}

// The first of several names, and how many more.
export function some(names, most) {
  const more = names.length - most;
  return names.slice(0, most).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
