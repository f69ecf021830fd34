// What a run was found to be worth, and what becomes of it: kept by a name, or thrown away.
import { address, ask, askJson, at, el, failureBox, postJson } from "./core.js";
import { word } from "./words.js";

const FIRST = ["accuracy", "balanced_accuracy", "sensitivity", "specificity", "roc_auc", "macro_f1", "macro_auc", "brier"];
const KINDS = { neither: "Neither over- nor under-fitting" };
const NAMES = { roc_auc: "AUC", brier: "Brier score", macro_f1: "macro F1", macro_auc: "macro AUC", f1: "F1" };
const CAUTION = "One split is one draw; the report says what else these numbers do not say.";
const NAME = "[A-Za-z0-9_][A-Za-z0-9._\\-]{0,63}";

// The scores of an ended run; `changed` is called when it was kept or thrown away.
export function outcome(run, found, changed) {
  const names = Object.keys(Object.values(found.test)[0]);
  const first = names.filter((name) => FIRST.includes(name));
  const others = names.filter((name) => !FIRST.includes(name));
  const { kind, reason } = found.learning;
  return [
    el("h3", {}, "What it is worth"),
    el(
      "p",
      {},
      `On the ${found.rows.toLocaleString("en")} rows of the test part, which nothing was chosen on, with 95 % intervals; `,
      "beside it what a logistic regression and the commonest class reach on the same rows.",
    ),
    ...warnings(found),
    scores(found.test, first, "Scores on the test part"),
    el("p", { id: "verdict" }, el("b", {}, KINDS[kind] ?? kind[0].toUpperCase() + kind.slice(1)), `: ${reason}.`),
    el("details", {}, el("summary", {}, "Further scores"), scores(found.test, others, "Further scores on the test part")),
    el("p", { class: "soft small" }, `Intervals: ${found.intervals}. ${CAUTION}`),
    el("p", { class: "small" }, el("b", {}, at("#outcome").dataset.notice)),
    el("div", { id: "keeping" }, keeping(run, changed)),
  ];
}

function warnings({ rows_in_two_parts: twice, logistic_converged: converged }) {
  const said = [];
  if (twice) said.push(`${twice === 1 ? "1 row stands" : `${twice} rows stand`} in more than one part, exactly alike: these numbers are too good.`);
  if (!converged) said.push("The logistic regression did not converge: its numbers are not the baseline's.");
  return said.map((text) => el("p", { class: "bad" }, text));
}

function scores(test, names, label) {
  const models = Object.keys(test);
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    el(
      "table",
      { class: "scores" },
      el("thead", {}, el("tr", {}, ["test part", ...models].map((name) => el("th", { scope: "col" }, name)))),
      el(
        "tbody",
        {},
        names.map((name) =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, word(name.replace(/^sensitivity of .*/, "sensitivity"), NAMES[name] ?? name.replaceAll("_", " "))),
            models.map((model) => el("td", {}, score(test[model][name]))),
          ),
        ),
      ),
    ),
  );
}

function score(one) {
  if (!one) return "-";
  if (one.value === null) return el("span", { class: "soft" }, one.why ? `undefined: ${one.why}` : "undefined");
  const limits = one.low === null || one.high === null ? "" : ` (${one.low.toFixed(3)} to ${one.high.toFixed(3)})`;
  return [one.value.toFixed(3), el("span", { class: "soft" }, limits)];
}

function report(run) {
  const there = { href: `${run.address}/report`, target: "_blank", rel: "noopener" };
  return el("a", { class: "button plain", ...there }, "Read its report");
}

function keeping(run, changed) {
  if (run.kept) return kept(run);
  const input = el("input", { id: "keep-name", required: true, maxlength: 64, pattern: NAME, autocomplete: "off" });
  input.title = "letters, digits, dots, dashes and underscores; no dot or dash first";
  const problem = el("div", {});
  const trying = (action) => async (event) => {
    event.preventDefault();
    try {
      problem.replaceChildren();
      await action();
    } catch (error) {
      problem.replaceChildren(failureBox(error));
    }
  };
  const keep = trying(async () => {
    Object.assign(run, await postJson(`${run.address}/keep`, { name: input.value }));
    at("#keeping").replaceChildren(...kept(run));
    at("#kept").focus();
    changed(run);
  });
  const discard = trying(async () => {
    await ask(run.address, { method: "DELETE" });
    changed(null);
  });
  suggest(run).then((name) => (input.value ||= name));
  return [
    el("h3", {}, "Keep it?"),
    el(
      "form",
      { class: "row", onsubmit: keep },
      el("div", { class: "field" }, el("label", { for: "keep-name" }, "Name of the model"), input),
      el("button", { type: "submit" }, "Keep"),
      el("button", { type: "button", class: "plain", onclick: discard }, "Throw it away"),
      report(run),
    ),
    problem,
  ];
}

function kept(run) {
  const to = (path, text) => el("li", {}, el("a", { href: address(path, { model: run.kept }) }, text));
  return [
    el("h3", { id: "kept", class: "good", tabindex: "-1" }, `Kept as ${run.kept}`),
    el(
      "ul",
      {},
      to("/table", "Use it: predict a table"),
      to("/model", "Its facts, and what other thresholds would mean"),
      to("/inside", "Look inside the network"),
    ),
    el("p", {}, report(run)),
  ];
}

// A name that is free, after the data's.
async function suggest(run) {
  const plain = (run.data ?? "wisconsin").replace(/\.csv$/, "").replace(/[^A-Za-z0-9._-]+/g, "-");
  const base = plain.replace(/^[.-]+/, "").slice(0, 56) || "model";
  const { models } = await askJson("/api/models").catch(() => ({ models: [] }));
  const taken = models.map((model) => model.name);
  for (let number = 1; ; number++) if (!taken.includes(`${base}-${number}`)) return `${base}-${number}`;
}
