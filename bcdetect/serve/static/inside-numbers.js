// Numbers that a person can add up: those of one sum with the same decimals, a real minus sign, and the whole number on hover.
import { el } from "./core.js";

const DIGITS = 5; // significant ones, of the largest

// A function that writes numbers of the size of these, all with the same decimals.
export function writer(values, digits = DIGITS) {
  const largest = Math.max(0, ...values.filter((value) => value !== null && value !== undefined).map(Math.abs));
  if (largest === 0) return (value) => written(value, () => "0");
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(largest)));
  if (decimals > 8 || largest >= 1e9) return (value) => written(value, (v) => (v === 0 ? "0" : v.toExponential(digits - 1)));
  return (value) => written(value, (v) => v.toFixed(decimals));
}

// One number by itself.
export const alone = (value, digits = DIGITS) => writer([value], digits)(value);

// A difference that is rounding: two digits.
export const tiny = (value) => written(value, (v) => (v === 0 ? "0" : v.toExponential(1)));

function written(value, write) {
  if (value === null || value === undefined) return "-";
  const text = write(value);
  return Number(text) === 0 ? text.replace("-", "") : text.replaceAll("-", "\u2212");
}

// A table's cell with a number.
export function cell(value, write, attributes = {}) {
  return el("td", { class: "n", title: value === null ? false : String(value), ...attributes }, value === null ? "-" : write(value));
}

// What is added up, line by line, then the sum, what the engine computed, and what is between them. Lines: [label, value].
export function addition({ lines, result, engine, difference, write, of = "The sum" }) {
  const shown = write ?? writer([...lines.map(([, value]) => value), result]);
  return el(
    "table",
    { class: "addition" },
    el("caption", { class: "visually-hidden" }, "Added up"),
    el("tbody", {}, lines.map(([label, value], i) => line(i ? "+" : "", label, value, shown))),
    el(
      "tbody",
      { class: "total" },
      line("=", of, result, shown, "result"),
      el("tr", { class: "soft" }, el("td"), el("th", { scope: "row" }, "the engine says"), cell(engine, shown, { class: "n engine" })),
      el(
        "tr",
        { class: "soft" },
        el("td"),
        el("th", { scope: "row" }, "difference: rounding"),
        el("td", { class: "n" }, tiny(difference)),
      ),
    ),
  );
}

function line(sign, label, value, write, kind) {
  return el("tr", { class: kind ?? false }, el("td", { class: "sign" }, sign), el("th", { scope: "row" }, label), cell(value, write));
}

// The engine's word on a result that nothing was added up for.
export function engineSays(told) {
  if (told.result === null) return null;
  return el("p", { class: "soft small" }, `The engine says ${alone(told.engine, 7)}${told.difference ? `; difference ${tiny(told.difference)}, which is rounding` : ", the same"}.`);
}

// All numbers of nested lists, one after the other; and the lists' sizes.
export const flat = (nested) => (Array.isArray(nested) ? nested.flat(Infinity) : [nested]);
export const shape = (nested) => (Array.isArray(nested) ? [nested.length, ...shape(nested[0])] : []);

export const many = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

// The head of a table whose first column names the lines.
export function head(names) {
  return el("thead", {}, el("tr", {}, names.map((name, i) => el("th", { scope: "col", class: i ? "n" : false }, name))));
}
