// Charts as SVG. Each takes numbers and gives a figure with a text for those who do not see it.
import { el, number, svg, tooltip } from "./core.js";

const LEAST = 40; // of what is drawn, whatever the room
const PAD = { left: 56, right: 14, top: 14, bottom: 44 };

// Round steps that cover [low, high], some five of them.
export function ticks(low, high, count = 5) {
  if (!(high > low)) return [low];
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw);
  const first = Math.ceil(low / step);
  const found = Array.from({ length: 2 * count }, (_, k) => Number(((first + k) * step).toPrecision(12)));
  return found.filter((value) => value <= high + step * 1e-9); // not a loop up to `high`, which adding 1 may not reach
}

// A frame with axes: gives {chart, plot, x(value), y(value), width, height}. `chart` is the <svg>, marks go into `plot`.
export function frame({ x, y, xLabel, yLabel, label, width = 520, height = 320, xTicks, yTicks }) {
  width = Math.max(width, PAD.left + PAD.right + LEAST); // a place that is hidden has no width
  height = Math.max(height, PAD.top + PAD.bottom + LEAST);
  const inner = { width: width - PAD.left - PAD.right, height: height - PAD.top - PAD.bottom };
  const scale = ([low, high], length) => (value) => (high > low ? ((value - low) / (high - low)) * length : length / 2);
  const across = scale(x, inner.width);
  const up = scale(y, inner.height);
  const toX = (value) => PAD.left + across(value);
  const toY = (value) => PAD.top + inner.height - up(value);
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  chart.style.width = `${width}px`;
  for (const value of xTicks ?? ticks(...x)) {
    chart.append(
      svg("line", { class: "grid", x1: toX(value), x2: toX(value), y1: PAD.top, y2: PAD.top + inner.height }),
      svg("text", { x: toX(value), y: height - PAD.bottom + 16, "text-anchor": "middle" }, number(value)),
    );
  }
  for (const value of yTicks ?? ticks(...y)) {
    chart.append(
      svg("line", { class: "grid", x1: PAD.left, x2: PAD.left + inner.width, y1: toY(value), y2: toY(value) }),
      svg("text", { x: PAD.left - 6, y: toY(value) + 4, "text-anchor": "end" }, number(value)),
    );
  }
  const plot = svg("g");
  chart.append(
    svg("rect", { class: "axis", x: PAD.left, y: PAD.top, width: inner.width, height: inner.height }),
    plot,
    svg("text", { x: PAD.left + inner.width / 2, y: height - 8, "text-anchor": "middle" }, xLabel ?? ""),
    svg("text", { transform: `translate(13 ${PAD.top + inner.height / 2}) rotate(-90)`, "text-anchor": "middle" }, yLabel ?? ""),
  );
  return { chart, plot, x: toX, y: toY, width: inner.width, height: inner.height };
}

// Points [[x, y], ...] as a path; gaps at null.
export function path(points, f) {
  let text = "";
  let pen = false;
  for (const [x, y] of points) {
    if (x === null || y === null) pen = false;
    else {
      text += `${pen ? "L" : "M"}${f.x(x).toFixed(1)} ${f.y(y).toFixed(1)}`;
      pen = true;
    }
  }
  return text;
}

// Lines: series [{name, points, kind}], kind being a colour class "c0" to "c3".
export function lines({ series, ...options }) {
  const all = series.flatMap((one) => one.points).filter(([x, y]) => x !== null && y !== null);
  const range = (k) => (all.length ? [Math.min(...all.map((p) => p[k])), Math.max(...all.map((p) => p[k]))] : [0, 1]);
  const f = frame({ x: range(0), y: range(1), ...options });
  for (const { points, kind, name } of series) f.plot.append(svg("path", { class: `line ${kind}`, d: path(points, f) }, svg("title", {}, name)));
  return el("figure", {}, f.chart, legend(series));
}

export function legend(series) {
  return el("ul", { class: "legend" }, series.map(({ name, kind }) => el("li", { class: kind }, name)));
}

// Horizontal bars: rows [{name, value, text, kind}], to the left of the middle where a value is below 0.
export function bars({ rows, label, width = 520, names = 190, texts = 70 }) {
  width = Math.max(width, names + texts + LEAST);
  const most = Math.max(...rows.map((row) => Math.abs(row.value)), 1e-12);
  const negative = rows.some((row) => row.value < 0);
  const room = width - names - texts;
  const zero = names + (negative ? room / 2 : 0);
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${rows.length * 22 + 6}`, role: "img", "aria-label": label });
  chart.style.width = `${width}px`;
  rows.forEach((row, i) => {
    const length = (Math.abs(row.value) / most) * (negative ? room / 2 : room);
    const start = row.value < 0 ? zero - length : zero;
    const shown = row.name.length > 27 ? `${row.name.slice(0, 26)}…` : row.name;
    const bar = svg("rect", { class: `mark ${row.kind ?? ""}`, x: start, y: i * 22 + 5, width: length, height: 15 });
    bar.append(svg("title", {}, `${row.name}: ${row.text ?? number(row.value)}`));
    const end = row.value < 0 ? zero + 4 : start + length + 4;
    chart.append(
      svg("text", { x: names - 8, y: i * 22 + 17, "text-anchor": "end" }, shown),
      bar,
      svg("text", { class: "soft", x: end, y: i * 22 + 17 }, row.text ?? number(row.value)),
    );
  });
  return el("figure", {}, chart);
}

// Show `text` while the pointer is over a mark, or it has the focus.
export function hover(mark, text) {
  mark.addEventListener("pointermove", (event) => tooltip.show(event, typeof text === "function" ? text(event) : text));
  mark.addEventListener("pointerleave", () => tooltip.hide());
  return mark;
}

// A colour for r in [-1, 1]: blue below 0, the paper's colour at 0, red above; chosen to be told apart by the colour-blind.
export function diverging(r) {
  const share = Math.min(1, Math.abs(r));
  const [red, green, blue] = r < 0 ? [33, 102, 172] : [178, 24, 43];
  const mix = (c) => Math.round(247 + (c - 247) * share);
  return `rgb(${mix(red)} ${mix(green)} ${mix(blue)})`;
}

// A colour for a share in [0, 1], dark to bright (near viridis: even steps of lightness).
const STOPS = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
];
export function sequential(share) {
  const place = Math.max(0, Math.min(1, share)) * (STOPS.length - 1);
  const k = Math.min(STOPS.length - 2, Math.floor(place));
  return STOPS[k].map((c, i) => Math.round(c + (STOPS[k + 1][i] - c) * (place - k)));
}
