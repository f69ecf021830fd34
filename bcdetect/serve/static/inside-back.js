// The way back of the gradient: what one number's gradient is the sum of.
import { el } from "./core.js";
import { scale } from "./inside-colour.js";
import { addition, alone, cell, head, many, writer } from "./inside-numbers.js";

// Gives {nodes, sentence, beside}, as `explained` does for the way forward.
export function cameBack(told, { walk, jump }) {
  const sums = told.ways.map((way) => way.sum);
  const write = writer([...told.ways.flatMap((way) => way.terms.map((term) => term.product)), ...sums, told.gradient]);
  const grows = told.gradient === 0 ? "does not move" : `moves by about ${alone(0.01 * told.gradient, 3)}`;
  const nodes = [
    el("p", {}, told.text),
    el("p", { class: "soft" }, `The number is ${alone(told.value)}. If it grew by 0.01, the logit of ${told.class} ${grows}${told.gradient === 0 ? "" : ": its gradient times 0.01"}.`),
  ];
  for (const way of told.ways) nodes.push(el("h4", {}, "Back from ", el("code", {}, way.layer), ` (${way.kind})`), el("p", {}, way.text), terms(way, write, { walk, jump }));
  if (told.ways.length && told.total !== null) {
    const lines = told.ways.map((way) => [`${many((way.others?.count ?? 0) + way.terms.length, "product")} from ${way.layer}`, way.sum]);
    nodes.push(el("h4", {}, "Added up"), addition({ lines, result: told.total, engine: told.gradient, difference: told.difference, write, of: "this gradient" }));
  } else nodes.push(el("p", { class: "equation big" }, `gradient ${alone(told.gradient)}`));
  const [first] = told.ways.filter((way) => way.terms.length);
  const strongest = first?.terms[0];
  const dots = first?.terms.filter((term) => term.channel === strongest.channel).map((term) => term.place.slice(-2));
  const count = told.ways.reduce((sum, way) => sum + way.terms.length + (way.others?.count ?? 0), 0);
  return {
    nodes,
    sentence: `gradient ${alone(told.gradient)}${count ? ` = sum of ${many(count, "product")} that came back` : ", where it begins"}`,
    beside: strongest && {
      layer: first.layer,
      channel: strongest.channel,
      place: strongest.place,
      way: "backward",
      dots,
      words: `gradients of ${first.layer}, channel ${walk.channelName(first.layer, strongest.channel)}: where this one comes back from, as dots`,
    },
  };
}

// gradient there x factor = product, the largest first.
function terms(way, write, { jump }) {
  if (!way.terms.length) return "";
  const of = scale("gradients", -1, 1);
  const most = Math.max(...way.terms.map((term) => Math.abs(term.product)), 1e-300);
  const [gradients, factors] = [writer(way.terms.map((term) => term.gradient), 4), writer(way.terms.map((term) => term.factor), 4)];
  const rows = way.terms.map((term) => {
    const bar = el("span", { class: "share" });
    bar.style.width = `${(100 * Math.abs(term.product)) / most}%`;
    bar.style.background = `rgb(${of.colour(Math.sign(term.product)).join(" ")})`;
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, jump(way.layer, term.place, term.channel)),
      cell(term.gradient, gradients),
      cell(term.factor, factors),
      cell(term.product, write, { class: "n product" }),
      el("td", { class: "bar-cell", "aria-hidden": "true" }, bar),
    );
  });
  const { count, sum } = way.others;
  const rest = count ? el("tr", { class: "soft" }, el("th", { scope: "row", colspan: 3 }, many(count, "smaller product")), cell(sum, write, { class: "n product" }), el("td")) : null;
  const table = el("table", { class: "terms" }, head(["number there", "gradient there", "\u00d7 factor", "= product", ""]), el("tbody", {}, rows, rest));
  return el("div", { class: "scroll" }, table);
}
