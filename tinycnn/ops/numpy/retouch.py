"""What happens to pictures between camera and eye: blur, another tone curve, noise. Each picture has its own numbers."""

import numpy as np

REACH = 3  # deviations, beyond which a Gaussian's weights are left out


def blur(x: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Each image smoothed by a Gaussian of `sigma` pixels, first down, then across; 0 leaves it as it is.

    Beyond the edge the image is mirrored, so that its mean stays. Shape: x (N, H, W, C), sigma (N,) -> (N, H, W, C).
    """
    weights = gaussian_weights(sigma).astype(x.dtype)
    reach = weights.shape[1] // 2
    for axis in (1, 2):
        widths = [(reach, reach) if i == axis else (0, 0) for i in range(4)]
        padded = np.moveaxis(np.pad(x, widths, mode="symmetric"), axis, 0)
        size = x.shape[axis]
        x = np.moveaxis(sum(padded[k : k + size] * weights[:, k, None, None] for k in range(2 * reach + 1)), 0, axis)
    return np.ascontiguousarray(x)


def gaussian_weights(sigma: np.ndarray) -> np.ndarray:
    """exp(-k^2 / (2 sigma^2)) for k = -R ... R, over their sum; 0 for |k| > 3 sigma, rounded up. Shape: (N, 2 R + 1)."""
    sigma = np.maximum(np.asarray(sigma, np.float64), 1e-6)[:, None]
    reach = np.where(sigma > 1e-6, np.ceil(REACH * sigma), 0)
    k = np.arange(-reach.max(initial=0), reach.max(initial=0) + 1)
    weights = np.where(abs(k) <= reach, np.exp(-0.5 * (k / sigma) ** 2), 0)
    return weights / weights.sum(axis=1, keepdims=True)


def tone(
    x: np.ndarray, black: np.ndarray, white: np.ndarray, gamma: np.ndarray, contrast: np.ndarray, brightness: np.ndarray
) -> np.ndarray:
    """Grey values on another curve, which for contrast 1 and brightness 0 keeps black and white where they are.

        y = contrast * (black + (white - black) * u ^ gamma) + brightness,   u = max(0, (x - black) / (white - black))

    Shape: x (N, H, W, C), black and white (N, C), the others (N,) -> (N, H, W, C). Where white is not above black, as in an
    image of one value, they count as 1 apart.
    """
    black, extent, base, factor = (a[:, None, None].astype(x.dtype) for a in tone_lines(black, white, contrast, brightness))
    u = np.maximum((x - black) / extent, 0)
    return factor * u ** gamma[:, None, None, None].astype(x.dtype) + base


def tone_lines(black: np.ndarray, white: np.ndarray, contrast: np.ndarray, brightness: np.ndarray) -> tuple[np.ndarray, ...]:
    """Black, white - black, and what u ^ gamma is multiplied by and added to, for each image and channel: four of (N, C)."""
    extent = np.where(white > black, white - black, 1)
    contrast = contrast[:, None]
    return black, extent, contrast * black + brightness[:, None], contrast * extent


def add_noise(x: np.ndarray, deviation: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """x plus noise of mean 0 and each image's own standard deviation; independent from number to number, fixed by the key.

    A number is the sum of four uniform ones of 16 bits, those of one 64-bit number of NumPy's generator Philox: close to a
    normal one, never beyond 3.5 deviations, and cheap. Shape: x (N, ...), deviation (N,), keys (N, 2) uint64 -> (N, ...).
    """
    y = np.empty_like(x)
    for image, key, d, out in zip(x, keys, deviation, y, strict=True):
        parts = np.random.Philox(key=key).random_raw(image.size).view(np.uint16).reshape(*image.shape, 4)
        sums = parts.sum(axis=-1, dtype=np.int64) - NOISE_MEAN
        out[...] = image + sums.astype(x.dtype) * x.dtype.type(d / NOISE_DEVIATION)
    return y


NOISE_MEAN = 2 * (2**16 - 1)
NOISE_DEVIATION = ((2**32 - 1) / 3) ** 0.5  # of one uniform number it is the root of (2^32 - 1) / 12
