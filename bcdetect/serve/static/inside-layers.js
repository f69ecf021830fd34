// The network as a list of layers in the order that data flows, or gradients; and what there is to say of the current one.
import { el } from "./core.js";
import { paint, scale } from "./inside-colour.js";
import { alone, many } from "./inside-numbers.js";

const ANSWER = "answer";
const by = (shape, between = " \u00d7 ") => shape.join(between);

export const short = (name) => name.slice(name.lastIndexOf(".") + 1);

// `choose(name)` is called for a layer; `mark(state)` shows the current one.
export function createLayers(host, walk, choose) {
  const items = new Map();
  const blocks = new Map(walk.told.layers.map((layer) => [layer.name, layer.block]));
  for (const layer of walk.told.layers) items.set(layer.name, item(layer));
  items.set(ANSWER, entry(ANSWER, "probability and class", el("span", { class: "thumb" }, "p"), ""));
  let way = null;

  function item(layer) {
    const picture = layer.name === "input" && walk.kind("input") === "plane";
    const canvas = paint(el("canvas", { class: "thumb", "aria-hidden": "true" }), layer.thumbnail, scale(picture ? "grey" : "values", layer.output.lowest, layer.output.highest));
    return entry(layer.name, `${layer.kind} \u00b7 ${by(layer.output_shape, "\u00d7")}`, canvas, layer.block);
  }

  function entry(name, words, thumb, block) {
    const button = el(
      "button",
      { type: "button", class: block ? "layer-item inner" : "layer-item", title: name, onclick: () => choose(name) },
      thumb,
      el("span", { class: "layer-name" }, short(name)),
      el("span", { class: "soft small" }, words),
    );
    return el("li", {}, button);
  }

  // The layers of a block stand below the block's name.
  function listed(names) {
    const lines = [];
    names.forEach((name, i) => {
      const block = blocks.get(name);
      if (block && block !== blocks.get(names[i - 1])) lines.push(el("li", { class: "block-name soft small" }, `in ${block}`));
      lines.push(items.get(name));
    });
    return lines;
  }

  const order = (direction) => (direction === "backward" ? [...items.keys()].reverse() : [...items.keys()]);

  host.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const names = order(way);
    const next = names[names.findIndex((name) => items.get(name).contains(document.activeElement)) + step];
    if (!next) return;
    items.get(next).firstChild.focus();
    choose(next, true);
  };

  return {
    order,
    mark(state) {
      if (way !== state.way) {
        way = state.way;
        const focus = host.contains(document.activeElement) ? document.activeElement : null;
        host.replaceChildren(el("ol", {}, listed(order(way))));
        focus?.focus();
      }
      for (const [name, node] of items) {
        if (name === state.layer) node.firstChild.setAttribute("aria-current", "step");
        else node.firstChild.removeAttribute("aria-current");
      }
      const current = items.get(state.layer);
      const list = host.closest(".layers-box");
      if (list.scrollHeight > list.clientHeight) list.scrollTop = current.offsetTop - list.clientHeight / 2;
    },
  };
}

// The head of the current layer: name, kind, shapes, explanation, equation, and its neighbours.
export function about(walk, { layer: name, way }, go) {
  if (name === ANSWER) {
    const text =
      way === "backward"
        ? `The gradient begins here: how does the logit of ${walk.told.class} change when a number before it does? Go back layer by layer.`
        : "The network ends in a logit. What follows makes it a probability, and an answer.";
    return [el("h2", {}, "The answer"), el("p", {}, text)];
  }
  const layer = walk.layer(name);
  const number = walk.told.layers.indexOf(layer) + 1;
  const facts = [
    `layer ${number} of ${walk.told.layers.length}`,
    layer.arguments,
    name === "input" ? by(layer.output_shape) : `${by(layer.input_shape)} \u2192 ${by(layer.output_shape)}`,
    layer.parameters ? many(layer.parameters, "parameter") : "",
    layer.receptive_field && name !== "input" ? `sees ${by(layer.receptive_field)} of the input` : "",
    way === "backward" ? `largest gradient ${alone(layer.gradient.largest, 3)}` : `${alone(layer.output.lowest, 3)} to ${alone(layer.output.highest, 3)}`,
  ];
  const links = (title, names) =>
    names.length ? [` ${title} `, ...names.flatMap((other, i) => [i ? ", " : "", el("button", { type: "button", class: "jump", onclick: () => go({ layer: other }) }, other)])] : [];
  return [
    el("h2", {}, name, " ", el("span", { class: "tag kind" }, layer.kind)),
    el("p", { class: "soft layer-facts" }, facts.filter(Boolean).join(" \u00b7 "), el("span", {}, ...links("\u00b7 from", layer.sources), ...links("\u00b7 to", layer.feeds))),
    el("p", {}, layer.text),
    el("p", { class: "equation" }, layer.equation),
  ];
}
