// Proportions and predictive values with 95 % intervals, as bcdetect/intervals and bcdetect/prevalence.py compute them.
// Undefined is null. A test holds these numbers against Python's.

const Z = 1.959963984540054; // the normal quantile of 0.975
const WIDEST = 60; // of the logarithm of a ratio: no counts reach that far

// Wilson's interval [low, high] of a proportion (bcdetect/intervals/proportion.py).
export function wilson(successes, trials) {
  if (!trials) return [null, null];
  const failures = trials - successes;
  const whole = trials + Z * Z;
  const margin = Z * Math.sqrt((successes * failures) / trials + (Z * Z) / 4);
  return [(successes + (Z * Z) / 2 - margin) / whole, 1 - (failures + (Z * Z) / 2 - margin) / whole];
}

// Koopman's interval of the ratio of x of m to y of n, by bisection (bcdetect/intervals/ratio.py).
export function proportionRatio(x, m, y, n) {
  if (!m || !n) return [null, null];
  if (!x && !y) return [0, Infinity];
  const centre = Math.log((x || 0.5) / m) - Math.log((y || 0.5) / n);
  const edge = (inside, outside) => {
    for (let step = 0; step < 80; step++) {
      const middle = (inside + outside) / 2;
      if (chiSquare(Math.exp(middle), x, m, y, n) <= Z * Z) inside = middle;
      else outside = middle;
    }
    return Math.exp(inside);
  };
  return [x ? edge(centre, -WIDEST) : 0, y ? edge(centre, WIDEST) : Infinity];
}

function chiSquare(r, x, m, y, n) {
  const b = r * (m + y) + x + n;
  const root = Math.sqrt(Math.max(b * b - 4 * r * (m + n) * (x + y), 0));
  const p = Math.min((2 * r * (x + y)) / (b + root), 1, r); // the smaller root, without cancellation
  return square(x, m, p) + square(y, n, p / r);
}

function square(x, m, p) {
  const spread = m * p * (1 - p);
  if (spread > 0) return (x - m * p) ** 2 / spread;
  return Math.abs(x - m * p) < 1e-9 * m ? 0 : Infinity;
}

const share = (part, rest) => (part + rest ? part / (part + rest) : null);

// [PPV, NPV] by Bayes' rule: PPV = se P / (se P + (1 - sp) (1 - P)), NPV = sp (1 - P) / (sp (1 - P) + (1 - se) P).
export function predictiveValues(sensitivity, specificity, prevalence) {
  if (sensitivity === null || specificity === null) return [null, null];
  return [
    share(sensitivity * prevalence, (1 - specificity) * (1 - prevalence)),
    share(specificity * (1 - prevalence), (1 - sensitivity) * prevalence),
  ];
}

// Everything that counts {tp, fp, fn, tn} say at a prevalence: {sensitivity, specificity, ppv, npv}, each {value, low, high}.
// The limits of PPV and NPV are those of the likelihood ratio, which turns the odds before an answer into those after it.
export function atPrevalence({ tp, fp, fn, tn }, prevalence) {
  const proportion = (part, whole) => entry(whole ? part / whole : null, wilson(part, whole));
  const sensitivity = proportion(tp, tp + fn);
  const specificity = proportion(tn, tn + fp);
  const [ppv, npv] = predictiveValues(sensitivity.value, specificity.value, prevalence);
  const odds = prevalence / (1 - prevalence);
  const after = (before, ratio) => (ratio === null ? null : ratio === Infinity ? 1 : (before * ratio) / (1 + before * ratio));
  return {
    sensitivity,
    specificity,
    ppv: entry(
      ppv,
      proportionRatio(tp, tp + fn, fp, fp + tn).map((ratio) => after(odds, ratio)),
    ),
    npv: entry(
      npv,
      proportionRatio(tn, tn + fp, fn, fn + tp).map((ratio) => after(1 / odds, ratio)),
    ),
  };
}

function entry(value, [low, high]) {
  return { value, low, high };
}

// A share in per cent, with so many decimals that it is neither 0 nor 100 unless it is exactly that.
export function perCent(value) {
  if (value === null) return "undefined";
  const edge = Math.min(value, 1 - value);
  const decimals = edge > 0 && edge < 0.0005 ? Math.min(8, Math.ceil(-Math.log10(100 * edge) - 1e-6)) : 1;
  return `${(100 * value).toFixed(value === 0 || value === 1 ? 0 : decimals)} %`;
}
