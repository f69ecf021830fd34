// A run as it is told, event by event: its state in words, its epochs, and its end.
import { Curves } from "./curves.js";
import { Failure, askJson, at, el, failureBox, number } from "./core.js";
import { outcome } from "./outcome.js";

const STATES = {
  reading: "Reading and checking the data.",
  preparing: "Getting ready.",
  training: "Training.",
  stopping: "Stopping, with the best epoch so far.",
  writing: "Writing the model and its report.",
};
const COMPILING = "Compiling the kernels, the first time on this machine: a third of a minute at most.";
const NOTHING = "Stopped before an epoch was done: there is no model.";
const LOST = "The server does not answer; asking it again.";
const AGAIN = 3000; // milliseconds
const PLACES = ["#curves", "#outcome", "#run-problem", "#run-table tbody", "#run-said pre"];

export class Following {
  // Calls: `ended(run)` when it has ended, `gone()` when the server knows it no more, `changed(run)` when it was kept or,
  // with null, thrown away.
  constructor(run, calls) {
    Object.assign(this, { run, calls, text: "", last: 0, over: false });
    this.curves = new Curves(at("#curves"), run.settings.monitor ?? "validation_loss");
    at("#run-what").textContent = `${run.data ?? "The built-in data"}; ${described(run.settings)}`;
    for (const place of PLACES) at(place).replaceChildren();
    for (const part of ["#run-table", "#run-said", "#run-progress"]) at(part).hidden = true;
    at("#run-buttons").hidden = false;
    at("#stop").disabled = false;
    at("#run-told").textContent = "";
    this.#say("Starting.");
    this.#listen();
  }

  // Listen no more.
  close() {
    this.over = true;
    this.source.close();
  }

  #listen() {
    const after = this.last;
    this.source = new EventSource(`${this.run.address}/events`);
    const on = (kind, take) =>
      this.source.addEventListener(kind, (event) => {
        if (Number(event.lastEventId) <= after) return; // told before a new stream was opened
        this.last = Number(event.lastEventId);
        take.call(this, JSON.parse(event.data));
      });
    on("state", this.#onState);
    on("line", this.#onLine);
    on("epoch", this.#onEpoch);
    on("done", this.#onDone);
    on("failed", this.#onFailed);
    this.source.addEventListener("error", () => this.#lost());
    this.source.addEventListener("open", () => at("#run-state").textContent === LOST && this.#say(this.text));
  }

  // A browser asks again by itself, unless it was refused.
  async #lost() {
    if (this.over) return;
    at("#run-state").textContent = LOST;
    if (this.source.readyState !== EventSource.CLOSED) return;
    try {
      await askJson(this.run.address);
    } catch (error) {
      if (error instanceof Failure && error.parts.code === "not_found") {
        this.close();
        this.calls.gone();
        return;
      }
    }
    setTimeout(() => this.over || this.#listen(), AGAIN);
  }

  // In the region that is read aloud.
  #say(text) {
    this.text = text;
    at("#run-state").textContent = text;
  }

  #onState({ state }) {
    at("#stop").disabled = state === "stopping" || state === "writing";
    this.#say(STATES[state] ?? state);
  }

  #onLine({ text }) {
    at("#run-said").hidden = false;
    at("#run-said pre").append(`${text.trimEnd()}\n`);
    if (text.startsWith("compiling")) this.#say(COMPILING);
  }

  #onEpoch(row) {
    this.curves.add(row);
    at("#run-table").hidden = at("#run-progress").hidden = false;
    const cells = [row.epoch, row.loss, row.validation_loss, row.validation_auc, row.lr];
    at("#run-table tbody").append(el("tr", {}, cells.map((value) => el("td", {}, number(value)))));
    Object.assign(at("#run-bar"), { max: row.of, value: row.epoch });
    const left = row.seconds_left > 0 ? `, at most ${duration(row.seconds_left)} left` : "";
    at("#run-epoch").textContent = `epoch ${row.epoch} of ${row.of}${left}`;
    const quarter = (epoch) => Math.floor((4 * epoch) / row.of);
    if (row.epoch < row.of && quarter(row.epoch) > quarter(row.epoch - 1))
      at("#run-told").textContent = `Epoch ${row.epoch} of ${row.of}; the best so far is epoch ${this.curves.best.epoch}.`;
  }

  #onDone(found) {
    const { epochs, best_epoch: best, usable } = found;
    const how = found.interrupted ? "Stopped" : "Done";
    const after = `${how} after ${epochs} ${epochs === 1 ? "epoch" : "epochs"}; epoch ${best} is the best.`;
    this.#say(usable ? after : NOTHING);
    this.#end(found.state, usable);
    if (!usable || !found.test) return;
    this.curves.end(best);
    at("#outcome").replaceChildren(...outcome(this.run, found, this.calls.changed));
  }

  #onFailed({ error, state }) {
    this.#say("The run failed.");
    this.#end(state, false);
    at("#run-problem").replaceChildren(failureBox(new Failure(error)));
  }

  #end(state, usable) {
    this.close();
    Object.assign(this.run, { state, usable });
    at("#run-buttons").hidden = at("#run-progress").hidden = true;
    this.calls.ended(this.run);
  }
}

function described(settings) {
  const each = Object.entries(settings).map(([name, value]) => `${name.replaceAll("_", " ")} ${[value].flat().join(", ")}`);
  return each.join("; ") || "the recipe's settings";
}

function duration(seconds) {
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
