// The operating point: a threshold of the test part, and a prevalence, and all that follows from the two.
import { askJson, at, el, number, trying } from "./core.js";
import { atPrevalence, perCent } from "./proportions.js";
import { rocCurve } from "./roc.js";
import { word } from "./words.js";

const [RAREST, COMMONEST, STEPS] = [0.001, 0.6, 1000]; // prevalences, on a scale of logarithms
const MARKS = [0.005, 0.01, 0.05, 0.3];
const panel = at("#panel");

const toPrevalence = (step) => RAREST * (COMMONEST / RAREST) ** (step / STEPS);
const toStep = (prevalence) => Math.round((STEPS * Math.log(prevalence / RAREST)) / Math.log(COMMONEST / RAREST));
const brief = (value) => String(Number(value.toPrecision(value > 0.999 ? 8 : 4)));
const inPerCent = (prevalence) => `${number(100 * prevalence, 3)} %`;

// A place along a slider, for a mark beside it: its thumb, 16 pixels wide, does not pass its ends.
const along = (share) => `calc(8px + (100% - 16px) * ${share})`;

class Operating {
  constructor(facts) {
    this.facts = facts;
    this.thresholds = facts.counts.thresholds;
    this.stored = this.thresholds.reduce((best, value, k) => {
      const away = Math.abs(value - facts.point.threshold);
      return away < Math.abs(this.thresholds[best] - facts.point.threshold) ? k : best;
    }, 0);
    this.at = this.stored;
    this.prevalence = facts.prevalence > 0 && facts.prevalence < 1 ? facts.prevalence : MARKS[2];
    this.grouped = facts.test.groups !== null; // rows of one group are no independent draws: no interval by these formulas
    this.curve = rocCurve(facts.counts, this.stored);
    panel.replaceChildren(
      el("div", { class: "two" }, el("div", {}, this.#threshold(), this.#matrix()), this.curve.figure),
      el("div", { class: "two" }, this.#bayes(), this.#people()),
    );
    this.update();
  }

  countsAt(k) {
    const { tp, fp, fn, tn } = this.facts.counts;
    return { tp: tp[k], fp: fp[k], fn: fn[k], tn: tn[k] };
  }

  #threshold() {
    const last = this.thresholds.length - 1;
    const move = (event) => this.update({ at: Number(event.target.value) });
    this.slider = el("input", { type: "range", id: "threshold", min: 0, max: last, step: 1, oninput: move });
    this.called = el("output", { for: "threshold" });
    const mark = el("span", { class: "stored", title: `stored: ${brief(this.facts.point.threshold)}` }, "stored");
    mark.style.left = along(last ? this.stored / last : 0.5);
    this.back = el(
      "button",
      { class: "plain", type: "button", onclick: () => this.update({ at: this.stored }) },
      "Back to the stored threshold",
    );
    return el(
      "div",
      { class: "control" },
      el("label", { for: "threshold" }, "Threshold"),
      this.called,
      this.slider,
      el("div", { class: "marks", "aria-hidden": "true" }, mark),
      el("div", {}, this.back),
    );
  }

  #matrix() {
    const { positive, negative } = this.facts;
    const cell = (name, right) => (this[name] = el("td", { class: right ? "right" : "missed", id: name }));
    const row = (name, ...cells) => el("tr", {}, el("th", { scope: "row" }, name), cells);
    const table = el(
      "table",
      { class: "matrix" },
      el("caption", {}, `Test part, ${this.facts.test.rows} rows`),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["reference", `called ${positive}`, `called ${negative}`].map((name) => el("th", { scope: "col" }, name)),
        ),
      ),
      el("tbody", {}, row(positive, cell("tp", true), cell("fn", false)), row(negative, cell("fp", false), cell("tn", true))),
    );
    return el(
      "div",
      {},
      table,
      el(
        "dl",
        { class: "measures" },
        this.#measure("sensitivity", `of ${positive} rows, called so`),
        this.#measure("specificity", `of ${negative} rows, called so`),
      ),
    );
  }

  #measure(name, text) {
    const [value, interval] = [el("b", { id: name }), el("span", { class: "soft small", id: `${name}-interval` })];
    this[`show_${name}`] = (found, counted) => {
      value.textContent = perCent(found.value);
      const limits = this.grouped || found.low === null ? "" : `${perCent(found.low)} to ${perCent(found.high)}`;
      interval.textContent = [counted, limits].filter(Boolean).join("; ");
    };
    return el(
      "div",
      {},
      el("dt", {}, word(name, name.length === 3 ? name.toUpperCase() : name), el("span", { class: "soft small" }, ` ${text}`)),
      el("dd", {}, value, interval),
    );
  }

  #bayes() {
    const move = (event) => this.update({ prevalence: toPrevalence(Number(event.target.value)) });
    this.rarity = el("input", {
      type: "range",
      id: "prevalence",
      min: 0,
      max: STEPS,
      step: 1,
      oninput: move,
      list: "prevalences",
    });
    this.rate = el("output", { for: "prevalence" });
    const choose = (prevalence, name) =>
      el("button", { class: "plain", type: "button", onclick: () => this.update({ prevalence }) }, name);
    const own = this.facts.prevalence;
    const { positive, negative } = this.facts;
    return el(
      "div",
      {},
      el(
        "div",
        { class: "control" },
        el("label", { for: "prevalence" }, "Prevalence"),
        this.rate,
        this.rarity,
        el(
          "datalist",
          { id: "prevalences" },
          MARKS.map((prevalence) => el("option", { value: toStep(prevalence) })),
        ),
        el(
          "div",
          { class: "row" },
          MARKS.map((prevalence) => choose(prevalence, inPerCent(prevalence))),
          own > 0 && own < 1 ? choose(own, `as in the test part (${inPerCent(own)})`) : null,
        ),
      ),
      el(
        "dl",
        { class: "measures" },
        this.#measure("ppv", `of those called ${positive}, are`),
        this.#measure("npv", `of those called ${negative}, are`),
      ),
    );
  }

  #people() {
    this.sentence = el("p", { class: "lead", "aria-live": "polite", id: "sentence" });
    const how = this.grouped
      ? "Rows of one group are no independent draws, so that there are no intervals here; the report has some."
      : "95 % intervals: Wilson's for sensitivity and specificity; for PPV and NPV, which follow by Bayes' rule from the two " +
        "and the prevalence, Koopman's of the likelihood ratio. The prevalence counts as known. These are the formulas of " +
        "bcdetect/prevalence.py.";
    return el("div", { class: "people" }, this.sentence, el("p", { class: "soft small" }, how));
  }

  update(change = {}) {
    Object.assign(this, change);
    const counts = this.countsAt(this.at);
    const found = atPrevalence(counts, this.prevalence);
    const { positive } = this.facts;
    this.slider.value = this.at;
    this.rarity.value = toStep(Math.min(COMMONEST, Math.max(RAREST, this.prevalence)));
    const from = brief(this.thresholds[this.at]);
    this.called.textContent = `${positive} from a probability of ${from} on${this.at === this.stored ? ", as stored" : ""}`;
    this.slider.setAttribute("aria-valuetext", this.called.textContent);
    this.back.disabled = this.at === this.stored;
    this.rate.textContent = `${inPerCent(this.prevalence)} ${positive}`;
    this.rarity.setAttribute("aria-valuetext", this.rate.textContent);
    for (const [name, count] of Object.entries(counts)) this[name].textContent = count;
    this.show_sensitivity(found.sensitivity, `${counts.tp} of ${counts.tp + counts.fn}`);
    this.show_specificity(found.specificity, `${counts.tn} of ${counts.tn + counts.fp}`);
    this.show_ppv(found.ppv);
    this.show_npv(found.npv);
    this.sentence.textContent = this.#inPeople(found);
    this.curve.move(this.at, found);
  }

  // Rounded so that whoever has it is either called or missed.
  #inPeople({ sensitivity, specificity }) {
    const { positive } = this.facts;
    if (sensitivity.value === null || specificity.value === null)
      return "Without test rows of both classes nothing can be said of people.";
    const sick = Math.round(1000 * this.prevalence);
    const found = Math.round(sick * sensitivity.value);
    const alarms = Math.round((1000 - sick) * (1 - specificity.value));
    const are =
      positive === "malignant"
        ? sick === 1
          ? "has cancer"
          : "have cancer"
        : sick === 1
          ? `is ${positive}`
          : `are ${positive}`;
    const whom = found === 1 ? "1 has it" : `${found} have it`;
    return (
      `Of 1,000 people with such a prevalence, ${sick} ${are}; the model would call ${found + alarms} ${positive}, ` +
      `of whom ${whom}, and would miss ${sick - found}.`
    );
  }
}

if (panel) {
  const name = encodeURIComponent(panel.dataset.model);
  const facts = await trying("Counting…", panel, () => askJson(`/api/models/${name}/operating`));
  if (facts) new Operating(facts);
}
