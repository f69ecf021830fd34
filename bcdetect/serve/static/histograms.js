// Small histograms, one a feature, the classes over one another, each drawn to the same area.
import { hover } from "./charts.js";
import { at, el, number, svg } from "./core.js";

const FEW = 12; // that are shown at first
const [WIDTH, HEIGHT, FOOT] = [240, 132, 20];

const orders = {
  file: () => 0,
  name: (a, b) => a.feature.localeCompare(b.feature),
  auc: (a, b) => told(b) - told(a),
};
const told = ({ auc }) => (auc === null ? -1 : Math.abs(auc - 0.5));

export function histograms(found, colours) {
  const [order, more] = [at("#order"), at("#more")];
  let all = false;
  const show = () => {
    const sorted = [...found.distributions].sort(orders[order.value]);
    at("#panels").replaceChildren(...sorted.slice(0, all ? undefined : FEW).map((one) => panel(one, found, colours)));
    more.hidden = all || sorted.length <= FEW;
    more.textContent = `Show all ${sorted.length}`;
  };
  order.onchange = show;
  more.onclick = () => {
    all = true;
    show();
  };
  show();
}

function panel(one, found, colours) {
  const { edges, counts, feature } = one;
  const shares = colours.counted.map((k) => {
    const rows = counts[k].reduce((sum, n) => sum + n, 0);
    return { k, shares: counts[k].map((n) => (rows ? n / rows : 0)) };
  });
  const most = Math.max(...shares.flatMap(({ shares: each }) => each), 1e-9);
  const bins = edges.length - 1;
  const x = (bin) => 1 + (bin / bins) * (WIDTH - 2);
  const y = (share) => HEIGHT - FOOT - (share / most) * (HEIGHT - FOOT - 4);
  const text = describe(one, found);
  const chart = svg("svg", {
    class: "chart",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    role: "img",
    "aria-label": `Distribution of ${feature}. ${text}`,
  });
  chart.style.width = "100%";
  for (const { k, shares: each } of shares) {
    const steps = each.map((share, bin) => `V${y(share).toFixed(1)}H${x(bin + 1).toFixed(1)}`).join("");
    chart.append(svg("path", { class: `hist ${colours.of(k)}`, d: `M${x(0)} ${y(0)}${steps}V${y(0)}` }));
  }
  chart.append(
    svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: y(0), y2: y(0) }),
    svg("text", { x: 0, y: HEIGHT - 5 }, number(one.low)),
    svg("text", { x: WIDTH, y: HEIGHT - 5, "text-anchor": "end" }, number(one.high)),
  );
  hover(chart, (event) => {
    const box = chart.getBoundingClientRect();
    const bin = Math.max(0, Math.min(bins - 1, Math.floor(((event.clientX - box.left) / box.width) * bins)));
    const rows = shares.map(
      ({ k, shares: each }) => `${found.classes[k].name} ${counts[k][bin]} (${(100 * each[bin]).toFixed(1)} %)`,
    );
    return `${number(edges[bin])} to ${number(edges[bin + 1])}: ${rows.join(", ")}`;
  });
  return el(
    "figure",
    {},
    el("figcaption", {}, el("b", {}, feature), el("span", { class: "soft small" }, separation(one))),
    chart,
  );
}

function separation({ auc, auc_of: of, missing }) {
  const gone = missing ? `${missing} missing` : "";
  const area = auc === null ? "" : `AUC ${Math.max(auc, 1 - auc).toFixed(3)}, ${auc >= 0.5 ? "higher" : "lower"} in ${of}`;
  return [area, gone].filter(Boolean).join("; ");
}

// The same for those who do not see it.
function describe(one, found) {
  const quartiles = one.quartiles.map(([low, median, high], k) =>
    median === null ? null : `${found.classes[k].name}: median ${number(median)}, quartiles ${number(low)} and ${number(high)}`,
  );
  return [separation(one), ...quartiles].filter(Boolean).join("; ");
}
