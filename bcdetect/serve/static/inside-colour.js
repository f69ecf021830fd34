// Colours of numbers: values from blue over paper to red, gradients from purple to green, a picture from black to white.
// Each pair can be told apart by the colour-blind; and every number that has a colour can be read as a number too.
import { el } from "./core.js";
import { alone } from "./inside-numbers.js";

const PAPER = [247, 247, 247];
const ENDS = {
  values: [[33, 102, 172], [178, 24, 43], "blue below 0, red above 0"],
  gradients: [[118, 42, 131], [27, 120, 55], "purple below 0, green above 0"],
};

// A scale of a kind over [low, high]; `colour(value)` gives [red, green, blue].
export function scale(kind, low, high) {
  if (kind === "grey") {
    const span = high > low ? high - low : 1;
    const level = (value) => Math.round(255 * Math.max(0, Math.min(1, (value - low) / span)));
    return { kind, low, high, words: "black to white", colour: (value) => [level(value), level(value), level(value)] };
  }
  const [below, above, words] = ENDS[kind];
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  const colour = (value) => {
    const share = Math.min(1, Math.abs(value) / most) ** 0.8; // small numbers are to be told from 0
    const end = value < 0 ? below : above;
    return PAPER.map((c, i) => Math.round(c + (end[i] - c) * share));
  };
  return { kind, low: -most, high: most, words, colour };
}

// As WCAG 2 has it, from 0 to 1.
function luminance(...colour) {
  const [red, green, blue] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

// Give an element the colour of its number, and letters that can be read on it.
export function tint(node, value, of) {
  if (value === null) return node;
  const [red, green, blue] = of.colour(value);
  node.style.background = `rgb(${red} ${green} ${blue})`;
  node.style.color = luminance(red, green, blue) > 0.179 ? "#000" : "#fff"; // where black and white stand out alike
  return node;
}

// Paint rows of numbers into a canvas, a pixel a number; null is left out.
export function paint(canvas, rows, of) {
  canvas.width = rows[0].length;
  canvas.height = rows.length;
  const image = new ImageData(canvas.width, canvas.height);
  rows.forEach((row, i) =>
    row.forEach((value, j) => {
      if (value !== null) image.data.set([...of.colour(value), 255], 4 * (i * canvas.width + j));
    }),
  );
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// What the colours mean.
export function legend(of) {
  const steps = Array.from({ length: 65 }, (_, i) => of.low + ((of.high - of.low) * i) / 64);
  const ramp = paint(el("canvas", { class: "colours", "aria-hidden": "true" }), [steps], of);
  const middle = of.kind === "grey" ? "" : "0";
  return el(
    "div",
    { class: "scale-of" },
    ramp,
    el("div", { class: "ends" }, [alone(of.low, 3), middle, alone(of.high, 3)].map((text) => el("span", {}, text))),
    el("span", { class: "visually-hidden" }, of.words),
  );
}
