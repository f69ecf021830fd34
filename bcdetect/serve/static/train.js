// Start a run, follow it, and find it again after the page was loaded anew.
import { Failure, ask, askJson, at, el, failureBox, postJson, trying } from "./core.js";
import { Following } from "./following.js";
import { chosen, mark } from "./setup.js";

const LONGEST = 7500; // characters of an address that every server takes
const GONE = { what: "the run is no longer known", hint: "It was thrown away, or the server was started anew" };
let following = null;

const goesOn = (run) => ["running", "stopping"].includes(run.state);

async function show(run, focus = true) {
  following?.close();
  const facts = await trying("Asking for the run", at("#setup-problem"), () => askJson(run.address));
  if (!facts) return;
  at("#run").hidden = false;
  following = new Following(facts, { ended: list, gone, changed });
  if (focus) at("#run-title").focus();
}

// The run was kept, or, null, thrown away.
function changed(run) {
  if (!run) close();
  list();
}

function close() {
  following?.close();
  following = null;
  at("#run").hidden = true;
  at("#setup-title").focus();
}

function gone() {
  close();
  at("#setup-problem").replaceChildren(failureBox(new Failure(GONE)));
  list();
}

async function start(event) {
  event.preventDefault();
  mark();
  at("#setup-problem").replaceChildren();
  at("#start").disabled = true;
  const { file, settings } = chosen();
  try {
    const run = await (file ? startOnTable(file, settings) : postJson("/api/train", { settings }));
    await show(run);
  } catch (error) {
    at("#setup-problem").replaceChildren(failureBox(error));
    if (error instanceof Failure) mark(error.parts.where);
  }
  list();
}

async function startOnTable(file, settings) {
  const query = new URLSearchParams({ name: file.name.slice(0, 200) });
  for (const [name, value] of Object.entries(settings)) for (const each of [value].flat()) query.append(name, each);
  if (query.toString().length > LONGEST)
    throw new Failure({ what: "so many columns to leave out cannot be sent", hint: "Remove them from the file" });
  const body = await file.arrayBuffer().catch(() => {
    throw new Failure({ file: file.name, what: "it has changed since it was chosen, or is gone", hint: "Choose it again" });
  });
  return askJson(`/api/train/table?${query}`, { method: "POST", headers: { "Content-Type": "text/csv" }, body });
}

// All runs that the server knows, beneath the form; gives them.
async function list() {
  const { runs } = (await trying("", at("#setup-problem"), () => askJson("/api/train"))) ?? { runs: [] };
  const busy = runs.some(goesOn);
  at("#start").disabled = busy;
  at("#one-at-a-time").hidden = !busy;
  at("#known").hidden = !runs.length;
  at("#known tbody").replaceChildren(...runs.map(line));
  return runs;
}

function line(run) {
  const started = new Date(run.started).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const button = { type: "button", class: "plain small", "aria-label": `Show the run of ${started}` };
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, started),
    el("td", {}, run.data ?? "built-in"),
    el("td", {}, run.state),
    el("td", {}, run.kept ?? "-"),
    el("td", {}, el("button", { ...button, onclick: () => show(run) }, "Show")),
  );
}

at("#setup").addEventListener("submit", start);
at("#stop").addEventListener("click", async () => {
  at("#stop").disabled = true; // asked twice, it ends without a model
  const stopping = await trying("", at("#run-problem"), () => postJson(`${following.run.address}/stop`, {}));
  at("#stop").disabled = Boolean(stopping);
});
at("#cancel").addEventListener("click", () =>
  trying("", at("#run-problem"), async () => {
    await ask(following.run.address, { method: "DELETE" });
    changed(null);
  }),
);

const runs = await list();
const wanted = runs.find(goesOn) ?? runs.find((run, k) => k === 0 && run.usable && !run.kept);
if (wanted) show(wanted, false);
