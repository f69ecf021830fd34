// Two features of every row. The pointer, or the arrow keys, say which row a point is; pressing one lists all its values.
import { frame, legend } from "./charts.js";
import { el, number, svg, tooltip } from "./core.js";

const NEAR = 16; // pixels between the pointer and the point that it means

export function scatter(place, found, colours) {
  const { row, class: classes, values } = found.points;
  const names = found.distributions.map((one) => one.feature);
  const line = el("p", { "aria-live": "polite", id: "point" });
  const all = el("div", { id: "row" });
  const classOf = (k) => (classes[k] === null ? "without a label" : found.classes[classes[k]].name);
  const named = (k) => (found.label === null ? `Row ${row[k]}` : `Row ${row[k]}, ${classOf(k)}`);
  const number6 = (value) => number(value, 6);

  const list = (k) => {
    const each = names.map((name, i) => el("div", {}, el("dt", {}, name), el("dd", {}, number6(values[i][k]))));
    all.replaceChildren(el("h3", {}, named(k)), el("dl", { class: "values" }, each));
  };

  return (a, b) => {
    const there = row.map((_, k) => k).filter((k) => values[a][k] !== null && values[b][k] !== null);
    const range = (k) => {
      const { low, high } = found.distributions[k];
      const beside = (high - low) * 0.03; // so that no point lies on the frame
      return [low - beside, high + beside];
    };
    const width = Math.max(300, Math.min(700, place.clientWidth));
    const keys = "Arrow keys left and right walk along the points; Enter lists a row.";
    const label = `${names[b]} over ${names[a]}, ${there.length} rows. ${keys}`;
    const f = frame({
      x: range(a),
      y: range(b),
      xLabel: names[a],
      yLabel: names[b],
      width,
      height: Math.min(480, width * 0.8),
      label,
    });
    const points = there
      .map((k) => ({ k, x: f.x(values[a][k]), y: f.y(values[b][k]) }))
      .filter(({ x, y }) => Number.isFinite(x + y));
    points.sort((p, q) => p.x - q.x || p.y - q.y);
    for (const k of there) {
      const [x, y] = [f.x(values[a][k]), f.y(values[b][k])];
      if (Number.isFinite(x + y))
        f.plot.append(svg("circle", { class: `dot ${colours.of(classes[k])}`, cx: x.toFixed(1), cy: y.toFixed(1), r: 3.2 }));
    }
    const ring = svg("circle", { class: "kept", r: 7, visibility: "hidden" });
    f.plot.append(ring);
    const said = ({ k }) =>
      `${named(k)}: ${names[a]} ${number6(values[a][k])}${a === b ? "" : `, ${names[b]} ${number6(values[b][k])}`}`;
    let walked = -1; // where the keys are; the pointer has a place of its own
    const mark = (at) => {
      ring.setAttribute("visibility", at < 0 ? "hidden" : "visible");
      if (at < 0) return;
      ring.setAttribute("cx", points[at].x);
      ring.setAttribute("cy", points[at].y);
    };
    const nearest = (event) => {
      const box = f.chart.getBoundingClientRect();
      const scale = width / box.width;
      const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      let [best, away] = [-1, NEAR * scale];
      points.forEach((point, place) => {
        const distance = Math.hypot(point.x - x, point.y - y);
        if (distance < away) [best, away] = [place, distance];
      });
      return best;
    };
    f.chart.setAttribute("tabindex", "0");
    f.chart.addEventListener("pointermove", (event) => {
      const at = nearest(event);
      mark(at < 0 ? walked : at);
      if (at < 0) tooltip.hide();
      else tooltip.show(event, said(points[at]));
    });
    f.chart.addEventListener("pointerleave", () => {
      tooltip.hide();
      mark(walked);
    });
    f.chart.addEventListener("click", (event) => {
      const found = nearest(event);
      if (found >= 0) list(points[found].k);
    });
    f.chart.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step && points.length) {
        walked = walked < 0 && step < 0 ? points.length - 1 : (walked + step + points.length) % points.length;
        mark(walked);
        line.textContent = said(points[walked]);
      } else if (event.key === "Enter" && walked >= 0) list(points[walked].k);
      else return;
      event.preventDefault();
    });
    line.textContent =
      points.length < found.rows
        ? `${points.length.toLocaleString("en")} of ${found.rows.toLocaleString("en")} rows are drawn.`
        : "";
    all.replaceChildren();
    place.replaceChildren(el("figure", {}, f.chart, legend(colours.legend)), line, all);
  };
}
