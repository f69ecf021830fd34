// The last step: from the network's logits to the classifier's answer, with the numbers of every step.
import { el, percent } from "./core.js";
import { alone, cell, head, tiny, writer } from "./inside-numbers.js";
import { word } from "./words.js";

// Gives {nodes, sentence}.
export function answered({ walk, jump }) {
  const { answer, predicted, reference, networks, class_names: names } = walk.told;
  const last = walk.told.layers.at(-1).name;
  const steps = [logits(answer, last, jump), squashed(answer, names)];
  if (networks > 1 || answer.views > 1) steps.push(meant(answer, names));
  steps.push(calibrated(answer, names), decided(answer, names));
  const same = Object.entries(answer.probabilities).every(([name, p]) => predicted.probabilities[name] === p);
  const chance = percent(answer.probabilities[answer.class]);
  const said = `predict says ${predicted.class}, probability ${percent(predicted.probabilities[predicted.class])}`;
  return {
    nodes: [
      el("ol", { class: "steps answer" }, steps),
      el("p", {}, el("b", {}, same ? `The same as predict: ` : "Not the same: "), `${said}${same ? ", to the last bit" : ""}.`),
      predicted.refer ? el("p", {}, el("span", { class: "tag refer" }, "uncertain: refer"), ` ${predicted.reason}.`) : null,
      reference ? el("p", { class: "soft" }, `The built-in table's reference standard for this row: ${reference}.`) : null,
    ],
    sentence: `The answer: ${answer.class}, probability ${chance}`,
  };
}

const step = (title, ...content) => el("li", {}, el("b", {}, title), ...content.filter(Boolean));
const equation = (text) => el("p", { class: "equation" }, text);

function logits({ logits: all }, last, jump) {
  return step(
    "The network's last layer",
    el("p", {}, all.flatMap(({ of, value }, channel) => [channel ? ", " : "", jump(last, [], channel, `the logit of ${of}, ${alone(value)}`)])),
    all.length === 1 ? el("p", { class: "soft" }, "Above 0 it speaks for the class, below 0 against it.") : null,
  );
}

function squashed({ squash, logits: [first], own, difference }, names) {
  const p = own[names.at(-1)];
  const z = first.value;
  return step(
    [word("logit", "Logit"), " to probability"],
    el("p", {}, el("code", {}, squash.equation)),
    squash.kind === "sigmoid" ? equation(`1 / (1 + exp(${z < 0 ? "" : "\u2212"}${alone(Math.abs(z))})) = ${alone(p, 7)}`) : table(names, own, "probability"),
    p === 1 || p === 0 ? el("p", { class: "soft" }, "Single precision has no number between this and the end of the scale.") : null,
    el("p", { class: "soft small" }, `The kernels that predict give the same, ${difference ? `but for ${tiny(difference)}, which is rounding` : "to the last bit"}.`),
  );
}

function meant({ networks, network, views, mean }, names) {
  const columns = names.map((name) => writer([...networks.map((one) => one[name]), mean[name]]));
  const line = (label, of, kind) => el("tr", { class: kind }, el("th", { scope: "row" }, label), names.map((name, i) => cell(of[name], columns[i])));
  return step(
    networks.length > 1 ? `The mean of ${networks.length} networks` : "",
    views > 1 ? el("p", {}, `Each is the mean over ${views} views of the picture: mirrored or shifted.`) : null,
    el(
      "div",
      { class: "scroll" },
      el(
        "table",
        {},
        head(["network", ...names]),
        el("tbody", {}, networks.map((one, i) => line(`${i + 1}${i === network ? ", this one" : ""}`, one, i === network ? "chosen" : false))),
        el("tbody", { class: "total" }, line("mean", mean, false)),
      ),
    ),
  );
}

function calibrated({ calibration, mean }, names) {
  if (!calibration) return step(word("calibration", "Calibration"), el("p", { class: "soft" }, "None was fitted: the probability stays as it is."));
  const name = names.at(-1);
  const z = calibration.log_odds[name];
  const { temperature, slope, intercept } = calibration.numbers;
  const two = names.length === 2;
  const scaled = temperature !== undefined ? z / temperature : slope * z + intercept;
  const how = temperature !== undefined ? `${alone(z)} / ${alone(temperature)}` : `${alone(slope)} \u00d7 ${alone(z)} + ${alone(intercept)}`;
  const numbers = two && Number.isFinite(scaled);
  return step(
    [word("calibration", "Calibration"), ": ", word(calibration.kind, calibration.kind)],
    el("p", {}, el("code", {}, calibration.equation)),
    two ? equation(`z = ln(p / (1 \u2212 p)) = ${alone(z)}`) : null,
    two && (mean[name] === 1 || mean[name] === 0) ? el("p", { class: "soft" }, "Of a probability at the end of the scale the last one before it is taken.") : null,
    numbers ? equation(`${how} = ${alone(scaled)}`) : null,
    two ? equation(`p = ${alone(calibration.probabilities[name], 7)}`) : table(names, calibration.probabilities, "calibrated"),
    el("p", { class: "soft small" }, "Fitted on the validation part, so that of rows given 80 % some 80 % are of the class."),
  );
}

// Of two classes the second is the positive one.
function decided(answer, names) {
  const { threshold, probabilities } = answer;
  const positive = names.at(-1);
  const p = probabilities[positive];
  const above = threshold !== null && p >= threshold;
  return step(
    "The answer",
    threshold === null
      ? el("p", {}, "The class of the highest probability:")
      : equation([`p(${positive}) = ${alone(p, 7)} ${above ? "\u2265" : "<"} `, word("threshold", "threshold"), ` ${alone(threshold, 7)}`]),
    el("p", { class: "called" }, el("span", { class: `tag ${answer.class}` }, answer.class), ` with a probability of ${percent(probabilities[answer.class])}`),
  );
}

function table(names, numbers, title) {
  const write = writer(Object.values(numbers));
  const lines = names.map((name) => el("tr", {}, el("th", { scope: "row" }, name), cell(numbers[name], write)));
  return el("table", {}, head(["class", title]), el("tbody", {}, lines));
}
