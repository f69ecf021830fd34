// What a table holds in words and bars: its classes and their colours, its gaps, and which features say the same.
import { bars } from "./charts.js";
import { at, el } from "./core.js";

// A colour a class: benign and malignant have their own everywhere; the four commonest have one, all others are grey.
export function coloursOf(found) {
  if (found.label === null) return { of: () => "", legend: [{ name: "all rows", kind: "" }], counted: [0] };
  const own = { benign: "c0", malignant: "c1" };
  const kinds = found.classes.map(({ name }) => own[name] ?? null);
  const free = ["c0", "c1", "c2", "c3"].filter((kind) => !kinds.includes(kind));
  const rest = kinds.map((kind, k) => k).filter((k) => !kinds[k]);
  rest.sort((a, b) => found.classes[b].rows - found.classes[a].rows);
  const few = rest.slice(0, free.length).sort((a, b) => a - b);
  few.forEach((k, place) => (kinds[k] = free[place]));
  const coloured = found.classes.map((_, k) => k).filter((k) => kinds[k]);
  const shown = coloured.map((k) => ({ name: found.classes[k].name, kind: kinds[k] }));
  const others = found.classes.length - coloured.length;
  if (others) shown.push({ name: `${others} other classes`, kind: "cx" });
  if (found.unlabelled) shown.push({ name: "without a label", kind: "cx" });
  return { of: (k) => (k === null ? "cx" : (kinds[k] ?? "cx")), legend: shown, counted: coloured };
}

export function showClasses(found, colours) {
  const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
  const more =
    found.distributions.length < found.features ? `, of which the ${found.distributions.length} that tell most are shown` : "";
  const classes =
    found.label === null ? "no column of classes is known: choose it above, else all rows are drawn alike" : `classes in the column “${found.label}”`;
  at("#overview").textContent = `${count(found.rows, "row")}, ${count(found.features, "feature")}${more}; ${classes}.`;
  if (found.label === null) return at("#share").replaceChildren();
  const rows = found.classes.map(({ name, rows: n, share }, k) => ({
    name,
    value: n,
    kind: colours.of(k),
    text: `${n.toLocaleString("en")} (${(100 * share).toFixed(1)} %)`,
  }));
  const label = `Rows by class: ${rows.map((row) => `${row.name} ${row.text}`).join(", ")}`;
  const room = at("#share").clientWidth;
  at("#share").replaceChildren(bars({ rows, label, width: Math.min(620, room), names: room < 480 ? 110 : 190, texts: 110 }));
}

// What is missing, and which columns are no features.
export function gaps(found) {
  const list = (title, rows, many) =>
    rows.length
      ? el(
          "details",
          {},
          el("summary", {}, title),
          el(
            "ul",
            {},
            rows.map(([name, text]) => el("li", {}, el("b", {}, name), ` ${text}`)),
            many > rows.length ? el("li", {}, `and ${many - rows.length} more`) : null,
          ),
        )
      : null;
  const cells = found.missing.map(({ column, cells: n }) => [column, `${n} (${((100 * n) / found.rows).toFixed(1)} %)`]);
  const out = found.left_out.map(({ column, why }) => [column, why]);
  return [
    found.unlabelled
      ? el(
          "p",
          { class: "soft" },
          `${found.unlabelled} ${found.unlabelled === 1 ? "row has" : "rows have"} no label: not counted for any class.`,
        )
      : null,
    list(`Missing cells in ${found.columns_with_missing} columns`, cells, found.columns_with_missing) ??
      el("p", { class: "soft" }, "No cell is missing."),
    list(`${found.columns_left_out} columns are no features`, out, found.columns_left_out),
  ].filter(Boolean);
}

export function pairs(names, r, jump) {
  const all = names.flatMap((_, i) => names.slice(0, i).map((_, j) => [j, i, r[j][i]])).filter(([, , value]) => value !== null);
  all.sort((a, b) => Math.abs(b[2]) - Math.abs(a[2]));
  if (!all.length) return el("p", {}, "There is no pair of features that both vary.");
  const row = ([a, b, value]) =>
    el(
      "tr",
      {},
      el("td", {}, names[a]),
      el("td", {}, names[b]),
      el("td", { class: "number" }, value.toFixed(3)),
      el(
        "td",
        {},
        el(
          "button",
          { class: "plain small", type: "button", onclick: () => jump(a, b), "aria-label": `Plot ${names[a]} and ${names[b]}` },
          "Plot",
        ),
      ),
    );
  const head = ["feature", "feature", "r", ""].map((name) => el("th", { scope: "col" }, name));
  return el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, all.slice(0, 10).map(row)));
}
