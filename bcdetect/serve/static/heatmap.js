// Correlations as a map of colours, with a cell that the pointer or the arrow keys move.
import { diverging } from "./charts.js";
import { el, svg, tooltip } from "./core.js";

const NARROW = 620; // pixels, below which names have no room and only the line below says the pair
const [NAMES, LETTER, LETTERS] = [170, 6.6, 26]; // pixels that names may take, and one letter; letters of a name
const KEYS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export function heatmap(place, names, r, jump) {
  const count = names.length;
  const wide = place.clientWidth >= NARROW;
  const longest = Math.min(LETTERS, Math.max(...names.map((name) => name.length)));
  const edge = wide ? Math.min(NAMES, 12 + LETTER * longest) : 0;
  const cell = Math.max(3, Math.min(24, (Math.min(place.clientWidth, 900) - edge) / count));
  const size = edge + cell * count;
  let [row, column] = [Math.min(1, count - 1), 0];

  const chart = svg("svg", {
    class: "chart heat",
    viewBox: `0 0 ${size} ${size}`,
    tabindex: 0,
    role: "application",
    "aria-roledescription": "heat-map",
    "aria-label": `Correlation of ${count} features. Arrow keys move from cell to cell; Enter plots the pair.`,
    "aria-describedby": "pair",
  });
  chart.style.width = `${size}px`;
  for (let i = 0; i < count; i++)
    for (let j = 0; j < count; j++)
      chart.append(svg("rect", { x: edge + j * cell, y: edge + i * cell, width: cell, height: cell, fill: colour(r[i][j]) }));
  if (wide) {
    const font = Math.min(12, cell * 0.9);
    names.forEach((name, k) => {
      const middle = edge + (k + 0.5) * cell;
      const text = name.length > LETTERS ? `${name.slice(0, LETTERS - 1)}…` : name;
      const [left, top] = [
        svg("text", { x: edge - 6, y: middle + font / 3, "text-anchor": "end" }, text),
        svg("text", { transform: `translate(${middle + font / 3} ${edge - 6}) rotate(-90)` }, text),
      ];
      for (const label of [left, top]) label.style.fontSize = `${font}px`;
      chart.append(left, top);
    });
  }
  const cursor = ["halo", "cursor"].map((kind) => svg("rect", { class: kind, width: cell, height: cell }));
  chart.append(...cursor);

  const line = el("p", { id: "pair", "aria-live": "polite" });
  const said = () => `${names[row]} and ${names[column]}: ${value(r[row][column])}`;
  const move = (i, j) => {
    [row, column] = [Math.max(0, Math.min(count - 1, i)), Math.max(0, Math.min(count - 1, j))];
    for (const rect of cursor) {
      rect.setAttribute("x", edge + column * cell);
      rect.setAttribute("y", edge + row * cell);
    }
    line.textContent = said();
  };
  const point = (event) => {
    const box = chart.getBoundingClientRect();
    const at = (offset, length) => Math.floor(((offset / length) * size - edge) / cell);
    const [i, j] = [at(event.clientY - box.top, box.height), at(event.clientX - box.left, box.width)];
    if (i < 0 || j < 0 || i >= count || j >= count) return tooltip.hide();
    move(i, j);
    tooltip.show(event, said());
  };
  chart.addEventListener("pointermove", point);
  chart.addEventListener("pointerdown", point);
  chart.addEventListener("pointerleave", () => tooltip.hide());
  chart.addEventListener("keydown", (event) => {
    if (event.key in KEYS) move(row + KEYS[event.key][0], column + KEYS[event.key][1]);
    else if (event.key === "Home") move(row, 0);
    else if (event.key === "End") move(row, count - 1);
    else if (event.key === "Enter") jump(column, row);
    else return;
    event.preventDefault();
  });
  move(row, column);
  const plot = el("button", { class: "plain", type: "button", onclick: () => jump(column, row) }, "Plot this pair");
  place.replaceChildren(el("figure", {}, chart, scale()), el("div", { class: "row" }, line, plot));
}

const colour = (r) => (r === null ? "#8d8d8d" : diverging(r));
const value = (r) => (r === null ? "r is undefined, for one of them does not vary" : `r = ${r.toFixed(3)}`);

// What the colours mean.
function scale() {
  const [steps, width] = [41, 6];
  const bar = svg("svg", {
    class: "chart",
    viewBox: `0 0 ${steps * width} 34`,
    role: "img",
    "aria-label": "Blue: r below 0; white: 0; red: above 0; grey: undefined",
  });
  bar.style.width = `${steps * width}px`;
  for (let k = 0; k < steps; k++)
    bar.append(svg("rect", { x: k * width, y: 0, width: width + 0.5, height: 14, fill: diverging((2 * k) / (steps - 1) - 1) }));
  const ends = [
    ["start", 0, "-1"],
    ["middle", (steps * width) / 2, "r = 0"],
    ["end", steps * width, "1"],
  ];
  bar.append(...ends.map(([anchor, x, text]) => svg("text", { x, y: 29, "text-anchor": anchor }, text)));
  return bar;
}
