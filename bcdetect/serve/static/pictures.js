// The page of pictures: files are sent two at a time, each becomes a card, and a card opens in the viewer.
import { cardOf, csvOf, leading, matches } from "./cards.js";
import { address, ask, askJson, at, el, Failure, files, model, save } from "./core.js";
import { createViewer, formOf } from "./viewer.js";

const AT_ONCE = 2;
const PATIENCE = 20; // times that a busy server is asked again
const page = at("#pictures");

if (page) start();

function start() {
  const sequences = JSON.parse(page.dataset.sequences);
  const items = []; // see cards.js; each has its `node` too
  const viewer = createViewer();
  let queue = [];
  let active = 0;
  let controller = new AbortController();

  function add(more) {
    at("#results").hidden = false;
    for (const item of more) {
      item.state = "waiting";
      item.node = el("li", {});
      items.push(item);
      at("#answers").append(item.node);
      show(item);
    }
    queue.push(...more);
    pump();
  }

  function pump() {
    while (active < AT_ONCE && queue.length) {
      active += 1;
      send(queue.shift(), controller.signal).finally(() => {
        active -= 1;
        pump();
      });
    }
    tell();
  }

  async function send(item, signal) {
    try {
      const size = item.parts.reduce((sum, [, file]) => sum + file.size, 0);
      const most = Number(page.dataset.most);
      if (size > most)
        throw new Failure({ what: `larger than ${Math.floor(most / 2 ** 20)} MiB`, hint: "Send fewer slices, or a smaller picture" });
      item.answers = await patiently(() => predicted(item, signal), signal);
      item.lead = leading(item.answers);
      item.state = item.answers.rows[item.lead].problem ? "bad" : "answered";
    } catch (error) {
      if (error.name !== "AbortError" && !(error instanceof Failure)) throw error;
      item.state = error instanceof Failure ? "bad" : "stopped";
      item.failure = error.parts;
    }
    show(item);
    filter();
  }

  const predicted = (item, signal) =>
    askJson(address("/api/predict/pictures", { model: model(), shown: true }), { method: "POST", body: formOf(item.parts), signal });

  function tell() {
    const count = (state) => items.filter((item) => item.state === state).length;
    const [answered, bad, stopped] = ["answered", "bad", "stopped"].map(count);
    const done = answered + bad + stopped;
    const bar = at("#progress progress");
    bar.max = Math.max(1, items.length);
    bar.value = done;
    at("#stop").hidden = done === items.length;
    const parts = [`${answered} answered`, bad ? `${bad} not answered` : "", stopped ? `${stopped} stopped` : ""];
    at("#told").textContent = `${done} of ${items.length} done: ${parts.filter(Boolean).join(", ")}`;
  }

  function show(item) {
    const open = item.state === "answered" ? () => viewer.open(item, shownItems) : null;
    item.node.replaceChildren(cardOf(item, open));
  }

  const shownItems = () => items.filter((item) => item.state === "answered" && !item.node.hidden);

  function filter() {
    const wanted = at("#show").value;
    for (const item of items) item.node.hidden = !matches(item, wanted);
  }

  at("#show").addEventListener("change", filter);
  at("#stop").addEventListener("click", () => {
    controller.abort();
    controller = new AbortController();
    for (const item of queue) {
      item.state = "stopped";
      show(item);
    }
    queue = [];
    tell();
  });
  at("#clear").addEventListener("click", () => {
    at("#stop").click();
    items.length = 0;
    at("#answers").replaceChildren();
    at("#results").hidden = true;
  });
  at("#save").addEventListener("click", () => save("answers.csv", csvOf(items), "text/csv"));

  if (sequences.length) examForm(sequences, add);
  else files(at("#drop"), (dropped) => add(dropped.map((file) => ({ name: file.name, parts: [["picture", file]] }))));
  at("#synthetic")?.addEventListener("click", (event) => synthetic(event.target, sequences, add));
}

// Ask again, a little later, while the server says that it is busy.
async function patiently(action, signal) {
  for (let tries = 0; ; tries++) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Failure) || error.parts.code !== "busy" || tries >= PATIENCE) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      signal.throwIfAborted();
    }
  }
}

function examForm(sequences, add) {
  const form = at("#exam");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const parts = [...form.querySelectorAll("input[type=file]")].filter((input) => input.files.length).map((input) => [input.name, input.files[0]]);
    if (!parts.length) {
      form.querySelector("input[type=file]").focus();
      return;
    }
    add([{ name: parts.map(([, file]) => file.name).join(" "), parts }]);
    form.reset();
  });
}

async function synthetic(button, sequences, add) {
  const kinds = ["normal", "benign", "malignant"];
  const seed = Math.floor(Math.random() * 1e6);
  const kind = kinds[seed % kinds.length];
  button.disabled = true;
  try {
    const parts = [];
    for (const [field, sequence] of sequences.length ? sequences.map((name) => [name, name]) : [["picture", "dce"]]) {
      const response = await ask(address("/api/pictures/synthetic", { sequence, kind, seed }));
      parts.push([field, new File([await response.blob()], `synthetic-${kind}-${seed}${sequences.length ? `-${sequence}` : ""}.png`)]);
    }
    add([{ name: `synthetic phantom, drawn as ${kind} (${seed})`, parts }]);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    add([]);
    at("#told").textContent = `${error.parts.what}. ${error.parts.hint}`;
  } finally {
    button.disabled = false;
    if (document.activeElement === document.body) button.focus(); // which it lost with being disabled
  }
}
