// The input: a row of the built-in table, values of one's own, a picture, the sequences of an exam, or a synthetic one.
import { address, ask, askJson, at, Failure, files, model, postJson } from "./core.js";

// Each input is {words, link, send(what)}: `link` is what of the page's address leads to it (null where none can), `send` gives
// the API's answer; `what` is {network, class}.
export function createChoice(page, take) {
  const features = JSON.parse(page.dataset.features);
  const sequences = JSON.parse(page.dataset.sequences);
  const synthetic = JSON.parse(page.dataset.synthetic);
  const query = (what) => ({ model: model(), network: what.network || null, class: what.class });

  function builtIn(row) {
    return {
      words: `row ${row} of the built-in table`,
      link: { row },
      send: (what) => askJson(address("/api/inside/example", { row, ...query(what) }), { method: "POST" }),
    };
  }

  function values(text) {
    const row = parsed(text, features);
    return { words: "the values you gave", link: null, send: (what) => postJson(address("/api/inside/row", query(what)), { row }) };
  }

  function pictures(parts, words, link = null, number = null) {
    return {
      words,
      link,
      send(what) {
        const form = new FormData();
        for (const [field, file, name] of parts) form.append(field, file, name);
        return askJson(address("/api/inside/picture", { number, ...query(what) }), { method: "POST", body: form });
      },
    };
  }

  async function madeUp(kind) {
    const seed = 7;
    const parts = await Promise.all(
      synthetic.map(async (sequence) => {
        const png = await (await ask(address("/api/pictures/synthetic", { sequence, kind, seed }))).blob();
        return [sequences.length ? sequence : "picture", png, `synthetic ${kind}.png`];
      }),
    );
    return pictures(parts, `a synthetic ${kind} picture`, { synthetic: kind });
  }

  for (const button of page.querySelectorAll("[data-row]")) button.addEventListener("click", () => take(() => builtIn(Number(button.dataset.row))));
  for (const button of page.querySelectorAll("[data-synthetic]")) button.addEventListener("click", () => take(() => madeUp(button.dataset.synthetic)));
  at("#by-number")?.addEventListener("submit", (event) => {
    event.preventDefault();
    take(() => builtIn(Number(at("#row-number").value)));
  });
  at("#by-values")?.addEventListener("submit", (event) => {
    event.preventDefault();
    take(() => values(at("#values").value));
  });
  if (at("#drop"))
    files(at("#drop"), ([file]) => take(() => pictures([["picture", file, file.name]], file.name, null, Number(at("#slice").value) || 1)));
  at("#exam")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = [...event.target.elements].filter((input) => input.files?.length).map((input) => [input.name, input.files[0], input.files[0].name]);
    take(() => {
      if (!given.length) throw new Failure({ what: "no file is chosen", hint: "Choose a file for at least one sequence" });
      return pictures(given, given.map(([, , name]) => name).join(", "));
    });
  });

  return {
    // What an address leads to, or else the first example; null where there is neither.
    from(link) {
      if (link.get("row") && page.querySelector("#by-number")) return () => builtIn(Number(link.get("row")));
      const kind = link.get("synthetic");
      if (kind && page.querySelector(`[data-synthetic="${CSS.escape(kind)}"]`)) return () => madeUp(kind);
      return page.dataset.first ? () => builtIn(Number(page.dataset.first)) : null;
    },
  };
}

// Numbers in the model's order, or two lines of a table: names, then values. What is no number is null, and the API names it.
function parsed(text, features) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim());
  if (!lines.length) throw new Failure({ what: "there are no values", hint: "Paste some" });
  const split = (line) => {
    const by = ["\t", ";", ","].find((mark) => line.includes(mark)) ?? /\s+/;
    return line.trim().split(by).map((part) => part.trim().replace(/^"(.*)"$/, "$1"));
  };
  const number = (part) => (part !== "" && Number.isFinite(Number(part)) ? Number(part) : null);
  const first = split(lines[0]);
  if (lines.length > 1 && first.every((name) => number(name) === null)) {
    const cells = split(lines[1]);
    return Object.fromEntries(first.map((name, i) => [name, number(cells[i] ?? "")]));
  }
  const numbers = lines.flatMap(split).filter((part) => part !== "");
  if (numbers.length !== features.length) {
    const what = `${features.length} numbers are needed, and these are ${numbers.length}`;
    throw new Failure({ what, hint: "Or paste two lines of a table, names and values" });
  }
  return Object.fromEntries(features.map((name, i) => [name, number(numbers[i])]));
}
