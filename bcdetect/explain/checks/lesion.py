"""Does the map point at the lesion? For data that comes with masks."""

from __future__ import annotations

import numpy as np

from bcdetect.explain.checks.subject import Subject
from bcdetect.explain.grade import FAIL, NOT_RUN, PASS, Check

# Of the side, by which a peak may miss: the game's usual 15 pixels, on pictures of some 300.
TOLERANCE = 0.05


def lesion_checks(subject: Subject) -> list[Check]:
    """The pointing game and the mass inside, for each row with a mask, explained for its reference class.

    Of two classes only rows of the positive one: what speaks for the other may lie anywhere. A peak hits inside the lesion or at
    most TOLERANCE away; a blank map misses. It stands beside the picture's centre, and beside a random point: passed where it
    hits more often than both, by the difference's interval. Source: Zhang et al. 2018 (IJCV 126, 1084-1102).
    """
    rows = rows_with_lesion(subject)
    if not len(rows):
        why = "the data has no masks" if subject.data.masks is None else "no row of the class that is explained has a mask"
        return [Check(name, NOT_RUN, why=why) for name in ("pointing game", "mass inside")]
    masks = subject.data.masks[rows]
    maps = subject.drawn(subject.evidence(subject.x[rows], subject.data.y[rows]))
    hits, centre, random = pointing(maps, masks)
    value, _, _ = subject.mean(hits, rows)
    ahead = {name: subject.mean(hits - other, rows) for name, other in (("centre", centre), ("random", random))}
    better = all(low > 0 for _, low, _ in ahead.values())
    low, high = subject.mean(hits, rows)[1:]
    why = f"hits of {len(rows)} rows; the centre {centre.mean():.2f}, a random point {random.mean():.2f}; ahead by " + ", ".join(
        f"{mean:+.2f} ({low:+.2f} to {high:+.2f})" for mean, low, high in ahead.values()
    )
    pointed = Check("pointing game", PASS if better else FAIL, value, low, high, "above centre and random point", why)
    inside, area = mass_inside(maps, masks), masks.mean(axis=(1, 2))
    value, low, high = subject.mean(inside - area, rows)
    why = f"share of the map inside the lesion {inside.mean():.2f}, of the area {area.mean():.2f}; the difference"
    return [pointed, Check("mass inside", PASS if low > 0 else FAIL, value, low, high, "above 0", why)]


def rows_with_lesion(subject: Subject) -> np.ndarray:
    """Row numbers."""
    data = subject.data
    if data.masks is None:
        return np.empty(0, int)
    wanted = data.masks.any(axis=(1, 2))
    return np.flatnonzero(wanted & (data.y == 1) if len(data.class_names) == 2 else wanted)


def pointing(maps: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether each map's peak hits, whether the centre does, and the chance of a random point; (N,) each, from (N, H, W) twice.

    Of several highest places the share that hits counts.
    """
    near = np.array([widened(mask, TOLERANCE * max(mask.shape)) for mask in masks])
    top = maps == maps.max(axis=(1, 2), keepdims=True)
    blank = ~(maps.max(axis=(1, 2)) > 0)
    hits = np.where(blank, 0, (top & near).sum(axis=(1, 2)) / top.sum(axis=(1, 2)))
    height, width = masks.shape[1:]
    return hits, near[:, height // 2, width // 2].astype(float), near.mean(axis=(1, 2))


def mass_inside(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The share of each map's sum inside its mask; 0 for a blank map. Shape: (N, H, W) twice -> (N,)."""
    total = maps.sum(axis=(1, 2))
    return (maps * masks).sum(axis=(1, 2)) / np.where(total > 0, total, 1)


def widened(mask: np.ndarray, distance: float) -> np.ndarray:
    """All places at most `distance` pixels away from the mask. Shape: (H, W) -> (H, W)."""
    reach = int(distance)
    padded, result = np.pad(mask, reach), np.zeros_like(mask)
    height, width = mask.shape
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            if down * down + across * across <= distance * distance:
                result |= padded[reach + down : reach + down + height, reach + across : reach + across + width]
    return result
