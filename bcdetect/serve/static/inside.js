// Inside the network: one state - a layer, a number in it, a direction - shown as a list, maps, and how the number came about.
import { at, el, Failure, failureBox, percent, say, trying } from "./core.js";
import { answered } from "./inside-answer.js";
import { cameBack } from "./inside-back.js";
import { createChoice } from "./inside-choose.js";
import { explained } from "./inside-forms.js";
import { about, createLayers, short } from "./inside-layers.js";
import { createMaps, showBeside } from "./inside-maps.js";
import { createPlace } from "./inside-place.js";
import { Walk } from "./inside-walk.js";

const ANSWER = "answer"; // the step behind the last layer
const TITLES = { forward: "How this number came about", backward: "How its gradient came about" };
const TRAIL = 6; // numbers that one can go back to at a glance
const NARROW = matchMedia("(max-width: 48rem)"); // as in inside.css
const page = at("#page");

if (page) start();

function start() {
  let walk = null;
  let input = null; // as `createChoice` has it
  let asked = { network: 0, class: null };
  let state = null; // {layer, place, channel, way}
  let parts = null; // what shows the walk: {layers, maps, place}
  let trail = []; // states before this one
  let turn = 0; // of calls to `show`: a late answer to an earlier one is dropped
  let writing = 0; // the timer that writes the address

  const choice = createChoice(page, (make) => take(make, new URLSearchParams()));

  // Walk another input; `make` gives it, `link` says where to begin.
  async function take(make, link) {
    at("#failed").replaceChildren();
    await trying("Walking through the network", at("#failed"), async () => {
      input = await make();
      asked = { network: Number(link.get("network")) || 0, class: link.get("class") };
      await opened(link);
    });
  }

  async function opened(link) {
    walk = await new Walk(() => input.send(asked)).open();
    parts = {
      layers: createLayers(at("#layers"), walk, chosenLayer),
      maps: createMaps(at("#maps"), walk, go),
      place: createPlace(walk, go),
    };
    trail = [];
    at("#which").replaceChildren(parts.place.node);
    asked = { network: walk.told.network, class: walk.told.class };
    tellInput();
    tellAsked();
    at("#inside").hidden = false;
    at("#choose").open = false;
    at("#layers-box").open = !NARROW.matches;
    state = null;
    go(wanted(link), "replace");
  }

  function chosenLayer(layer, keys) {
    if (NARROW.matches && !keys) at("#layers-box").open = false;
    go({ layer });
  }

  // The state that an address asks for, as far as it is there.
  function wanted(link) {
    const place = link.get("at") ? link.get("at").split(",").map(Number) : null;
    const channel = link.has("channel") ? Number(link.get("channel")) : null;
    return { layer: link.get("layer") ?? walk.told.layers[0].name, place, channel, way: link.get("way") === "backward" ? "backward" : "forward" };
  }

  // Show what is asked for; what is left out stays, or is the layer's most telling number. `how` the address remembers it:
  // "push" to come back to, "replace" for a step of the arrow keys, "" where it says so already.
  function go(next, how = "push") {
    const before = state;
    const moved = { ...state, ...next };
    if (moved.layer !== ANSWER && !walk.layer(moved.layer)) moved.layer = walk.told.layers[0].name;
    if (moved.layer !== before?.layer && !("channel" in next)) moved.place = moved.channel = null;
    state = fitted(moved);
    const same = before && state.layer === before.layer && state.way === before.way;
    if (before && !same && how === "push") trail = [...trail.filter((one) => key(one) !== key(state)), before].slice(-TRAIL);
    remember(same ? "replace" : how);
    show();
  }

  function fitted({ layer, place, channel, way }) {
    if (layer === ANSWER) return { layer, place: [], channel: 0, way };
    const { telling } = walk.layer(layer);
    const sizes = walk.places(layer);
    const within = (n, size) => Number.isInteger(n) && n >= 0 && n < size;
    const good = Array.isArray(place) && place.length === sizes.length && place.every((n, i) => within(n, sizes[i]));
    const known = within(channel, walk.channels(layer));
    return { layer, place: good ? place : telling.place, channel: known ? channel : telling.channel, way };
  }

  const key = ({ layer, place, channel, way }) => [layer, place, channel, way].join("|");

  // The page's address leads back here, also from elsewhere where the input is one that anyone has. Steps of a held key are
  // written together: browsers take some hundred in a row, and no more.
  function remember(how) {
    clearTimeout(writing);
    if (how === "push") write("pushState");
    else if (how) writing = setTimeout(() => write("replaceState"), 200);
  }

  function write(method) {
    const link = new URLSearchParams({ ...input.link, layer: state.layer, at: state.place.join(","), channel: state.channel, way: state.way });
    if (asked.network) link.set("network", asked.network);
    const names = walk.told.class_names;
    if (names.length > 2 || asked.class !== names.at(-1)) link.set("class", asked.class);
    const url = new URL(location.href);
    if (at("#model")) url.searchParams.set("model", at("#model").value);
    url.hash = link;
    history[method](null, "", url);
  }

  async function show() {
    const call = ++turn;
    const focused = ["#told", "#trail", "#maps", "#about"].some((part) => at(part).contains(document.activeElement));
    const answer = state.layer === ANSWER;
    parts.layers.mark(state);
    at("#layer-now").textContent = ` \u00b7 ${state.layer}`;
    at("#maps").hidden = answer;
    at("#which").hidden = answer;
    at("#number").classList.toggle("whole", answer);
    at("#about").replaceChildren(...about(walk, state, go));
    steps();
    try {
      const [found] = await Promise.all([answer ? answered(tools) : numbered(state), answer ? null : parts.maps.show(state)]);
      if (call !== turn) return;
      if (!answer) parts.place.mark(state);
      const words = answer ? `${found.sentence}.` : `${state.layer}, ${walk.where(state.layer, state.place, state.channel)}: ${found.sentence}.`;
      at("#number-title").textContent = answer ? "From the logit to the answer" : TITLES[state.way];
      at("#trail").replaceChildren(...[crumbs()].filter(Boolean));
      at("#told").replaceChildren(...[el("p", { class: "told" }, words), ...found.nodes].filter(Boolean));
      if (focused && document.activeElement === document.body) at("#number").focus({ preventScroll: true });
      at("#live").textContent = words;
      if (!answer) await beside(found.beside);
    } catch (error) {
      if (call === turn) at("#told").replaceChildren(failureBox(error));
    }
  }

  async function numbered({ layer, place, channel, way }) {
    const spot = { layer, place, channel };
    return way === "backward" ? cameBack(await walk.ask("backward", spot), tools) : explained(await walk.ask("pixel", spot), tools);
  }

  async function beside(what) {
    const { winners, ...rest } = what ?? {};
    if (winners) {
      const all = await walk.ask("winners", { layer: state.layer, channel: state.channel });
      const of = state.place.slice(0, -2).reduce((nested, i) => nested[i], all.places);
      const deep = (nested) => (typeof nested[0] === "number" ? [nested] : nested.flatMap(deep));
      rest.dots = deep(of).map((one) => one.slice(-2));
    }
    return showBeside(walk, what && { way: "forward", ...rest });
  }

  // What a piece of the page that tells of a number needs.
  const tools = {
    get walk() {
      return walk;
    },
    go,
    jump(layer, place, channel, text) {
      const words = text ?? walk.where(layer, place, channel);
      const title = `Go to ${layer}, ${walk.where(layer, place, channel)}`;
      return el("button", { type: "button", class: "jump", title, onclick: () => go({ layer, place, channel }) }, words);
    },
  };

  // Where one came from, to go back to.
  function crumbs() {
    if (!trail.length) return null;
    const back = (one, i) => () => {
      trail = trail.slice(0, i);
      state = null;
      go(one, "replace");
    };
    const items = trail.map((one, i) => el("li", {}, el("button", { type: "button", class: "jump", onclick: back(one, i) }, crumb(one))));
    const last = trail.length - 1;
    return el(
      "nav",
      { class: "trail", "aria-label": "Where you came from" },
      el("button", { type: "button", class: "plain", id: "back", onclick: back(trail[last], last) }, "\u2190 Back"),
      el("ol", {}, items),
    );
  }

  function crumb({ layer, place, channel, way }) {
    if (layer === ANSWER) return layer;
    return `${way === "backward" ? "gradient of " : ""}${layer} [${[...place, channel].join(", ")}]`;
  }

  // The buttons to the next layer, down the list: towards the answer, or back towards the input.
  function steps() {
    const order = parts.layers.order(state.way);
    const i = order.indexOf(state.layer);
    for (const [id, name, sign] of [["#previous", order[i - 1], "\u2191"], ["#next", order[i + 1], "\u2193"]]) {
      const button = at(id);
      button.disabled = !name;
      button.title = name ?? "";
      button.textContent = name ? `${sign} ${id === "#next" ? "Next" : "Previous"}: ${short(name)}` : id === "#next" ? "The end" : "The beginning";
      button.onclick = () => name && go({ layer: name });
    }
    for (const radio of page.querySelectorAll("[name=way]")) radio.checked = radio.value === state.way;
    at("#class-field").hidden = state.way !== "backward";
  }

  function tellInput() {
    const { predicted, reference } = walk.told;
    const known = reference ? ` (reference standard: ${reference})` : "";
    at("#chosen").replaceChildren(`Input: ${input.words}${known}. The model says ${predicted.class}, ${percent(predicted.probabilities[predicted.class])}.`);
    if (predicted.refer) at("#chosen").append(" ", el("span", { class: "tag refer" }, "uncertain: refer"));
    at("#chosen").append(el("span", { class: "soft change" }, "Choose another"));
  }

  function tellAsked() {
    const { class_names: names, networks } = walk.told;
    at("#class").replaceChildren(...names.map((name) => el("option", { value: name, selected: name === asked.class }, name)));
    at("#network").replaceChildren(...Array.from({ length: networks }, (_, i) => el("option", { value: i, selected: i === asked.network }, `${i + 1} of ${networks}`)));
    at("#network-field").hidden = networks < 2;
  }

  async function again(change) {
    asked = { ...asked, ...change };
    const kept = state;
    await trying("Walking through the network", at("#failed"), async () => {
      const link = new URLSearchParams({ layer: kept.layer, at: kept.place.join(","), channel: kept.channel, way: kept.way });
      await opened(link);
    });
  }

  at("#class").addEventListener("change", (event) => again({ class: event.target.value }));
  at("#network").addEventListener("change", (event) => again({ network: Number(event.target.value) }));
  for (const radio of page.querySelectorAll("[name=way]")) radio.addEventListener("change", () => go({ way: radio.value }));

  // Left and right step through the layers, but where they mean something else.
  document.addEventListener("keydown", (event) => {
    if (!walk || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const own = "input, select, textarea, summary, .scroll, [role=application]";
    if (event.target.closest?.(own)) return;
    const button = { ArrowLeft: "#previous", ArrowRight: "#next" }[event.key];
    if (!button) return;
    event.preventDefault();
    at(button).click();
  });

  addEventListener("popstate", () => {
    if (!walk) return;
    const link = new URLSearchParams(location.hash.slice(1));
    if (input.link && Object.entries(input.link).some(([name, value]) => link.get(name) !== String(value))) return begin();
    trail = trail.slice(0, -1);
    go(wanted(link), "");
  });

  async function begin() {
    const link = new URLSearchParams(location.hash.slice(1));
    const make = choice.from(link);
    if (make) await take(make, link);
    else say("");
  }

  begin();
}
