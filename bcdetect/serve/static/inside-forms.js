// How one number came about: a piece of the page for each form that the engine's explanation has.
import { el } from "./core.js";
import { scale } from "./inside-colour.js";
import { afterBefore, histograms } from "./inside-graphs.js";
import { addition, alone, cell, engineSays, flat, head, many, shape, writer } from "./inside-numbers.js";
import { products, windowTable } from "./inside-windows.js";

// Gives {nodes, sentence, beside}: what to show, what to say of it, and what to show beside the layer's map.
export function explained(told, page) {
  const found = FORMS[told.form](told, page);
  return { ...found, nodes: [el("p", {}, told.text), ...found.nodes.filter(Boolean)] };
}

const sums = (told, what) => `${alone(told.engine)} = ${what}${told.bias === null || told.bias === undefined ? "" : ` + bias ${alone(told.bias)}`}`;

const FORMS = {
  // Window times kernel, channel by channel; then all added up.
  convolution(told, page) {
    const { walk } = page;
    const source = told.sources[0];
    const channels = [...told.channels].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum));
    const others = told.others.reduce((sum, other) => sum + other.sum, 0);
    const numbers = [...channels.flatMap((each) => [...flat(each.products), each.sum]), ...told.others.map((each) => each.sum)];
    const write = writer([...numbers, told.bias ?? 0, told.result]);
    const name = (channel) => `input channel ${walk.channelName(source, channel)}`;
    const alike = walk.channels(source) === 1;
    const blocks = channels.map((each, i) => {
      const table = products({ told, each, source, write, ...page });
      if (alike) return table;
      const summary = el("summary", {}, el("b", {}, name(each.channel)), ` adds ${write(each.sum)}`);
      return el("details", { class: "channel", open: i === 0 }, summary, table);
    });
    const taps = flat(told.channels[0].kernel).length;
    const lines = alike
      ? [[`the ${many(taps, "product")}`, told.sum]]
      : channels.map((each) => [`${name(each.channel)}: ${many(taps, "product")}`, each.sum]);
    if (told.others.length) lines.push([`the other ${many(told.others.length, "channel")}`, others]);
    if (told.bias !== null) lines.push(["the bias", told.bias]);
    const rest = told.others.length
      ? el(
          "details",
          {},
          el("summary", {}, `The other ${many(told.others.length, "channel")} one by one`),
          el("ul", { class: "columns" }, told.others.map((each) => el("li", {}, `${walk.channelName(source, each.channel)}: ${write(each.sum)}`))),
        )
      : null;
    const frame = [...told.first, ...extent(told, shape(told.channels[0].kernel))];
    return {
      nodes: [...blocks, el("h4", {}, "Added up"), addition({ lines, write, ...told, of: "this number" }), rest],
      sentence: sums(told, `sum of ${many(taps * (channels.length + told.others.length), "product")} ${alone(told.sum)}`),
      beside: {
        layer: source,
        channel: channels[0].channel,
        place: told.first,
        window: half(frame),
        words: `${source}, ${name(channels[0].channel)}${alike ? "" : ", which adds most"}: the window`,
      },
    };
  },

  // A dense layer: every input times its weight, those that weigh most.
  sum(told, page) {
    const { jump } = page;
    const write = writer([...told.terms.map((term) => term.product), told.others.sum, told.bias ?? 0, told.result]);
    const of = scale("values", ...range(told.terms.map((term) => term.product)));
    const most = Math.max(...told.terms.map((term) => Math.abs(term.product)), 1e-300);
    const moved = told.terms.some((term) => term.origin.layer !== told.sources[0]);
    const [values, weights] = [writer(told.terms.map((t) => t.value), 4), writer(told.terms.map((t) => t.weight), 4)];
    const rows = told.terms.map((term) => {
      const bar = el("span", { class: "share" });
      bar.style.width = `${(100 * Math.abs(term.product)) / most}%`;
      const [red, green, blue] = of.colour(Math.sign(term.product) * of.high);
      bar.style.background = `rgb(${red} ${green} ${blue})`;
      return el(
        "tr",
        {},
        el("th", { scope: "row" }, jump(term.origin.layer, term.origin.place, term.origin.channel)),
        cell(term.value, values),
        cell(term.weight, weights),
        cell(term.product, write),
        el("td", { class: "bar-cell", "aria-hidden": "true" }, bar),
      );
    });
    const where = moved ? `at its origin in ${told.terms[0].origin.layer}` : `of ${told.sources[0]}`;
    const lines = [[`the ${many(told.terms.length, "product")} above`, told.sum - told.others.sum]];
    if (told.others.count) lines.push([`${many(told.others.count, "smaller product")}`, told.others.sum]);
    if (told.bias !== null) lines.push(["the bias", told.bias]);
    return {
      nodes: [
        scrolled({ class: "terms" }, `What weighs most; the input ${where}`, ["input", "value", "\u00d7 weight", "= product", ""], rows),
        el("h4", {}, "Added up"),
        addition({ lines, write, ...told, of: "this number" }),
      ],
      sentence: sums(told, `sum of ${many(told.terms.length + told.others.count, "product")} ${alone(told.sum)}`),
      beside: null,
    };
  },

  // Pooling: the largest of a window.
  maximum(told, page) {
    const { walk, jump } = page;
    const { winner } = told;
    const where = walk.where(winner.layer, winner.place, winner.channel);
    return {
      nodes: [
        windowTable({ told, winner: winner.tap, source: winner.layer, channel: winner.channel, ...page }),
        el("p", {}, "The winner, marked \u2605, is ", jump(winner.layer, winner.place, winner.channel), `: ${alone(winner.value)}.`),
        engineSays(told),
      ],
      sentence: `${alone(told.engine)} = the largest of its window, from ${where}`,
      beside: {
        layer: winner.layer,
        channel: winner.channel,
        place: winner.place,
        window: half([...told.first, ...size(told, page)]),
        cell: winner.place.slice(-2),
        winners: true,
        words: `${winner.layer}, channel ${walk.channelName(winner.layer, winner.channel)}: the window, the winner framed, all winners as dots`,
      },
    };
  },

  // Pooling: the mean of a window.
  mean(told, page) {
    const source = told.sources[0];
    return {
      nodes: [
        windowTable({ told, source, channel: told.channel, ...page }),
        el("p", { class: "equation" }, `sum / count = ${alone(told.sum)} / ${told.count} = ${alone(told.result)}`),
        engineSays(told),
      ],
      sentence: `${alone(told.engine)} = mean, sum ${alone(told.sum)} over ${told.count}`,
      beside: {
        layer: source,
        channel: told.channel,
        place: told.first,
        window: half([...told.first, ...size(told, page)]),
        words: `${source}, channel ${page.walk.channelName(source, told.channel)}: the window`,
      },
    };
  },

  // A normalisation, step by step.
  norm(told, page) {
    const n = (value) => alone(value);
    const [minus, deviation, hat, scaled, shifted] = told.steps.map((step) => step.value);
    const numbers = [
      `${n(told.before)} \u2212 ${bracket(told.mean)} = ${n(minus)}`,
      `sqrt(${n(told.var)} + ${told.eps}) = ${n(deviation)}`,
      `${n(minus)} / ${n(deviation)} = ${n(hat)}`,
      `${n(told.gamma)} \u00d7 ${bracket(hat)} = ${n(scaled)}`,
      `${n(scaled)} + ${bracket(told.beta)} = ${n(shifted)}`,
    ];
    return {
      nodes: [
        el("p", {}, "Before: ", same(told, page, told.before), "."),
        el(
          "ol",
          { class: "steps" },
          told.steps.map((step, i) => el("li", {}, el("span", {}, step.what), el("code", { class: "soft" }, step.formula), el("span", { class: "equation" }, numbers[i]))),
        ),
        engineSays(told),
        histograms(told, page),
      ],
      sentence: `${alone(told.engine)} = (${alone(told.before)} \u2212 mean ${alone(told.mean)}) / ${alone(deviation)} \u00d7 gamma ${alone(told.gamma)} + beta ${alone(told.beta)}`,
      beside: before(told, told.sources[0], told),
    };
  },

  // An activation: before and after.
  function(told, page) {
    return {
      nodes: [
        el("p", { class: "equation big" }, same(told, page, told.before), " \u2192 ", alone(told.result)),
        engineSays(told),
        afterBefore(told, page),
      ],
      sentence: `${alone(told.engine)}, from ${alone(told.before)} before`,
      beside: before(told, told.sources[0], told),
    };
  },

  // Softmax: a power over the sum of all.
  shares(told) {
    const write = writer(told.powers);
    const scores = writer(told.scores);
    const rows = told.powers.map((power, i) =>
      el("tr", { class: i === told.channel ? "chosen" : false }, el("th", { scope: "row" }, String(i)), cell(told.scores[i], scores), cell(power, write), cell(power / told.sum, alone)),
    );
    return {
      nodes: [
        scrolled({}, null, ["channel", "score", "exp(score \u2212 largest)", "share"], rows),
        el("p", { class: "equation" }, `${alone(told.result * told.sum)} / ${alone(told.sum)} = ${alone(told.result)}`),
        engineSays(told),
      ],
      sentence: `${alone(told.engine)} = its power over the sum of all, ${alone(told.sum)}`,
      beside: null,
    };
  },

  // A number that only moved.
  copy(told, page) {
    if (!told.from) return { nodes: [], sentence: "0, padding", beside: null };
    const where = page.walk.where(told.from.layer, told.from.place, told.from.channel);
    return {
      nodes: [el("p", { class: "equation big" }, page.jump(told.from.layer, told.from.place, told.from.channel, `${told.from.layer}, ${where}`), ` = ${alone(told.result)}`)],
      sentence: `${alone(told.engine)}, the same as ${told.from.layer}, ${where}`,
      beside: before(told, told.from.layer, told.from),
    };
  },

  // Several ways that meet.
  added(told, page) {
    const lines = told.parts.map((part) => [page.jump(part.layer, part.place, part.channel, part.layer), part.value]);
    return {
      nodes: [addition({ lines, ...told, of: "this number" })],
      sentence: `${alone(told.engine)} = ${told.parts.map((part) => `${alone(part.value)} of ${part.layer}`).join(" + ")}`,
      beside: before(told, told.parts[0].layer, told.parts[0]),
    };
  },

  joined: (told, page) => FORMS.copy(told, page),

  // A number and the gate of its channel.
  product(told, page) {
    const [x, gate] = told.parts;
    const part = (of) => [page.jump(of.layer, of.place, of.channel, of.layer), ` ${alone(of.value)}`];
    return {
      nodes: [el("p", { class: "equation big" }, ...part(x), " \u00d7 ", ...part(gate), ` = ${alone(told.result)}`), engineSays(told)],
      sentence: `${alone(told.engine)} = ${alone(x.value)} \u00d7 gate ${alone(gate.value)}`,
      beside: before(told, x.layer, x),
    };
  },

  // The first step: the user's own value.
  scaled(told) {
    const [value, white] = [alone(told.value), told.white];
    const name = told.name ?? (white ? "the pixel" : "the value");
    const shown = white ? alone(told.value / white) : value;
    const kept = "both of the training part";
    return {
      nodes: [
        el(
          "ol",
          { class: "steps" },
          el("li", {}, el("span", {}, `${name}, as it was sent`), el("span", { class: "equation" }, value)),
          white ? el("li", {}, el("span", {}, `in shares of white, ${white}`), el("span", { class: "equation" }, `${value} / ${white} = ${shown}`)) : null,
          el("li", {}, el("span", {}, `minus the mean, divided by the standard deviation, ${kept}`), el("span", { class: "equation" }, `(${shown} \u2212 ${bracket(told.mean)}) / ${alone(told.std)} = ${alone(told.result)}`)),
        ),
        engineSays(told),
      ],
      sentence: `${alone(told.engine)} = (${shown} \u2212 ${alone(told.mean)}) / ${alone(told.std)}`,
      beside: null,
    };
  },

  none: (told) => ({ nodes: [el("p", { class: "equation big" }, alone(told.engine))], sentence: alone(told.engine), beside: null }),
};

const bracket = (value) => (value < 0 ? `(${alone(value)})` : alone(value));
const range = (values) => [Math.min(0, ...values), Math.max(0, ...values)];

// A table of these column names and rows, in a frame that scrolls where it is too narrow.
function scrolled(attributes, caption, names, rows) {
  return el("div", { class: "scroll" }, el("table", attributes, caption && el("caption", {}, caption), head(names), el("tbody", {}, rows)));
}

// The number that stood at the same place before this layer.
function same(told, page, value) {
  const source = told.sources[0];
  return page.jump(source, told.place, told.channel, `${source} ${alone(value)}`);
}

// How far a window of these sizes reaches, with what its dilation leaves out.
const extent = (told, sizes) => sizes.map((count, i) => (count - 1) * told.dilation[i] + 1);

// The map in front, with the number that went in.
function before(told, layer, { place, channel }) {
  return { layer, place, channel, cell: place.slice(-2), words: `${layer}, channel ${channel}, in front of this layer` };
}

// The sizes of a pooling's window; of one too large to show, the whole of what it looks at.
function size(told, { walk }) {
  return told.window ? shape(told.window) : walk.places(told.sources[0]);
}

// [first..., size...] of any number of axes as [row, column, rows, columns] of the last two.
function half(frame) {
  const axes = frame.length / 2;
  return [...frame.slice(0, axes).slice(-2), ...frame.slice(axes).slice(-2)];
}
