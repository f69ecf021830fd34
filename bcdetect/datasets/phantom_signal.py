"""From tissue to signal: T1, T2 and contrast-enhanced pictures, with uneven coils and the noise of magnitude images.

Contrast agent follows the model of Tofts and Kermode: in tissue with transfer constant K (1/min) and washout rate k (1/min)

    C(t) = D * K * sum over i = 1, 2 of a_i * (exp(-k t) - exp(-m_i t)) / (m_i - k),   in plasma  C_p(t) = D * sum a_i exp(-m_i t)

with a = 3.99, 4.78 kg/l and m = 0.144, 0.0111 /min for a dose D of 0.1 mmol/kg. Source: Tofts & Kermode 1991, doi
10.1002/mrm.1910170208. Small k gives the persistent curve (type I), large k a fast rise and washout (type III) of Kuhl et al.
1999, doi 10.1148/radiology.211.1.r99ap38101.
"""

from __future__ import annotations

import numpy as np

from bcdetect.datasets.phantom_anatomy import Slice, smooth_field

TIMES = (0.0, 1.0, 2.0, 3.0, 5.0, 7.0)  # minutes after the injection; the first is before it
EARLY = 2  # the `dce` picture is the signal at TIMES[EARLY] minus the one before contrast
DOSE, PLASMA = 0.1, ((3.99, 0.144), (4.78, 0.0111))
PER_MMOL = 1.6  # signal per mmol/l, in units of fat on T1; linear, which holds for small concentrations
WHITE = 24_000  # of 65,535 for a signal of 1: room for the brightest vessel

#              skin, muscle, lung, heart, fat, gland, vessel, cyst
T1 = np.array([0.55, 0.42, 0.08, 0.40, 1.00, 0.48, 0.35, 0.30])
T2 = np.array([0.35, 0.25, 0.06, 0.30, 0.22, 0.55, 0.60, 1.00])  # fat suppressed
PRE = np.array([0.35, 0.40, 0.06, 0.38, 0.18, 0.45, 0.35, 0.28])  # T1 with fat suppressed, before contrast


def tofts(times, transfer, washout):
    """Concentration in tissue, mmol/l, at times in minutes; `transfer` and `washout` (1/min) broadcast."""
    times = np.asarray(times, np.float64)
    total = sum(a * (np.exp(-washout * times) - np.exp(-m * times)) / (m - washout) for a, m in PLASMA)
    return DOSE * transfer * total


def plasma(times):
    """Concentration in blood plasma, mmol/l, at times in minutes after the injection; none before it."""
    times = np.asarray(times, np.float64)
    return np.where(times > 0, DOSE * sum(a * np.exp(-m * times) for a, m in PLASMA), 0)


class Scanner:
    """One patient's examination: tissue values, coil, gain and noise, drawn from a generator; `image` takes the pictures.

    The lesion's own values are drawn from a second generator, so that all else is the same whatever the lesion is.
    """

    def __init__(self, rng: np.random.Generator, lesion_rng: np.random.Generator, malignant: bool):
        """Values that vary from patient to patient."""
        self.values = {name: base * rng.uniform(0.88, 1.12, 8) for name, base in (("t1", T1), ("t2", T2), ("pre", PRE))}
        self.coils = {name: smooth_field(rng, 0.5, 8) for name in self.values}
        self.gain, self.noise = rng.uniform(0.8, 1.25), rng.uniform(0.018, 0.035)
        self.background = rng.uniform(0.01, 0.1)  # 1/min: the gland's own enhancement, minimal to marked
        self.blood = rng.uniform(0.15, 0.35)
        self.chambers = rng.uniform(0.18, 0.5)
        self.seeds = rng
        draw = lesion_rng.uniform
        if malignant:
            self.transfer, self.washout = draw(0.33, 0.58), draw(0.7, 1.3)
            self.lesion = {"t1": draw(0.34, 0.46), "t2": draw(0.4, 0.65), "pre": draw(0.34, 0.44)}
        else:
            self.transfer, self.washout = draw(0.15, 0.28), draw(0.12, 0.3)
            self.lesion = {"t1": draw(0.34, 0.46), "t2": draw(0.6, 0.95), "pre": draw(0.34, 0.44)}

    def image(self, tissue: Slice, share: np.ndarray, uptake: np.ndarray, u, v, z: float) -> tuple[np.ndarray, ...]:
        """One slice as t1, t2 and dce (S, S, 3) and as the contrast series (S, S, T), uint16; see `Lesion.at` for the others."""
        clean = {name: self._mix(name, tissue, share) * self._coil(name, u, v, z) for name in self.values}
        curves = np.stack([self._enhancement(t, tissue, share, uptake) for t in TIMES], axis=-1)
        series = clean["pre"][..., None] + PER_MMOL * curves * self._coil("pre", u, v, z)[..., None]
        t1, t2, series = self._noisy(clean["t1"]), self._noisy(clean["t2"]), self._noisy(series)
        dce = np.maximum(series[..., EARLY] - series[..., 0], 0)
        return _stored(np.stack([t1, t2, dce], axis=-1)), _stored(series)

    def _mix(self, name: str, tissue: Slice, share: np.ndarray) -> np.ndarray:
        skin, muscle, lung, heart, fat, gland, vessel, cyst = self.values[name]
        signal = fat * (1 + 0.03 * tissue.texture)
        for part, value in (
            (tissue.gland, gland * (1 + 0.08 * tissue.texture)),
            (tissue.skin, skin),
            (tissue.muscle, muscle),
            (tissue.lung, lung),
            (tissue.heart, heart),
            (tissue.cyst, cyst),
            (share, self.lesion[name]),
            (0.8 * tissue.vessel, vessel),
        ):
            signal = signal + part * (value - signal)
        return signal * tissue.inside

    def _enhancement(self, time: float, tissue: Slice, share, uptake) -> np.ndarray:
        others = tissue.gland * tissue.enhancing * tofts(time, self.background, 0.2) * (1 - tissue.cyst)
        others = others + tissue.skin * tofts(time, 0.04, 0.3) + tissue.muscle * tofts(time, 0.03, 0.4)
        lesion = uptake * tofts(time, self.transfer, self.washout)
        inside = (1 - share) * others + lesion
        blood = np.maximum(self.blood * tissue.vessel, self.chambers * tissue.heart)
        return np.maximum(inside, blood * plasma(time))

    def _coil(self, name: str, u, v, z: float) -> np.ndarray:
        return np.exp(0.12 * self.coils[name](u, v, z) - 0.15 * v)

    def _noisy(self, signal: np.ndarray) -> np.ndarray:
        """Rician noise: the magnitude of a complex signal. Source: Gudbjartsson & Patz 1995, doi 10.1002/mrm.1910340618."""
        real, imaginary = self.noise * self.seeds.standard_normal((2, *signal.shape))
        return self.gain * np.hypot(signal + real, imaginary)


def _stored(signal: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(signal * WHITE, 0, 65535)).astype(np.uint16)
