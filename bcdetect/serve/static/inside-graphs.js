// Small graphs of one channel: a normalisation's numbers before and after, and an activation as the curve of its own numbers.
import { el, svg } from "./core.js";
import { frame } from "./charts.js";
import { alone } from "./inside-numbers.js";

const SIZE = { width: 260, height: 150 };
const POINTS = 600;

// Both histograms; they come when they have been asked for.
export function histograms(told, { walk }) {
  const host = el("div", { class: "graphs" });
  walk.ask("norm", { layer: told.layer, first: told.channel, most: 1 }).then(({ channels: [{ before, after }] }) => {
    const of = `channel ${told.channel}`;
    host.append(
      histogram(before, told.before, `Before, all numbers of ${of}`),
      histogram(after, told.engine, `After, all numbers of ${of}`),
    );
  }, ignored);
  return host;
}

function histogram({ low, high, mean, std, counts }, here, title) {
  const most = Math.max(...counts);
  const words = `${title}: mean ${alone(mean, 3)}, standard deviation ${alone(std, 3)}`;
  const span = high > low ? [low, high] : [low - 1, high + 1];
  const f = frame({ x: span, y: [0, most], xLabel: "", yLabel: "count", label: `${words}; this number is ${alone(here)}`, ...SIZE });
  const width = f.width / counts.length;
  counts.forEach((count, i) => {
    const x = high > low ? f.x(low) + i * width : f.x(low) - width / 2;
    f.plot.append(svg("rect", { class: "mark", x, y: f.y(count), width: Math.max(1, width - 1), height: f.y(0) - f.y(count) }));
  });
  f.plot.append(svg("line", { class: "chosen-line", x1: f.x(here), x2: f.x(here), y1: f.y(0), y2: f.y(most) }));
  return el("figure", {}, f.chart, el("figcaption", { class: "small" }, words, ". The line is this number."));
}

// Every number of the channel, before and after; the chosen one is larger.
export function afterBefore(told, { walk }) {
  const host = el("div", { class: "graphs" });
  const of = { first: told.channel, most: 1 };
  Promise.all([walk.ask("maps", { layer: told.sources[0], ...of }), walk.ask("maps", { layer: told.layer, ...of })]).then(([before, after]) => {
    const numbers = (data) => (data.places.length ? data.maps[0].values.flat(Infinity) : null);
    const [x, y] = [numbers(before), numbers(after)];
    if (x) host.append(curve(x, y, told));
  }, ignored);
  return host;
}

function curve(x, y, told) {
  const ends = (values, more) => [Math.min(...values, more), Math.max(...values, more)];
  const words = `${told.kind}: the channel's ${x.length} numbers, before (across) and after (up)`;
  const f = frame({ x: ends(x, told.before), y: ends(y, told.engine), xLabel: "before", yLabel: "after", label: words, ...SIZE, height: 200 });
  const step = Math.ceil(x.length / POINTS);
  for (let i = 0; i < x.length; i += step) f.plot.append(svg("circle", { class: "mark faint", cx: f.x(x[i]), cy: f.y(y[i]), r: 2.5 }));
  f.plot.append(svg("circle", { class: "chosen-dot", cx: f.x(told.before), cy: f.y(told.engine), r: 6 }));
  return el("figure", {}, f.chart, el("figcaption", { class: "small" }, words, ". The ring is this number."));
}

// A graph that does not come is no failure of the page: the numbers are there.
function ignored() {}
