// The card of a picture: waiting, stopped, not answered, or its answer, which opens; and all cards as a CSV file.
import { classTags, meter, nounOf, probabilityOf, unanswered } from "./answers.js";
import { el, percent } from "./core.js";
import { csvLine, plain } from "./lines.js";

// An item is {name, parts, state, answers, lead, failure}: `answers` as /api/predict/pictures gave them, `lead` the row shown.
export function cardOf(item, open) {
  const name = el("b", { class: "name", title: item.name }, item.name);
  if (item.state === "waiting" || item.state === "stopped")
    return el("div", { class: "shot" }, name, el("span", { class: "soft" }, item.state === "waiting" ? "waiting ..." : "stopped"));
  if (item.state === "bad") {
    const row = item.answers?.rows[item.lead];
    const { what, hint } = item.failure ?? { what: row.problem, hint: row.hint };
    return el(
      "div",
      { class: "shot" },
      name,
      el("div", {}, unanswered(), ` ${what}.`),
      hint ? el("div", { class: "soft small" }, `${hint}.`) : null,
    );
  }
  const { answers, lead } = item;
  const row = answers.rows[lead];
  return el(
    "button",
    { type: "button", class: "shot", onclick: open, "aria-haspopup": "dialog" },
    el("img", { src: row.picture, alt: "", width: 96, height: 96 }),
    el(
      "span",
      { class: "sum" },
      name,
      answerOf(row, answers),
      answers.rows.length > 1 ? el("span", { class: "small" }, slicesText(answers.rows, lead, answers.classes)) : null,
    ),
  );
}

// The class, the probability, and why to refer it, if it is.
export function answerOf(row, answers) {
  return el(
    "span",
    { class: "sum" },
    el("span", {}, classTags(row, answers)),
    el("span", { class: "small" }, probabilityOf(answers)),
    meter(row, answers),
    row.refer ? el("span", { class: "small" }, row.reason) : null,
  );
}

// The same in one line, without the reason.
export function lineOf(row, answers) {
  if (row.problem) return row.problem;
  const said = `${row.class}, ${probabilityOf(answers)} ${percent(row.probabilities[answers.positive ?? row.class])}`;
  return row.refer ? `${said}; uncertain: refer` : said;
}

function slicesText(rows, lead, classes) {
  const parts = classes.map((name) => [name, rows.filter((row) => row.class === name).length]);
  parts.push(["of them uncertain: refer", rows.filter((row) => row.refer).length]);
  parts.push(["not answered", rows.filter((row) => row.problem).length]);
  const counted = parts.filter(([, count]) => count).map(([name, count]) => `${count} ${name}`);
  return `slice ${lead + 1} of ${rows.length}; all slices: ${counted.join(", ")}`;
}

// The row that stands for a file of many slices: of two classes where the positive one is likeliest, else the middle one.
export function leading({ rows, positive }) {
  const good = rows.map((row, index) => ({ row, index })).filter(({ row }) => !row.problem);
  if (!good.length) return 0;
  if (positive === null) return good[Math.floor(good.length / 2)].index;
  return good.reduce((best, each) => (each.row.probabilities[positive] > best.row.probabilities[positive] ? each : best)).index;
}

// Whether a card is one of those to show: "all", "refer", "problem", or "class NAME".
export function matches(item, wanted) {
  if (wanted === "all" || item.state === "waiting") return true;
  const rows = item.answers?.rows ?? [];
  if (wanted === "problem") return item.state !== "answered" || rows.some((row) => row.problem);
  return rows.some((row) => (wanted === "refer" ? row.refer : row.class && `class ${row.class}` === wanted));
}

// As the command predict writes it.
export function csvOf(items) {
  const answers = items.find((item) => item.answers)?.answers ?? { positive: null, classes: [] };
  const shown = answers.positive === null ? answers.classes : [answers.positive];
  const names = answers.positive === null ? shown : [nounOf(answers.positive)];
  const lines = [["file", "class", ...names.map((name) => `probability of ${name}`), "set", "reason", "problem"]];
  for (const item of items)
    for (const row of item.answers?.rows ?? [{ file: item.name, problem: item.failure?.what ?? item.state }]) {
      const probabilities = shown.map((name) => row.probabilities?.[name]);
      const [file, called, ...told] = [row.file, row.class, row.set?.join("; "), row.reason, row.problem].map(plain);
      lines.push([file, called, ...probabilities, ...told]);
    }
  return lines.map((cells) => `${csvLine(cells.map((cell) => String(cell ?? "")))}\n`).join("");
}
