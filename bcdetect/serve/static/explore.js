// A table to look at: the built-in one, or a file that is sent again when another column is to be its label.
import { legend } from "./charts.js";
import { address, askJson, at, el, files, trying } from "./core.js";
import { heatmap } from "./heatmap.js";
import { histograms } from "./histograms.js";
import { coloursOf, gaps, pairs, showClasses } from "./overview.js";
import { scatter } from "./scatter.js";

let file = null; // the chosen one; null: the built-in table
let asking = new AbortController();

async function load(label = null) {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  at("#problem").replaceChildren();
  const request = file
    ? () =>
        askJson(address("/api/explore", { label, name: file.name.slice(0, 200) }), {
          method: "POST",
          headers: { "Content-Type": "text/csv" },
          body: file,
          signal,
        })
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
  return [...text.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)]
    .map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare.trim())
    .filter(Boolean);
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
  at("#label").replaceChildren(
    ...none,
    ...columns.map((name) => el("option", { value: name, selected: name === label }, name)),
  );
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
