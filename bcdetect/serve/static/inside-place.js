// Which number of the layer: a row, a column and a channel to type in, for those who do not point.
import { el } from "./core.js";

const AXES = { 1: ["place"], 2: ["row", "column"], 3: ["slice", "row", "column"] };

// `node` is the form; `mark(state)` fills it in.
export function createPlace(walk, go) {
  const node = el("form", { class: "place", id: "place", autocomplete: "off", "aria-label": "Which number" });
  let current = null;
  let inputs = [];

  function build(state) {
    const sizes = walk.places(state.layer);
    const names = AXES[sizes.length] ?? sizes.map((_, i) => `axis ${i + 1}`);
    const axes = sizes.map((size, i) => ({ name: names[i], size, value: (s) => s.place[i], set: (s, n) => ({ place: s.place.with(i, n), channel: s.channel }) }));
    const channel = { name: sizes.length ? "channel" : "number", size: walk.channels(state.layer), value: (s) => s.channel, set: (s, n) => ({ place: s.place, channel: n }) };
    inputs = [...axes, channel].filter((axis) => axis.size > 1).map((axis) => ({ axis, input: field(axis) }));
    const telling = el("button", { type: "button", class: "plain", title: "The number whose value times gradient is largest" }, "Most telling number");
    telling.addEventListener("click", () => go({ ...walk.layer(current.layer).telling }));
    node.replaceChildren(...inputs.map(({ axis, input }) => el("label", {}, axis.name, input)), inputs.length ? telling : "");
  }

  function field(axis) {
    const input = el("input", { type: "number", min: 0, max: axis.size - 1, step: 1, class: "short", inputmode: "numeric" });
    input.addEventListener("change", () => {
      const n = Math.max(0, Math.min(axis.size - 1, Math.round(Number(input.value)) || 0));
      input.value = n;
      go(axis.set(current, n));
    });
    return input;
  }

  node.addEventListener("submit", (event) => event.preventDefault());
  return {
    node,
    mark(state) {
      const other = current?.layer !== state.layer;
      current = state;
      if (other) build(state);
      for (const { axis, input } of inputs) if (Number(input.value) !== axis.value(state) || input.value === "") input.value = axis.value(state);
    },
  };
}
