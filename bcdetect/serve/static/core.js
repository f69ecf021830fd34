// What every page uses: elements without HTML strings, calls to the API, errors that say what to do, files that are dropped.

// An element: el("p", {class: "soft"}, "text", child). Text is always text, so that nobody's file name becomes HTML.
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

// The same of SVG.
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const at = (selector) => document.querySelector(selector);

// What goes on, for eyes and for screen readers.
export function say(text) {
  at("#status").textContent = text;
}

// An answer that is no answer: the API's {code, file, where, what, hint}.
export class Failure extends Error {
  constructor(parts) {
    super(parts.what);
    this.parts = parts;
  }
}

// Ask the API; gives the response. Throws Failure. A request can be ended by options.signal.
export async function ask(address, options = {}) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure({ what: "the server does not answer", hint: "See whether it still runs" });
  }
  if (response.ok) return response;
  let parts = { what: `the server answered ${response.status}`, hint: "" };
  try {
    parts = (await response.json()).error ?? parts;
  } catch {
    // not ours: the number is all there is
  }
  throw new Failure(parts);
}

export async function askJson(address, options = {}) {
  return (await ask(address, options)).json();
}

export function postJson(address, content, options = {}) {
  return askJson(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content), ...options });
}

// An address with these parameters; those that are null are left out.
export function address(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined));
  const text = String(query); // not its size, which younger browsers alone know: the model's name would be lost, and another answer
  return text ? `${path}?${text}` : path;
}

// The failure as a box with what, where, and what to do.
export function failureBox(error) {
  if (!(error instanceof Failure)) {
    console.error(error);
    return el("div", { class: "error", role: "alert" }, el("b", {}, "Something went wrong in this page."));
  }
  const { file, where, what, hint } = error.parts;
  const place = [file, where].filter(Boolean).join(": ");
  return el(
    "div",
    { class: "error", role: "alert" },
    el("b", {}, place ? `${place}: ` : ""),
    /[.?!]$/.test(what) ? what : `${what}.`,
    hint ? el("div", { class: "soft" }, `${hint}.`) : null,
  );
}

// Run something that asks the API: says what goes on, and puts a failure into `place`. Gives undefined then.
export async function trying(what, place, action) {
  say(what);
  try {
    return await action();
  } catch (error) {
    if (error.name !== "AbortError") place.replaceChildren(failureBox(error));
  } finally {
    say("");
  }
}

// The model that the page's form names, or null.
export const model = () => at("#model")?.value ?? null;

// Files by dropping them on `zone`, or by the file input inside it.
export function files(zone, take) {
  const input = zone.querySelector("input[type=file]");
  input.addEventListener("change", () => {
    if (input.files.length) take([...input.files]);
    input.value = "";
  });
  for (const name of ["dragenter", "dragover"])
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) take([...event.dataTransfer.files]);
  });
}

// Let a person save text or bytes as a file.
export function save(name, content, type) {
  const link = el("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// A probability with one decimal; never a 0 or 100 that the model did not say.
export function percent(p) {
  if (p < 0.0005) return "< 0.1 %";
  return p >= 0.9995 ? "> 99.9 %" : `${(100 * p).toFixed(1)} %`;
}

// A number for people: four significant digits.
export function number(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "-";
  return Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value) : String(Number(value.toPrecision(digits)));
}

// One tooltip for all charts; `show(event, text)` at the pointer, `hide()`.
const tip = el("div", { class: "tooltip", role: "presentation", hidden: true });
document.body.append(tip);
export const tooltip = {
  show(event, text) {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 6))}px`;
    tip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - box.height - 6))}px`;
  },
  hide() {
    tip.hidden = true;
  },
};

// The form that chooses a model sends itself; its button is for those without a script.
const choice = at("form.choice");
if (choice) {
  choice.querySelector("button").hidden = true;
  choice.querySelector("select").addEventListener("change", () => choice.submit());
}
