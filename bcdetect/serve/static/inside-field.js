// A field of numbers as colours: one can be pointed at, chosen with the pointer or with the arrow keys, and framed.
import { el, svg, tooltip } from "./core.js";
import { paint } from "./inside-colour.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

// `pick(row, column)` is called for a choice, `turn(by)` for the next or the previous channel, `tell(row, column)` gives a cell's
// words. Without `pick` it is a picture only.
export function createField({ rows, columns, label, pick, turn, tell }) {
  const canvas = el("canvas", { "aria-hidden": "true" });
  const over = svg("svg", { viewBox: `0 0 ${columns} ${rows}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const role = pick ? { tabindex: "0", role: "application", "aria-roledescription": "map of numbers" } : { role: "img" };
  const node = el("div", { class: pick ? "field-map" : "field-map still", ...role, "aria-label": label }, canvas, over);
  let here = [0, 0];

  function under(event) {
    const box = node.getBoundingClientRect();
    const find = (from, size, count) => Math.max(0, Math.min(count - 1, Math.floor((from / size) * count)));
    return [find(event.clientY - box.top, box.height, rows), find(event.clientX - box.left, box.width, columns)];
  }

  if (pick) {
    node.addEventListener("click", (event) => pick(...under(event)));
    node.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (step) {
        const row = Math.max(0, Math.min(rows - 1, here[0] + step[0]));
        const column = Math.max(0, Math.min(columns - 1, here[1] + step[1]));
        pick(row, column);
      } else if (turn && event.key === "PageDown") turn(1);
      else if (turn && event.key === "PageUp") turn(-1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }
  if (tell) {
    node.addEventListener("pointermove", (event) => tooltip.show(event, tell(...under(event))));
    node.addEventListener("pointerleave", () => tooltip.hide());
  }

  return {
    node,
    paint: (values, of) => paint(canvas, values, of),
    // Frame the cell [row, column], a window [row, column, rows, columns], and dot cells [[row, column], ...].
    mark({ cell, window: frame, dots = [] }) {
      if (cell) here = cell;
      over.replaceChildren(
        ...dots.map(([row, column]) => svg("ellipse", { class: "dot", cx: column + 0.5, cy: row + 0.5, rx: 0.3, ry: 0.3 })),
        ...(frame ? boxes("window", frame) : []),
        ...(cell ? boxes("here", [...cell, 1, 1]) : []),
      );
    },
  };
}

// Light and dark, so that it is seen on every colour.
function boxes(kind, [row, column, height, width]) {
  return ["halo", kind].map((name) => svg("rect", { class: name, x: column, y: row, width, height }));
}
