// The ROC curve of the test part, with a ring at the stored threshold and a dot at the one looked at.
import { frame, path } from "./charts.js";
import { el, svg } from "./core.js";
import { perCent } from "./proportions.js";
import { word } from "./words.js";

const CHANCE = [
  [0, 0],
  [1, 1],
];

// Counts are columns over rising thresholds, `stored` an index of them. Gives the figure, and `move(index, proportions)`.
export function rocCurve({ tp, fp, fn, tn }, stored) {
  const [sick, well] = [tp[0] + fn[0], fp[0] + tn[0]];
  if (!sick || !well) return { figure: el("p", {}, "Without rows of both classes there is no ROC curve."), move: () => {} };
  const f = frame({ x: [0, 1], y: [0, 1], xLabel: "1 - specificity", yLabel: "sensitivity", width: 420, height: 380 });
  const point = (k) => [fp[k] / well, tp[k] / sick];
  const circle = (kind, [x, y], r) => svg("circle", { class: kind, cx: f.x(x), cy: f.y(y), r });
  const dot = circle("now", point(stored), 6);
  f.plot.append(
    svg("path", { class: "chance", d: path(CHANCE, f) }),
    svg("path", { class: "line", d: path([[1, 1], ...tp.map((_, k) => point(k)), [0, 0]], f) }),
    circle("kept", point(stored), 9),
    dot,
  );
  const move = (k, { sensitivity, specificity }) => {
    const [x, y] = point(k);
    dot.setAttribute("cx", f.x(x));
    dot.setAttribute("cy", f.y(y));
    const here = `sensitivity ${perCent(sensitivity.value)}, specificity ${perCent(specificity.value)}`;
    f.chart.setAttribute("aria-label", `ROC curve; at this threshold ${here}`);
  };
  const caption = [word("roc_curve", "ROC curve"), " of the test part. Dot: this threshold; ring: the stored one."];
  return { figure: el("figure", {}, f.chart, el("figcaption", { class: "soft small" }, caption)), move };
}
