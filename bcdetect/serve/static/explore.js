// A table to look at: the built-in one, or a file that is sent again when another column is to be its label.
import { bars, legend } from "./charts.js";
import { address, askJson, at, el, files, number, trying } from "./core.js";
import { heatmap } from "./heatmap.js";
import { histograms } from "./histograms.js";
import { scatter } from "./scatter.js";

let file = null; // the chosen one; null: the built-in table
let asking = new AbortController();

async function load(label = null) {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  at("#problem").replaceChildren();
  const request = file
    ? () => askJson(address("/api/explore", { label, name: file.name.slice(0, 200) }), { method: "POST", headers: { "Content-Type": "text/csv" }, body: file, signal })
    : () => askJson("/api/explore", { signal });
  const found = await trying("Looking at the table…", at("#problem"), request);
  if (signal.aborted) return;
  at("#source").textContent = file ? file.name : "The built-in data: Breast Cancer Wisconsin (Diagnostic)";
  at("#built-in").hidden = at("#labels").hidden = !file;
  if (file) fillLabels(found ? found.columns : await firstLine(file), found ? found.label : label);
  at("#found").hidden = !found;
  if (found) show(found);
}

// The names in a file that was refused, which may be for its column of classes: so that another can be chosen.
async function firstLine(refused) {
  const text = (await refused.slice(0, 2 ** 16).text()).replace(/^\ufeff/, "").split(/\r?\n/, 1)[0];
  return [...text.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)].map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare.trim()).filter(Boolean);
}

function show(found) {
  const colours = coloursOf(found);
  const names = found.distributions.map((one) => one.feature);
  showClasses(found, colours);
  at("#gaps").replaceChildren(...gaps(found));
  at("#legend").replaceChildren(legend(colours.legend));
  histograms(found, colours);
  const plot = scatter(at("#cloud"), found, colours);
  const [across, up] = [at("#across"), at("#up")];
  const choose = (a, b) => {
    [across.value, up.value] = [a, b];
    plot(a, b);
  };
  for (const select of [across, up]) {
    select.replaceChildren(...names.map((name, k) => el("option", { value: k }, name)));
    select.onchange = () => plot(Number(across.value), Number(up.value));
  }
  const jump = (a, b) => {
    choose(a, b);
    at("#scatter").scrollIntoView();
    across.focus({ preventScroll: true });
  };
  heatmap(at("#map"), names, found.correlation, jump);
  at("#pairs").replaceChildren(pairs(names, found.correlation, jump));
  choose(...telling(found));
}

function fillLabels(columns, label) {
  const none = label === null ? [el("option", { value: "", selected: true }, "none: choose one")] : [];
  at("#label").replaceChildren(...none, ...columns.map((name) => el("option", { value: name, selected: name === label }, name)));
}

// A colour a class: benign and malignant have their own everywhere; the four commonest have one, all others are grey.
function coloursOf(found) {
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

function showClasses(found, colours) {
  const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
  const more = found.distributions.length < found.features ? `, of which the ${found.distributions.length} that tell most are shown` : "";
  const classes = found.label === null ? "no column of classes: all rows are drawn alike" : `classes in the column “${found.label}”`;
  at("#overview").textContent = `${count(found.rows, "row")}, ${count(found.features, "feature")}${more}; ${classes}.`;
  if (found.label === null) return at("#share").replaceChildren();
  const rows = found.classes.map(({ name, rows: n, share }, k) => ({ name, value: n, kind: colours.of(k), text: `${n.toLocaleString("en")} (${(100 * share).toFixed(1)} %)` }));
  const label = `Rows by class: ${rows.map((row) => `${row.name} ${row.text}`).join(", ")}`;
  const room = at("#share").clientWidth;
  at("#share").replaceChildren(bars({ rows, label, width: Math.min(620, room), names: room < 480 ? 110 : 190, texts: 110 }));
}

// What is missing, and which columns are no features.
function gaps(found) {
  const list = (title, rows, many) =>
    rows.length
      ? el(
          "details",
          {},
          el("summary", {}, title),
          el("ul", {}, rows.map(([name, text]) => el("li", {}, el("b", {}, name), ` ${text}`)), many > rows.length ? el("li", {}, `and ${many - rows.length} more`) : null),
        )
      : null;
  const cells = found.missing.map(({ column, cells: n }) => [column, `${n} (${((100 * n) / found.rows).toFixed(1)} %)`]);
  const out = found.left_out.map(({ column, why }) => [column, why]);
  return [
    found.unlabelled ? el("p", { class: "soft" }, `${found.unlabelled} ${found.unlabelled === 1 ? "row has" : "rows have"} no label: not counted for any class.`) : null,
    list(`Missing cells in ${found.columns_with_missing} columns`, cells, found.columns_with_missing) ?? el("p", { class: "soft" }, "No cell is missing."),
    list(`${found.columns_left_out} columns are no features`, out, found.columns_left_out),
  ].filter(Boolean);
}

function pairs(names, r, jump) {
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
      el("td", {}, el("button", { class: "plain small", type: "button", onclick: () => jump(a, b), "aria-label": `Plot ${names[a]} and ${names[b]}` }, "Plot")),
    );
  const head = ["feature", "feature", "r", ""].map((name) => el("th", { scope: "col" }, name));
  return el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, all.slice(0, 10).map(row)));
}

// Two features to begin with: each tells the classes apart, and they do not say the same.
function telling({ distributions, correlation }) {
  const worth = distributions.map(({ auc }) => (auc === null ? 0.01 : Math.abs(auc - 0.5)));
  const first = worth.indexOf(Math.max(...worth));
  const apart = (k) => 1 - Math.abs(correlation[first][k] ?? 0);
  const gain = worth.map((value, k) => (k === first ? -1 : value * (apart(k) > 0.4 ? 1 : apart(k))));
  return [first, gain.indexOf(Math.max(...gain))];
}

files(at("#drop"), ([chosen]) => {
  file = chosen;
  load();
});
at("#label").addEventListener("change", () => load(at("#label").value));
at("#built-in").addEventListener("click", () => {
  file = null;
  load();
});
load();
