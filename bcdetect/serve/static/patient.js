// The page One patient: numbers and sliders that go together, and an answer that follows them.
import { classTags, meter, probabilityOf, setText, unanswered } from "./answers.js";
import { address, at, el, failureBox, model, postJson } from "./core.js";
import { evidence } from "./evidence.js";
import { perCent } from "./proportions.js";
import { word } from "./words.js";

const WAIT = 120; // ms without a change, before anybody is asked

const fields = [...document.querySelectorAll(".slider")].map((root) => ({
  root,
  name: root.dataset.name,
  number: root.querySelector("input[type=number]"),
  slider: root.querySelector("input[type=range]"),
  wrong: root.querySelector(".wrong"),
}));
let timer = null;
let asked = new AbortController();

for (const { number, slider } of fields) {
  number.addEventListener("input", () => {
    if (number.value !== "") slider.value = number.value;
    soon();
  });
  slider.addEventListener("input", () => {
    number.value = String(Number(slider.valueAsNumber.toPrecision(6)));
    soon();
  });
}

for (const button of document.querySelectorAll("button[data-values]")) {
  const values = JSON.parse(button.dataset.values);
  button.addEventListener("click", () => {
    for (const { root, name, number, slider } of fields) slider.value = number.value = values[name] ?? root.dataset.start;
    follow();
  });
}

at("#patient")?.addEventListener("submit", (event) => event.preventDefault());
if (fields.length) follow();

function soon() {
  clearTimeout(timer);
  timer = setTimeout(follow, WAIT);
}

// Ask for what the fields say now; what was asked before is given up.
async function follow() {
  clearTimeout(timer);
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  const row = Object.fromEntries(fields.map(({ name, number }) => [name, number.value === "" ? null : number.valueAsNumber]));
  try {
    const answers = await postJson(address("/api/predict", { model: model() }), { rows: [row] }, { signal });
    show(answers);
    if (answers.rows[0].problem !== null) {
      at("#why").replaceChildren();
      return;
    }
    const told = await postJson(address("/api/explain/row", { model: model() }), { row }, { signal });
    const open = at("#why details")?.open ?? false;
    at("#why").replaceChildren(evidence(told, answers.positive, at("#why").clientWidth - 4));
    at("#why details").open = open;
  } catch (error) {
    if (error.name === "AbortError") return;
    at("#answer").replaceChildren(failureBox(error));
    at("#why").replaceChildren(); // what spoke for an earlier row would look like this one's
  }
}

function show(answers) {
  const row = answers.rows[0];
  mark(row);
  if (row.problem !== null) {
    at("#answer").replaceChildren(el("p", { role: "status" }, unanswered(), ` ${row.problem}`));
    return;
  }
  const probability = probabilityOf(answers);
  const told = [answers.notice];
  if (answers.threshold !== null) told.unshift("The line is the ", word("threshold", "threshold"), `, ${perCent(answers.threshold)}. `);
  if (row.set !== null)
    told.unshift(word("prediction_set", "May be"), ", at an ", word("error_rate", "error rate"), ` of ${answers.error_rate}: ${setText(row)}. `);
  at("#answer").replaceChildren(
    el(
      "div",
      { role: "status" },
      el("p", { class: "called" }, classTags(row, answers)),
      el("p", { class: "said" }, `${probability[0].toUpperCase()}${probability.slice(1)} `, meter(row, answers)),
      row.reason ? el("p", { class: "small" }, word("refer", "Refer"), `: ${row.reason}.`) : null,
    ),
    el("p", { class: "small soft" }, told),
  );
}

// The fields that are beyond the training range, and those that cannot be used.
function mark(row) {
  const bad = new Map(row.cells.map(({ column, reason }) => [column, reason]));
  for (const { root, name, number, wrong } of fields) {
    const outside = row.outside?.includes(name) ?? false;
    root.classList.toggle("strange", outside);
    number.setAttribute("aria-invalid", String(bad.has(name)));
    wrong.textContent = bad.get(name) ?? (outside ? "beyond the training range" : "");
  }
}
