// The learning curves of a run as it goes: loss and AUC over the epochs, and the epoch whose weights are the best so far.
import { frame, legend, path, ticks } from "./charts.js";
import { el, number, svg } from "./core.js";

const LOSSES = {
  title: "loss",
  series: [
    { key: "loss", name: "training loss", kind: "c0" },
    { key: "validation_loss", name: "validation loss", kind: "c1" },
  ],
  most: Infinity,
  free: "top", // where curves that fall leave room for words
};
const AUC = {
  title: "validation AUC",
  series: [{ key: "validation_auc", name: "validation AUC", kind: "c2" }],
  most: 1,
  free: "bottom",
};

// The epoch that would be kept by now, as training chooses it: the first of those that are equally good.
export function bestOf(rows, monitor) {
  if (monitor === "last") return rows.at(-1);
  const better = (a, b) =>
    monitor === "validation_auc" && a.validation_auc !== b.validation_auc
      ? a.validation_auc > b.validation_auc
      : a.validation_loss < b.validation_loss;
  return rows.reduce((best, row) => (better(row, best) ? row : best));
}

export class Curves {
  #waits = false;

  constructor(place, monitor) {
    Object.assign(this, { place, monitor, rows: [], kept: null });
  }

  get best() {
    return this.kept ? this.rows.find((row) => row.epoch === this.kept) : bestOf(this.rows, this.monitor);
  }

  // One more epoch. Drawn once a frame: a run that is looked at again tells all its epochs at once.
  add(row) {
    this.rows.push(row);
    this.#soon();
  }

  // The run has ended, and this is the epoch that it kept.
  end(kept) {
    this.kept = kept;
    this.#soon();
  }

  #soon() {
    if (this.#waits || !this.rows.length) return;
    this.#waits = true;
    requestAnimationFrame(() => {
      this.#waits = false;
      this.place.replaceChildren(this.#chart(LOSSES), this.#chart(AUC));
    });
  }

  #chart({ title, series, most, free }) {
    const { rows, best } = this;
    const last = rows.at(-1);
    const told = (row) => series.map(({ key, name }) => `${name} ${number(row[key], 3)}`).join(", ");
    const y = range(rows, series);
    const f = frame({
      x: [1, Math.max(2, last.of)],
      y,
      xTicks: ticks(1, last.of).filter(Number.isInteger),
      yTicks: ticks(...y).filter((value) => value <= most),
      xLabel: "epoch",
      yLabel: title,
      label: `${title} over ${last.epoch} of ${last.of} epochs: ${told(last)}; in the best, epoch ${best.epoch}: ${told(best)}`,
      width: Math.min(520, this.place.clientWidth),
      height: 300,
    });
    const x = f.x(best.epoch);
    const late = x > f.x(1) + f.width * 0.75;
    const words = {
      class: "soft",
      x: x + (late ? -6 : 6),
      y: free === "top" ? f.y(y[1]) + 14 : f.y(y[0]) - 8,
      "text-anchor": late ? "end" : "start",
    };
    f.plot.append(
      svg("line", { class: "best", x1: x, x2: x, y1: f.y(y[0]), y2: f.y(y[1]) }),
      svg("text", words, `best: epoch ${best.epoch}`),
    );
    for (const { key, kind } of series) {
      const points = rows.map((row) => [row.epoch, row[key]]);
      f.plot.append(svg("path", { class: `line ${kind}`, d: path(points, f) }));
      for (const row of new Set([best, last])) {
        if (row[key] === null) continue;
        const place = { cx: f.x(row.epoch), cy: f.y(row[key]), r: row === best ? 5 : 3 };
        f.plot.append(svg("circle", { class: `mark ${kind}`, ...place }));
      }
    }
    return el("figure", {}, f.chart, legend(series));
  }
}

// A little more than the values take.
function range(rows, series) {
  const values = series.flatMap(({ key }) => rows.map((row) => row[key])).filter((value) => value !== null);
  if (!values.length) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max((high - low) * 0.08, 1e-3);
  return [low - room, high + room];
}
