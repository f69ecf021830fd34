// One picture large, the map of its evidence over it, and what is known of both.
import { answerOf, lineOf } from "./cards.js";
import { sequential } from "./charts.js";
import { address, askJson, at, el, failureBox, model, number } from "./core.js";
import { word } from "./words.js";

// The body of a request about these parts [[field, File], ...].
export function formOf(parts) {
  const form = new FormData();
  for (const [field, file] of parts) form.append(field, file, file.name);
  return form;
}

export function createViewer() {
  const dialog = at("#viewer");
  let item = null;
  let others = () => [];
  let controller = null;
  let answer = null; // the last explanation
  let layers = []; // that there are, once the server has said so

  function open(chosen, list) {
    others = list;
    item = chosen;
    answer = null;
    at("#viewer-name").textContent = item.name;
    at("#stage").replaceChildren();
    at("#facts").replaceChildren();
    at("#scale").hidden = true;
    at("#shows").textContent = "";
    const slice = at("#slice");
    slice.max = item.answers.rows.length;
    slice.value = item.lead + 1;
    at("#slices").hidden = item.answers.rows.length < 2;
    readSlice();
    const all = others();
    at("#before").disabled = all.indexOf(item) <= 0;
    at("#after").disabled = all.indexOf(item) === all.length - 1;
    if (!dialog.open) dialog.showModal();
    load();
  }

  function move(step) {
    const all = others();
    const next = all[all.indexOf(item) + step];
    if (next) open(next, others);
  }

  async function load() {
    controller?.abort();
    controller = new AbortController();
    const { signal } = controller;
    const method = at("#method");
    const takesLayer = method.selectedOptions[0].dataset.layer === "1";
    at("#layer").disabled = !takesLayer;
    const asked = {
      model: model(),
      number: at("#slice").value,
      method: method.value,
      layer: takesLayer ? at("#layer").value || null : null,
      class_name: at("#explained").value || null,
    };
    at("#viewer-told").textContent = "Looking for the evidence ...";
    at("#stage").setAttribute("aria-busy", "true");
    at("#failed").replaceChildren();
    try {
      const found = await askJson(address("/api/explain/pictures", asked), { method: "POST", body: formOf(item.parts), signal });
      answer = found;
      draw();
    } catch (error) {
      if (error.name === "AbortError") return;
      answer = null;
      at("#facts").replaceChildren();
      at("#scale").hidden = true;
      at("#shows").textContent = "";
      for (const heat of at("#stage").querySelectorAll(".heat, .ring")) heat.remove();
      at("#failed").replaceChildren(failureBox(error));
    }
    at("#stage").removeAttribute("aria-busy");
    at("#viewer-told").textContent = answer ? `${answer.said}.` : "";
  }

  function draw() {
    const several = answer.planes.length > 1;
    dialog.classList.toggle("several", several);
    at("#stage").replaceChildren(...answer.planes.map((plane) => figure(plane, several)));
    const scaled = !answer.blank;
    at("#scale").hidden = !scaled;
    const { title } = answer.methods.find(({ name }) => name === answer.method);
    at("#shows").replaceChildren(`${upper(answer.title)}, by `, word(answer.method, title), answer.layer ? `, at layer ${answer.layer}` : "");
    at("#top").textContent = `${number(answer.full_colour_at, 3)} ${answer.unit}`;
    offerLayers();
    fade();
    ring();
    at("#facts").replaceChildren(...facts(answer, item.answers));
  }

  function figure(plane, several) {
    const [height, width] = answer.size;
    const layersOf = [];
    if (plane.picture) layersOf.push(el("img", { src: plane.picture, width, height, alt: `${answer.input}, ${plane.title}` }));
    else layersOf.push(el("div", { class: "absent" }, "not taken"));
    if (answer.map) layersOf.push(el("img", { class: "heat", src: answer.map, width, height, alt: several ? "" : `${answer.said}.` }));
    if (answer.peak) layersOf.push(el("div", { class: "ring", hidden: true }));
    const frame = el("div", { class: "frame" }, layersOf);
    frame.style.aspectRatio = `${width} / ${height}`;
    const evidence = plane.evidence === null ? "" : `, evidence ${number(plane.evidence, 3)} ${answer.unit}`;
    return el("figure", {}, frame, el("figcaption", { class: "soft small" }, `${plane.title}${evidence}`));
  }

  // The layers are the model's, so that once is enough; the one that answered is chosen.
  function offerLayers() {
    const select = at("#layer");
    if (!layers.length) {
      layers = answer.layers;
      select.replaceChildren(...layers.map(({ name, shape }) => el("option", { value: name }, `${name} (${shape[0]} x ${shape[1]})`)));
      select.value = answer.layer ?? layers.at(-1)?.name ?? "";
    }
  }

  function fade() {
    const value = at("#opacity").value;
    at("#opacity-read").textContent = `${value} %`;
    at("#opacity").setAttribute("aria-valuetext", `${value} %`);
    for (const heat of at("#stage").querySelectorAll(".heat")) heat.style.opacity = value / 100;
  }

  function ring() {
    for (const mark of at("#stage").querySelectorAll(".ring")) {
      mark.hidden = !at("#mark").checked;
      mark.style.left = `${100 * answer.peak.share_across}%`;
      mark.style.top = `${100 * answer.peak.share_down}%`;
    }
  }

  function readSlice() {
    const slice = at("#slice");
    const row = item.answers.rows[slice.value - 1];
    const said = `${slice.value} of ${item.answers.rows.length}: ${lineOf(row, item.answers)}`;
    at("#slice-read").textContent = said;
    slice.setAttribute("aria-valuetext", said);
  }

  // The slice by itself, small as it came, until its explanation is there.
  function leaf() {
    const { picture } = item.answers.rows[at("#slice").value - 1];
    if (!picture) return;
    const frame = el("div", { class: "frame" }, el("img", { src: picture, alt: "" }));
    frame.style.aspectRatio = "1";
    at("#stage").replaceChildren(el("figure", {}, frame, el("figcaption", { class: "soft small" }, "as the network sees it")));
  }

  at(".ramp").style.background = `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map((k) => `rgb(${sequential(k).join(" ")})`).join(", ")})`;
  at("#opacity").addEventListener("input", fade);
  at("#mark").addEventListener("change", ring);
  at("#slice").addEventListener("input", () => {
    readSlice();
    leaf();
  });
  for (const name of ["#slice", "#method", "#layer", "#explained"]) at(name).addEventListener("change", load);
  at("#before").addEventListener("click", () => move(-1));
  at("#after").addEventListener("click", () => move(1));
  at("#close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => controller?.abort());
  return { open };
}

const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function facts(answer, answers) {
  const rows = [
    ["model's answer", answerOf(answer.prediction, answers)],
    ["strongest evidence for", answer.blank ? "none" : `${number(answer.strength, 3)} ${answer.unit}`],
    ["strongest evidence against", answer.signed ? `${number(answer.against, 3)} ${answer.unit}` : "this method does not tell"],
    [[word("logit", "logit"), ` of ${answer.class}`], number(answer.logit, 3)],
  ];
  if (answer.completeness_error !== null) rows.push([word("completeness_error", "completeness error"), `${number(100 * answer.completeness_error, 2)} %`]);
  const faint = !answer.blank && answer.full_colour_at > answer.strength * 1.001;
  return [
    answer.blank ? el("p", { class: "blank" }, "The map is blank: nothing in the picture speaks for it by this method, so nothing is drawn.") : null,
    faint ? el("p", { class: "blank" }, "Drawn faint on purpose: all its evidence together would hardly change the probability.") : null,
    el(
      "div",
      { class: "scroll" },
      el("table", {}, el("tbody", {}, rows.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value))))),
    ),
    gradeBox(answer),
  ].filter(Boolean);
}

function gradeBox(answer) {
  const warn = !answer.graded || answer.grade_failed;
  const said = answer.graded ? (answer.grade_failed ? "Grade: a check failed" : "Grade") : "Not graded";
  const checks = answer.checks.filter((check) => check.verdict !== "not run");
  return el(
    "section",
    { class: warn ? "grade warned" : "grade" },
    el("h3", {}, word("grade", said)),
    el("p", {}, `${upper(answer.grade)}.`),
    el(
      "p",
      { class: "soft small" },
      "A grade says whether such maps deserve trust: whether they change when the network's weights are drawn anew, whether taking away what they point at changes the answer, whether they stay alike under noise. " +
        (answer.graded ? "It is of many pictures together, not of this one." : "Without one, take the map for a guess."),
    ),
    checks.length
      ? el(
          "details",
          {},
          el("summary", {}, `The ${checks.length} checks that were run`),
          el("ul", {}, checks.map((check) => el("li", {}, el("b", {}, word(check.name.replaceAll(" ", "_"), check.name), `: ${check.verdict}`), ` (asked: ${check.asked}). ${check.why}.`))),
        )
      : null,
  );
}
