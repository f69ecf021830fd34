// Windows as tables of numbers: input times kernel, product by product; and what a pooling looked at.
import { el } from "./core.js";
import { paint, scale, tint } from "./inside-colour.js";
import { cell, flat, head, shape, writer } from "./inside-numbers.js";

const MOST = 15 * 15; // numbers of a window that are shown one by one

// One input channel under the window: three tables side by side, or for a kernel that is a column one line for each product.
export function products({ told, each, source, write, go, jump }) {
  const values = flat(each.input);
  const kernel = flat(each.kernel);
  const made = flat(each.products);
  const [inputs, weights] = [writer(values, 4), writer(kernel, 4)];
  const of = { input: symmetric(values), kernel: symmetric(kernel), products: symmetric(made) };
  const place = (tap) => told.first.map((first, axis) => first + tap[axis] * told.dilation[axis]);
  const follow = (tap) => go({ layer: source, place: place(tap), channel: each.channel });
  const sizes = shape(each.kernel);
  if (sizes.slice(1).every((size) => size === 1)) {
    const lines = values.map((value, i) => {
      const tap = [i, ...Array(sizes.length - 1).fill(0)];
      const label = value === null ? el("span", { class: "soft" }, "padding") : jump(source, place(tap), each.channel);
      const shown = value === null ? el("td", { class: "n soft" }, "0") : tint(cell(value, inputs), value, of.input);
      return el(
        "tr",
        {},
        el("th", { scope: "row" }, label),
        shown,
        tint(cell(kernel[i], weights), kernel[i], of.kernel),
        tint(cell(made[i], write, { class: "n product" }), made[i], of.products),
      );
    });
    return el(
      "div",
      { class: "scroll" },
      el(
        "table",
        { class: "products" },
        head(["input", "value", "\u00d7 weight", "= product"]),
        el("tbody", {}, lines),
        el("tfoot", {}, el("tr", {}, el("th", { scope: "row", colspan: 3 }, "sum of the products"), cell(each.sum, write, { class: "n channel-sum" }))),
      ),
    );
  }
  const sign = (text, table) => el("div", { class: "signed" }, el("span", { class: "sign", "aria-hidden": "true" }, text), table);
  const parts = [
    grid("window", each.input, inputs, of.input, { follow }),
    sign("\u00d7", grid("kernel", each.kernel, weights, of.kernel)),
    sign("=", grid("products", each.products, write, of.products)),
  ];
  return el(
    "div",
    {},
    el("div", { class: "scroll three" }, parts),
    el("p", { class: "equation" }, "sum of the products: ", el("b", { class: "channel-sum", title: String(each.sum) }, write(each.sum))),
  );
}

// What a pooling looked at; the tap that won is marked.
export function windowTable({ told, source, channel, winner = null, go, jump }) {
  if (told.window === null) return el("p", { class: "soft" }, "The window is the whole map: too many numbers to list them.");
  const values = flat(told.window);
  const write = writer(values);
  const of = symmetric(values);
  const sizes = shape(told.window);
  const place = (tap) => told.first.map((first, axis) => first + tap[axis]);
  const follow = (tap) => go({ layer: source, place: place(tap), channel });
  if (sizes.slice(1).every((size) => size === 1) && sizes[0] <= MOST) {
    const lines = values.map((value, i) => {
      const tap = [i, ...Array(sizes.length - 1).fill(0)];
      const won = winner !== null && winner[0] === i;
      const name = value === null ? "padding" : jump(source, place(tap), channel);
      return el("tr", { class: won ? "won" : false }, el("th", { scope: "row" }, name), tint(cell(value, write), value, of), el("td", {}, won ? "\u2605 winner" : ""));
    });
    return el("table", { class: "products" }, el("caption", { class: "visually-hidden" }, "The window"), el("tbody", {}, lines));
  }
  return el("div", { class: "scroll three" }, grid("window", told.window, write, of, { follow, winner }));
}

// Rows and columns of numbers; of three axes one table above the other. A cell can be followed to where it came from.
function grid(name, nested, write, of, { follow = null, winner = null, lead = [] } = {}) {
  const sizes = shape(nested);
  if (sizes.length > 2) return el("div", {}, nested.map((slice, i) => grid(`${name}, slice ${i}`, slice, write, of, { follow, winner, lead: [...lead, i] })));
  if (sizes[0] * (sizes[1] ?? 1) > MOST) {
    const canvas = paint(el("canvas", { class: "large", role: "img", "aria-label": `${name}, as colours` }), nested, of);
    return el("figure", {}, canvas, el("figcaption", {}, name));
  }
  const rows = (sizes.length === 1 ? [nested] : nested).map((row, i) =>
    el(
      "tr",
      {},
      row.map((value, j) => {
        const tap = sizes.length === 1 ? [...lead, j] : [...lead, i, j];
        const won = winner !== null && String(winner) === String(tap);
        if (value === null) return el("td", { class: "n pad", title: "padding" }, "0");
        const text = `${won ? "\u2605" : ""}${write(value)}`;
        const label = `${won ? "winner " : ""}${write(value)}, go there`;
        const content = follow ? el("button", { type: "button", class: "cell", onclick: () => follow(tap), "aria-label": label }, text) : text;
        return tint(el("td", { class: won ? "n won" : "n", title: String(value) }, content), value, of);
      }),
    ),
  );
  return el("table", { class: "cells" }, el("caption", {}, name), el("tbody", {}, rows));
}

function symmetric(values) {
  const known = values.filter((value) => value !== null);
  return scale("values", Math.min(0, ...known), Math.max(0, ...known));
}
