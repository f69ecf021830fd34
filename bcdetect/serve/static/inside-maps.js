// All numbers of the current layer at once: bars where they are few, a strip of features by channels, or pictures.
import { el } from "./core.js";
import { legend, paint, scale } from "./inside-colour.js";
import { createField } from "./inside-field.js";
import { alone, writer } from "./inside-numbers.js";

const FEW = 40; // numbers that are shown as bars
const ACROSS = 32; // numbers in a line of a long row
const CLOSE = 24; // places a side that are shown around a window
const AT_ONCE = { vector: 1024, strip: 64, plane: 32 }; // channels that are asked for

// `go({place, channel})` chooses a number. `show(state)` draws the layer of the state, or only moves the frame.
export function createMaps(host, walk, go) {
  let drawn = null; // {key, mark(state)}
  let last = null; // state
  let own = false; // whether each map has a scale of its own
  let turn = 0; // of calls: a late answer to an earlier one is dropped

  async function show(state) {
    const call = ++turn;
    last = state;
    const data = await fetched(walk, state);
    if (call !== turn) return;
    const key = [state.layer, state.way, data.first, own].join();
    if (drawn?.key !== key) drawn = { key, mark: draw(state, data) };
    drawn.mark(state);
  }

  function draw(state, data) {
    const kind = walk.kind(state.layer);
    const view = { state, data, walk, go };
    const found = fewBars(kind, data) ? bars(view) : kind === "vector" ? row(view) : kind === "strip" ? strip(view) : planes(view, own);
    const title = state.way === "backward" ? "Gradients of this layer's numbers" : "Numbers of this layer";
    host.replaceChildren(el("h3", {}, title), ...found.nodes.filter(Boolean), pages(data, kind));
    const toggle = host.querySelector("#own");
    toggle?.addEventListener("change", () => {
      own = toggle.checked;
      show(last).then(() => host.querySelector("#own").focus());
    });
    return found.mark;
  }

  // Where a layer has more channels than are shown at once.
  function pages(data, kind) {
    const many = kind === "vector" ? data.vector.length : data.maps.length;
    if (many >= data.count) return "";
    const to = (first) => () => go({ channel: Math.max(0, Math.min(data.count - 1, first)) });
    return el(
      "p",
      { class: "row" },
      el("button", { type: "button", class: "plain", disabled: data.first === 0, onclick: to(data.first - many) }, "Earlier channels"),
      `${data.first} to ${data.first + many - 1} of ${data.count}`,
      el(
        "button",
        { type: "button", class: "plain", disabled: data.first + many >= data.count, onclick: to(data.first + many) },
        "Later channels",
      ),
    );
  }

  return { show };
}

// The page of channels that holds the state's.
export async function fetched(walk, { layer, channel, way }) {
  const what = way === "backward" ? "gradients" : "maps";
  const most = AT_ONCE[walk.kind(layer)];
  const data = await walk.ask(what, { layer, first: channel - (channel % most), most });
  const many = data.maps.length || data.vector.length;
  return channel < data.first + many ? data : walk.ask(what, { layer, first: channel, most }); // very large maps come in smaller lots
}

const fewBars = (kind, data) => (kind === "vector" && data.count <= FEW) || (kind === "strip" && data.count === 1 && data.places[0] <= 2 * FEW);

function scaleOf({ state, walk }, low, high) {
  const picture = state.layer === "input" && walk.kind("input") === "plane";
  return scale(state.way === "backward" ? "gradients" : picture ? "grey" : "values", low, high);
}

// A line each: name, bar to the left or the right of 0, number.
function bars(view) {
  const { state, data, walk, go } = view;
  const places = data.places.length;
  const values = places ? data.maps[0].values.flat() : data.vector;
  const of = scaleOf(view, data.lowest, data.highest);
  const write = writer(values, 4);
  const low = Math.min(0, data.lowest);
  const span = Math.max(0, data.highest) - low || 1;
  const at = (value) => (100 * (value - low)) / span;
  const to = (i) => go(places ? { place: [i, ...Array(places - 1).fill(0)] } : { channel: i });
  const lines = values.map((value, i) => {
    const bar = el("span", { class: "bar-of" });
    bar.style.left = `${at(Math.min(0, value))}%`;
    bar.style.width = `${Math.max(0.4, at(Math.max(0, value)) - at(Math.min(0, value)))}%`;
    const [red, green, blue] = of.colour(value === 0 ? 0 : Math.sign(value) * of.high);
    bar.style.background = `rgb(${red} ${green} ${blue})`;
    const zero = el("span", { class: "zero" });
    zero.style.left = `${at(0)}%`;
    const name = places ? (data.rows[i] ?? `place ${i}`) : `number ${i}`;
    return el(
      "button",
      { type: "button", class: "line", onclick: () => to(i) },
      el("span", { class: "name" }, name),
      el("span", { class: "track-of" }, bar, zero),
      el("span", { class: "n" }, write(value)),
    );
  });
  const list = el("div", { class: places ? "lines" : "lines short-names" }, lines);
  list.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    const next = lines[lines.indexOf(document.activeElement) + by];
    event.preventDefault();
    event.stopPropagation();
    if (next) {
      next.focus();
      next.click();
    }
  });
  return {
    nodes: [list],
    mark({ place, channel }) {
      const chosen = places ? place[0] : channel;
      lines.forEach((line, i) => line.setAttribute("aria-pressed", i === chosen));
    },
  };
}

// A long row of numbers, folded into lines.
function row(view) {
  const { data, walk, state, go } = view;
  const lines = Math.ceil(data.vector.length / ACROSS);
  const values = Array.from({ length: lines }, (_, i) =>
    Array.from({ length: Math.min(ACROSS, data.vector.length) }, (_, j) => data.vector[i * ACROSS + j] ?? null),
  );
  const of = scaleOf(view, data.lowest, data.highest);
  const number = (r, c) => Math.min(data.first + r * ACROSS + c, data.first + data.vector.length - 1);
  const field = createField({
    rows: lines,
    columns: values[0].length,
    label: `The ${data.count} numbers of ${state.layer}, in lines of ${ACROSS}; arrow keys move`,
    pick: (r, c) => go({ channel: number(r, c) }),
    tell: (r, c) => `${walk.where(state.layer, [], number(r, c))}: ${alone(values[r][c] ?? 0)}`,
  });
  field.paint(values, of);
  field.node.style.aspectRatio = `${values[0].length} / ${lines}`;
  return {
    nodes: [field.node, legend(of)],
    mark: ({ channel }) => field.mark({ cell: [Math.floor((channel - data.first) / ACROSS), (channel - data.first) % ACROSS] }),
  };
}

// Features or places down, channels across.
function strip(view) {
  const { data, walk, state, go } = view;
  const [count, flat] = [data.places[0], data.places.length === 1];
  const values = Array.from({ length: count }, (_, i) => data.maps.map((map) => (flat ? map.values[i] : map.values[i][0])));
  const of = scaleOf(view, data.lowest, data.highest);
  const place = (r) => (flat ? [r] : [r, 0]);
  const field = createField({
    rows: count,
    columns: data.maps.length,
    label: `${state.layer}: ${count} places down, ${data.maps.length} channels across; arrow keys move`,
    pick: (r, c) => go({ place: place(r), channel: data.first + c }),
    tell: (r, c) => `${walk.where(state.layer, place(r), data.first + c)}: ${alone(values[r][c])}`,
  });
  field.paint(values, of);
  const height = Math.max(2, Math.min(19, 620 / count));
  field.node.style.height = `${height * count}px`;
  const every = Math.ceil(13 / height); // labels that there is room for
  const names = Array.from({ length: count }, (_, i) => el("span", {}, i % every ? "" : (data.rows[i] ?? String(i))));
  const across = data.maps.map((map) => el("span", {}, data.maps.length > 24 && map.channel % 4 ? "" : String(map.channel)));
  const list = el("div", { class: "strip-names", "aria-hidden": "true" }, names);
  list.style.height = `${height * count}px`;
  return {
    nodes: [
      el(
        "div",
        { class: "strip" },
        el("span", { class: "soft corner", "aria-hidden": "true" }, `${data.rows.length ? "feature" : "place"} \\ channel`),
        el("div", { class: "across", "aria-hidden": "true" }, across),
        list,
        field.node,
      ),
      legend(of),
    ],
    mark: ({ place: [r], channel }) => field.mark({ cell: [r, channel - data.first] }),
  };
}

// The chosen channel large, with what it was made from beside it; all channels small below.
function planes(view, own) {
  const { data, walk, state, go } = view;
  const lead = data.places.length - 2;
  const [rows, columns] = data.places.slice(lead);
  const one = scaleOf(view, data.lowest, data.highest);
  const of = (map) => (own ? scaleOf(view, map.lowest, map.highest) : one);
  const before = (now) => now.place.slice(0, lead);
  const slice = (map, now) => before(now).reduce((values, i) => values[i], map.values);
  let current = state;
  const value = (r, c) => slice(data.maps[current.channel - data.first], current)[r][c];
  const field = createField({
    rows,
    columns,
    label: `${state.layer}, one channel; arrow keys move, Page Up and Page Down change the channel`,
    pick: (r, c) => go({ place: [...before(current), r, c] }),
    turn: (by) => go({ channel: Math.max(0, Math.min(data.count - 1, current.channel + by)) }),
    tell: (r, c) => `(${[...before(current), r, c].join(", ")}): ${alone(value(r, c))}`,
  });
  field.node.style.aspectRatio = `${columns} / ${rows}`;
  const caption = el("figcaption");
  const scaleHere = el("div");
  const { sources, feeds } = walk.layer(state.layer);
  const [other] = state.way === "backward" ? feeds : sources;
  const beside = other && walk.kind(other) === "plane" ? el("div", { class: "beside", id: "beside" }) : "";
  const tiles = data.maps.map((map) => {
    const canvas = el("canvas", { "aria-hidden": "true" });
    const range = `${alone(map.lowest, 3)} to ${alone(map.highest, 3)}`;
    const button = el(
      "button",
      { type: "button", class: "tile", title: range, onclick: () => go({ channel: map.channel }) },
      canvas,
      el("span", {}, walk.channelName(state.layer, map.channel)),
      own ? el("span", { class: "soft range" }, range) : null,
    );
    button.setAttribute("aria-label", `channel ${walk.channelName(state.layer, map.channel)}, ${range}`);
    return { map, canvas, button };
  });
  let sliced = null;
  return {
    nodes: [
      el("div", { class: "pair" }, beside, el("figure", { class: "this" }, field.node, caption, scaleHere)),
      data.count > 1
        ? el(
            "div",
            { class: "row all" },
            el("h4", {}, `All ${data.count} channels`),
            el("label", { class: "tick" }, el("input", { type: "checkbox", id: "own", checked: own }), "each on a scale of its own"),
          )
        : null,
      data.count > 1 ? el("div", { class: "tiles" }, tiles.map((tile) => tile.button)) : null,
      data.count > 1 && !own ? legend(one) : null,
    ],
    mark(now) {
      current = now;
      const map = data.maps[now.channel - data.first];
      field.paint(slice(map, now), of(map));
      field.mark({ cell: now.place.slice(lead) });
      scaleHere.replaceChildren(legend(of(map)));
      caption.textContent = `${state.layer}, channel ${walk.channelName(state.layer, now.channel)}`;
      if (sliced !== String(before(now))) {
        sliced = String(before(now));
        for (const tile of tiles) paint(tile.canvas, slice(tile.map, now), of(tile.map));
      }
      for (const tile of tiles) tile.button.setAttribute("aria-pressed", tile.map.channel === now.channel);
    },
  };
}

let besides = 0; // calls

// Beside a picture the one that a number came from (or that its gradient comes back from), with its window and winners.
export async function showBeside(walk, what) {
  const call = ++besides;
  const host = document.querySelector("#beside");
  if (!host || !what || walk.kind(what.layer) !== "plane") return host?.replaceChildren();
  const { layer, channel, way, place, window: frame, cell, dots, words } = what;
  const data = await fetched(walk, { layer, channel, way });
  if (call !== besides || !host.isConnected) return;
  const lead = data.places.length - 2;
  const map = data.maps[channel - data.first];
  const values = place.slice(0, lead).reduce((nested, i) => nested[Math.max(0, Math.min(nested.length - 1, i))], map.values);
  const of = scaleOf({ state: { layer, way }, walk }, data.lowest, data.highest);
  const sizes = data.places.slice(lead);
  const [top, left, rows, columns] = frame || dots ? around(sizes, frame ?? [...place.slice(lead), 1, 1]) : [0, 0, ...sizes];
  const moved = ([row, column, ...size]) => [row - top, column - left, ...size];
  const within = ([row, column]) => row >= 0 && row < rows && column >= 0 && column < columns;
  const part = rows < sizes[0] || columns < sizes[1] ? ` (rows ${top} to ${top + rows - 1}, columns ${left} to ${left + columns - 1})` : "";
  const field = createField({ rows, columns, label: words + part });
  field.node.style.aspectRatio = `${columns} / ${rows}`;
  field.paint(values.slice(top, top + rows).map((row) => row.slice(left, left + columns)), of);
  field.mark({ window: frame && moved(frame), cell: cell && moved(cell), dots: (dots ?? []).map(moved).filter(within) });
  const arrow = el("span", { class: "arrow", "aria-hidden": "true" }, way === "backward" ? "\u2190" : "\u2192");
  host.replaceChildren(el("figure", {}, field.node, el("figcaption", {}, words + part), legend(of)), arrow);
}

// Of a large map the surroundings of a window, [first row, first column, rows, columns]: its numbers are to be seen.
function around(sizes, [row, column, height, width]) {
  const axis = (first, length, size) => {
    const shown = Math.min(size, Math.max(CLOSE, length + 4));
    return [Math.max(0, Math.min(size - shown, Math.round(first + length / 2 - shown / 2))), shown];
  };
  const [[top, rows], [left, columns]] = [axis(row, height, sizes[0]), axis(column, width, sizes[1])];
  return [top, left, rows, columns];
}
