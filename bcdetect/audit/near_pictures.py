"""Pictures of the same scan: copies that were compressed, brightened, mirrored, shifted or cropped a little.

picture -> grey, 28 x 28 -> local contrast -> less what all pictures share -> length 1
16 x 16 of it, all pairs by one matrix product a tile -> candidates -> at 28 x 28, aligned -> pairs
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bcdetect.audit.pairs import MOST_PAIRS, Pair
from bcdetect.datasets import Dataset

# Looked at on BreastMNIST's 780 ultrasound pictures, in a sheet of all pairs below .86: every pair down to .47 shows the same
# scan or the same lesion. Of 300,000 pairs of a picture and another one's mirror image, which are strangers, the highest has
# .52; .62 where there are too few pictures to know what all share. The rest is room for larger sets, in which chance reaches
# further. Compression to JPEG at quality 30 leaves .79 (to 99 % of pictures), at quality 10 .61.
SIMILAR = 0.6
# At 16 x 16 one pair of strangers in 4,500 comes as far, and every copy cropped by up to a tenth does; of copies shifted along
# both sides by a pixel of 28 only half do, and the others are not found.
CANDIDATE = 0.45
# Pictures that all show the same organ in the same place are alike without being copies. So both limits rise with what a sample
# of pairs from different groups shows: to so many robust deviations above its median, on the scale of Fisher 1915, atanh of a
# correlation. BreastMNIST stays at the limits above.
FAR, CANDIDATE_FAR = 5.0, 3.0
SAMPLE = 2000  # pairs
FINE, COARSE = 28, 16  # pixels a side; thresholds were found at these, so every source is brought to them
RADIUS = {FINE: 3, COARSE: 2}  # of the neighbourhood that makes contrast local
ZOOMS = (1.0, 0.95, 0.9)  # the share of a picture that a crop left
SHIFT = 2  # pixels at FINE, each way
ENOUGH = 100  # pictures, from which on what all share (a frame, a scanner's writing) is told from what two share
TILE = 2048


def near_pictures(data: Dataset, rows: np.ndarray) -> tuple[list[Pair], bool]:
    """The pairs among `rows`, by their places there, of pictures far more alike than others are, mirrored ones too.

    Also whether there are more than are listed.
    """
    small = np.concatenate([thumbnails(part) for part in data.chunks(rows)])
    shared = _shared(small)
    strangers = _strangers(len(rows), None if data.groups is None else data.groups[rows])
    limit = _limit(_aligned(small, shared, *strangers, False), SIMILAR, FAR)
    found: list[Pair] = []
    for a, b, mirrored in _candidates(small, strangers):
        similarity = _aligned(small, shared, a, b, mirrored)
        for i in np.flatnonzero(similarity >= limit):
            found.append(Pair("mirrored" if mirrored else "near", float(min(similarity[i], 1.0)), int(a[i]), int(b[i])))
        if len(found) > MOST_PAIRS:
            return _best_of_each(found[:MOST_PAIRS]), True
    return _best_of_each(found), False


def thumbnails(data: Dataset) -> np.ndarray:
    """Grey pictures, without the black bars that made them square. Shape: x (N, H, W, C) -> (N, FINE, FINE) float32."""
    small = np.empty((len(data.x), FINE, FINE), np.float32)
    boxes = _boxes(data)
    for box in np.unique(boxes, axis=0):
        rows = np.flatnonzero((boxes == box).all(axis=1))
        top, bottom, left, right = box.tolist()
        down, across = _averages(bottom - top), _averages(right - left)
        for at in range(0, len(rows), 512):
            some = rows[at : at + 512]
            grey = data.x[some, top:bottom, left:right].mean(axis=3, dtype=np.float32)
            small[some] = down @ grey @ across.T
    return small * np.float32(255 / np.iinfo(data.x.dtype).max)


def local_contrast(x: np.ndarray) -> np.ndarray:
    """Each pixel less its neighbourhood's mean, over the neighbourhood's deviation: what brightness and contrast leave alone.

    The deviation has half the picture's added, so that flat parts stay flat; one bright mark cannot outweigh the rest.
    Shape: x (N, S, S), S one of FINE and COARSE.
    """
    radius = RADIUS[x.shape[1]]
    detail = x - _local_mean(x, radius)
    local = np.sqrt(np.maximum(_local_mean(detail * detail, radius), 0))
    return detail / (local + 0.5 * np.sqrt((detail * detail).mean(axis=(1, 2), keepdims=True)) + 1e-3)


def _strangers(count: int, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers (K,), (K,) of a sample of pairs, of different groups where there are groups."""
    a, b = np.random.default_rng(0).integers(0, count, (2, SAMPLE))
    apart = a != b if groups is None else groups[a] != groups[b]
    return a[apart], b[apart]


def _limit(similarity: np.ndarray, least: float, far: float) -> float:
    """How alike a pair must be to stand out from this sample of strangers, and at least `least`."""
    if not len(similarity):
        return least
    z = np.arctanh(np.clip(similarity, -0.9999, 0.9999).astype(np.float64))
    deviation = 1.4826 * np.median(np.abs(z - np.median(z)))  # that of a normal distribution, from its quartiles
    return max(least, float(np.tanh(np.median(z) + far * deviation)))


def _candidates(small: np.ndarray, strangers: tuple[np.ndarray, np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """Row numbers a < b, in chunks, of pairs whose coarse pictures are alike."""
    down = _averages(FINE, COARSE)
    coarse = np.concatenate([local_contrast(down @ some @ down.T) for some in _blocks(small)])
    if len(coarse) >= ENOUGH:
        coarse = _without(coarse, coarse.mean(axis=0))
    coarse /= np.maximum(np.linalg.norm(coarse, axis=(1, 2), keepdims=True), 1e-6)
    flat = coarse.reshape(len(coarse), -1)
    limit = _limit(np.einsum("ni,ni->n", flat[strangers[0]], flat[strangers[1]]), CANDIDATE, CANDIDATE_FAR)
    mirror = np.ascontiguousarray(coarse[:, :, ::-1]).reshape(len(coarse), -1)
    for top in range(0, len(flat), TILE):
        for left in range(top, len(flat), TILE):
            for mirrored, other in ((False, flat), (True, mirror)):
                a, b = np.nonzero(flat[top : top + TILE] @ other[left : left + TILE].T > limit)
                a, b = a + top, b + left
                a, b = a[a < b], b[a < b]
                for at in range(0, len(a), TILE):
                    yield a[at : at + TILE], b[at : at + TILE], mirrored


def _aligned(small: np.ndarray, shared: list[np.ndarray] | None, a: np.ndarray, b: np.ndarray, mirrored: bool) -> np.ndarray:
    """The best similarity of each pair (K,) over small shifts, and over zooms of one or the other."""
    rows, place = np.unique(np.concatenate([a, b]), return_inverse=True)
    views = [local_contrast(_zoomed(small[rows], zoom)) for zoom in ZOOMS]
    if shared is not None:
        views = [_without(view, common) for view, common in zip(views, shared, strict=True)]
    of_a = [view[place[: len(a)]] for view in views]
    of_b = [view[place[len(a) :]] for view in views]
    if mirrored:
        of_b = [view[:, :, ::-1] for view in of_b]
    best = _shifted(of_a[0], of_b[0])
    for i in range(1, len(ZOOMS)):
        best = np.maximum(best, np.maximum(_shifted(of_a[0], of_b[i]), _shifted(of_b[0], of_a[i])))
    return best


def _shifted(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The largest cosine (K,) of the inside of each `a` with a window of each `b`. Shape: a, b (K, FINE, FINE)."""
    inside = a[:, SHIFT:-SHIFT, SHIFT:-SHIFT]
    side = FINE - 2 * SHIFT
    dots = np.einsum("nij,nabij->nab", inside, sliding_window_view(b, (side, side), axis=(1, 2)))
    window = sliding_window_view(np.eye(FINE, dtype=b.dtype), side, axis=1).sum(axis=-1).T  # (shifts, FINE): 1 inside, else 0
    energy = window @ (b * b) @ window.T
    length = np.sqrt(np.square(inside).sum(axis=(1, 2)))[:, None, None] * np.sqrt(energy)
    return (dots / np.maximum(length, 1e-6)).max(axis=(1, 2))


def _best_of_each(found: list[Pair]) -> list[Pair]:
    """One pair of two rows: the more similar of the plain and the mirrored."""
    best: dict[tuple[int, int], Pair] = {}
    for pair in found:
        best[pair.a, pair.b] = max(pair, best.get((pair.a, pair.b), pair), key=lambda p: p.similarity)
    return list(best.values())


def _without(x: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Each map less its share of the common one, so that a map of nothing stays one. Shape: x (N, S, S), common (S, S)."""
    share = np.einsum("nij,ij->n", x, common) / max(float(np.square(common).sum()), 1e-12)
    return x - share[:, None, None].astype(np.float32) * common


def _shared(small: np.ndarray) -> list[np.ndarray] | None:
    """What all pictures have in common, at each zoom (FINE, FINE); None where there are too few to know."""
    if len(small) < ENOUGH:
        return None
    some = small[np.linspace(0, len(small) - 1, min(len(small), 2000)).astype(int)]
    return [local_contrast(_zoomed(some, zoom)).mean(axis=0) for zoom in ZOOMS]


def _boxes(data: Dataset) -> np.ndarray:
    """Top, bottom, left, right (N, 4) of each picture inside its square; of the whole, where its file's shape is not known."""
    height, width = data.x.shape[1:3]
    boxes = np.tile([0, height, 0, width], (len(data.x), 1))
    if data.facts is None or height != width or not {"height", "width"} <= data.facts.keys():
        return boxes
    sides = np.column_stack([data.facts["height"], data.facts["width"]])
    known = np.isfinite(sides).all(axis=1) & (sides > 0).all(axis=1)
    inner = np.where(known[:, None], sides, 1.0)
    inner = np.maximum(1, np.rint(inner * height / inner.max(axis=1, keepdims=True))).astype(int)  # as `pictures.fitted` does
    start = (height - inner) // 2
    fitting = np.column_stack([start[:, 0], start[:, 0] + inner[:, 0], start[:, 1], start[:, 1] + inner[:, 1]])
    for row in np.flatnonzero(known):
        top, bottom, left, right = fitting[row]
        around = np.ones((height, width), bool)
        around[top:bottom, left:right] = False
        if not data.x[row][around].any():
            boxes[row] = fitting[row]
    return boxes


@cache
def _averages(size: int, into: int = FINE) -> np.ndarray:
    """The matrix (into, size) that averages `size` pixels over `into` equal stretches."""
    edges, pixel = np.linspace(0, size, into + 1), np.arange(size)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return (np.maximum(overlap, 0) * into / size).astype(np.float32)


@cache
def _middle(zoom: float) -> np.ndarray:
    """The matrix (FINE, FINE) that spreads the middle share `zoom` of FINE pixels over all, linearly."""
    middle = (FINE - 1) / 2
    at = middle + (np.arange(FINE) - middle) * zoom
    left = np.minimum(at.astype(int), FINE - 2)
    matrix = np.zeros((FINE, FINE), np.float32)
    matrix[np.arange(FINE), left] = 1 - (at - left)
    matrix[np.arange(FINE), left + 1] = at - left
    return matrix


def _zoomed(x: np.ndarray, zoom: float) -> np.ndarray:
    return _middle(zoom) @ x @ _middle(zoom).T if zoom < 1 else x


def _local_mean(x: np.ndarray, radius: int) -> np.ndarray:
    """The mean over (2 radius + 1)^2 pixels, the border repeated. Shape: x (N, S, S)."""
    means = _neighbours(x.shape[1], radius)
    return means @ x @ means.T


@cache
def _neighbours(size: int, radius: int) -> np.ndarray:
    """The matrix (size, size) that averages each pixel of a line with `radius` on either side, the ends repeated."""
    matrix = np.zeros((size, size), np.float32)
    for step in range(-radius, radius + 1):
        np.add.at(matrix, (np.arange(size), np.clip(np.arange(size) + step, 0, size - 1)), 1 / (2 * radius + 1))
    return matrix


def _blocks(x: np.ndarray, size: int = 4096) -> Iterator[np.ndarray]:
    for at in range(0, len(x), size):
        yield x[at : at + size]
