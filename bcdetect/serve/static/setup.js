// The form: which data, and the settings that are not to be as in the recipe.
import { Failure, address, ask, at, el, files, trying } from "./core.js";
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
  at("#file-problem").replaceChildren();
  if (sheet.columns.length < 2) return refuse();
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

// What cannot be a table is looked at by the server, which says best what is wrong with it.
async function refuse() {
  const asked = address("/api/explore", { name: file.name.slice(0, 200) });
  const body = file;
  file = null;
  at("#file-name").textContent = "";
  at("#columns").hidden = true;
  showData();
  const none = new Failure({ file: body.name, what: "one column is no table to learn from", hint: "Choose a file with more" });
  await trying("Looking at the file", at("#file-problem"), async () => {
    await ask(asked, { method: "POST", headers: { "Content-Type": "text/csv" }, body });
    throw none;
  });
}

// The classes of the chosen column.
function showClasses() {
  const classes = label.value ? sheet.values(label.value) : [];
  const two = classes.length === 2;
  const known = two ? lookedFor(classes) : null;
  const first = !two ? "only of two classes" : known === null ? "choose one" : `${known}, by its name`;
  positive.replaceChildren(option("", first), ...(two ? classes.map((name) => option(name, name)) : []));
  positive.disabled = !two;
  positive.required = two && known === null;
  const many = classes.length > MOST_CLASSES;
  at("#label-help").textContent = many
    ? `More than ${MOST_CLASSES} values: is this a measurement?`
    : label.value
      ? `${classes.length} ${classes.length === 1 ? "class" : "classes"}: ${classes.join(", ")}`
      : "Its values are the classes.";
}

// The one of two classes that the server takes for the positive one by its name, or null.
function lookedFor(classes) {
  const folded = classes.map((name) => name.toLowerCase());
  const pair = JSON.parse(positive.dataset.pairs).find((each) => each.every((name) => folded.includes(name)));
  return pair ? classes[folded.indexOf(pair[1])] : null;
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
