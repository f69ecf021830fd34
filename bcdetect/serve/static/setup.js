// The form: which data, and the settings that are not to be as in the recipe.
import { at, el, files } from "./core.js";
import { Sheet } from "./sheet.js";

const MOST_CLASSES = 50;
const controls = [...document.querySelectorAll("[data-setting]")];
const [label, positive, group] = ["#label", "#positive", "#group"].map(at);
let file = null;
let sheet = null;

const option = (value, text, selected = false) => el("option", { value, selected }, text);
const own = () => at("#own").checked;
const changed = (control) =>
  control.tagName === "SELECT" ? !control.selectedOptions[0].defaultSelected : control.value !== control.defaultValue;
const ticked = () => [...document.querySelectorAll("#drops input:checked:enabled")].map((box) => box.value);

// What was chosen: {file, settings}; `file` null is the built-in data.
export function chosen() {
  const settings = {};
  for (const control of controls.filter(changed)) {
    const { setting, kind } = control.dataset;
    if (kind === "ints") settings[setting] = control.value.split(",").map(Number);
    else settings[setting] = kind === "number" ? Number(control.value) : control.value;
  }
  if (!own()) return { file: null, settings };
  const columns = { label: label.value, positive: positive.disabled ? "" : positive.value, group: group.value };
  for (const [name, value] of Object.entries(columns)) if (value) settings[name] = value;
  const drop = ticked();
  return { file, settings: drop.length ? { ...settings, drop } : settings };
}

// Mark the control that a failure is about, such as body.settings.epochs.
export function mark(where = "") {
  const parts = where.split(".");
  for (const control of controls) {
    const meant = parts.includes(control.dataset.setting);
    control.setAttribute("aria-invalid", String(meant));
    if (meant) reveal(control);
  }
}

function reveal(control) {
  const hidden = control.closest("details");
  if (hidden) hidden.open = true;
  control.scrollIntoView({ block: "center" });
}

async function take(taken) {
  file = taken;
  sheet = await Sheet.of(file);
  at("#file-name").textContent = `${file.name}, ${sheet.columns.length} columns`;
  at("#file").required = false;
  const known = sheet.columns.find((name) => name.toLowerCase() === "diagnosis");
  label.replaceChildren(option("", "choose one"), ...sheet.columns.map((name) => option(name, name, name === known)));
  group.replaceChildren(option("", "none chosen"), ...sheet.columns.map((name) => option(name, name)));
  at("#drops").replaceChildren(
    ...sheet.columns.map((name) => el("label", {}, el("input", { type: "checkbox", value: name }), ` ${name}`)),
  );
  at("#columns").hidden = false;
  showClasses();
  showTaken();
}

// The classes of the chosen column.
function showClasses() {
  const classes = label.value ? sheet.values(label.value) : [];
  const two = classes.length === 2;
  positive.replaceChildren(option("", "the one known by its name"), ...(two ? classes.map((name) => option(name, name)) : []));
  positive.disabled = !two;
  const many = classes.length > MOST_CLASSES;
  at("#label-help").textContent = many
    ? `More than ${MOST_CLASSES} values: is this a measurement?`
    : label.value
      ? `${classes.length} ${classes.length === 1 ? "class" : "classes"}: ${classes.join(", ")}`
      : "Its values are the classes.";
}

// A column is one thing at a time.
function showTaken() {
  for (const box of document.querySelectorAll("#drops input")) box.disabled = [label.value, group.value].includes(box.value);
  at("#left-out").textContent = ticked().length;
}

function showData() {
  at("#table").hidden = !own();
  at("#file").required = own() && !file;
  label.required = own();
}

for (const radio of document.querySelectorAll("input[name=data]")) radio.addEventListener("change", showData);
files(at("#drop"), ([taken]) => take(taken));
label.addEventListener("change", showClasses);
for (const select of [label, group]) select.addEventListener("change", showTaken);
at("#drops").addEventListener("change", showTaken);
at("#setup").addEventListener("invalid", (event) => reveal(event.target), true); // what is folded away cannot be pointed at
at("#recipe").addEventListener("click", () => {
  for (const control of controls) {
    if (control.tagName === "SELECT") for (const each of control.options) each.selected = each.defaultSelected;
    else control.value = control.defaultValue;
  }
  mark();
});
showData(); // a browser that comes back to the page may have kept the choice, and never keeps the file
