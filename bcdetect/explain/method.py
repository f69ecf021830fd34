"""What every way to explain is: from rows and their classes to a number at each place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdetect.explain.network import Network


@dataclass(frozen=True)
class Raw:
    """The evidence (N, ...) for each row's class, positive where something speaks for it, negative where against.

    `channels` (N, C) is the evidence in each input channel where the method knows that; `promised` (N,) what the evidence should
    add up to, where the method promises a sum.
    """

    evidence: np.ndarray
    channels: np.ndarray | None = None
    promised: np.ndarray | None = None

    @property
    def gap(self) -> np.ndarray | None:
        """How far the evidence's sum is from what was promised, as a share of that: the completeness error (N,), or None."""
        if self.promised is None:
            return None
        return np.abs(self.channels.sum(axis=1) - self.promised) / np.maximum(np.abs(self.promised), 1e-6)


class Method:
    """The contract. `signed` says whether evidence below 0 speaks against the class; `knows_class` whether the class matters."""

    title = ""
    needs_layer = False  # and so gives a map of that layer's size
    signed = True
    knows_class = True

    def raw(self, network: Network, x: np.ndarray, classes: np.ndarray, layer: str) -> Raw:
        """The evidence of rows x (N, H, W, C), as the network takes them, for `classes` (N,)."""
        raise NotImplementedError
