"""Optimizers: from gradients to the next weights.

    optimizer = Adam(model.parameters(), lr=1e-3)     # lr is a number, or a schedule: a function of the step
    optimizer.step()                                  # after backward

Values and gradients of a model lie in two flat arrays, so that a step is one pass over them, not one a parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from tinycnn import ops
from tinycnn.parameters import Parameter, check_lr_scale, check_state


class Optimizer:
    """What all optimizers share: the learning rate, weight decay (weights only: biases and norms are skipped), clipping.

    `clip_norm` scales all gradients down together where their global norm is larger (Pascanu et al. 2013, algorithm 1,
    with 1e-6 added to the norm, as PyTorch does).
    Frozen parameters are skipped; the others move at the rate times their own `lr_scale`, decoupled weight decay included.
    A new kind defines `slots` and `update`.
    """

    slots: tuple[str, ...] = ()  # names of the flat arrays of state
    decoupled = False  # whether weight decay shrinks the weights themselves, instead of adding to the gradient

    def __init__(
        self,
        parameters: Sequence[Parameter],
        lr: float | Callable[[int], float],
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ):
        name = type(self).__name__
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError(f"{name}: got no parameters; build the model first, or unfreeze it")
        if any(p.flat is not self.parameters[0].flat for p in self.parameters):
            raise ValueError(f"{name}: got parameters of several models; make one optimizer for each")
        if not callable(lr) and not (math.isfinite(lr) and lr >= 0):
            raise ValueError(f"{name}: lr={lr} must be finite and at least 0")
        if not (math.isfinite(weight_decay) and weight_decay >= 0):
            raise ValueError(f"{name}: weight_decay={weight_decay} must be finite and at least 0")
        if clip_norm is not None and not clip_norm > 0:
            raise ValueError(f"{name}: clip_norm={clip_norm} must be above 0")
        self.schedule = lr if callable(lr) else None
        self.lr = float(lr(0) if callable(lr) else lr)
        self.weight_decay, self.clip_norm = float(weight_decay), clip_norm
        self.steps = 0
        flat_values, _ = self.parameters[0].flat
        self.state = {slot: np.zeros_like(flat_values) for slot in self.slots}
        self._runs_of: list | None = None  # the settings that they were found for
        self._runs: list[_Run] = []

    def step(self) -> None:
        """Move every trainable parameter, in place. Raises ValueError, moving none, for an `lr_scale` that is not above 0."""
        runs = self._current_runs()
        if self.schedule is not None:
            self.lr = float(self.schedule(self.steps))
        self.steps += 1
        scale = self._clip_scale(runs)
        for run in runs:
            grad, lr = run.grad if scale == 1 else run.grad * scale, self.lr * run.lr_scale
            if run.decays:
                if self.decoupled:
                    run.value *= 1 - lr * self.weight_decay
                else:
                    grad = grad + self.weight_decay * run.value
            self.update(run.value, grad, lr, *run.state)

    def update(self, value: np.ndarray, grad: np.ndarray, lr: float, *state: np.ndarray) -> None:
        """Move `value` in place at the rate `lr`; all arrays are flat and of one length."""
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def get_state(self) -> dict[str, np.ndarray | int]:
        """A copy of what the next step depends on beside weights and gradients: `steps`, and each slot by parameter.

        Its names are "steps", such as "first.dense_1.weight", and "schedule" for a schedule with a state of its own, such as
        `ReduceOnPlateau`. The constructor's arguments are not in it: pass them again. To
        resume a run as if it had never stopped, keep the model's state too, its seed, and its count of steps, which the random
        numbers follow; `tinycnn.save` keeps all three:

            tc.save("model.npz", model)
            np.savez("optimizer.npz", **optimizer.get_state())

            model = tc.load("model.npz")
            optimizer = tc.Adam(model.parameters(), lr=schedule)
            optimizer.set_state(dict(np.load("optimizer.npz", allow_pickle=False)))
        """
        return {"steps": self.steps, **{name: array.copy() for name, array in self._named().items()}}

    def set_state(self, state: dict[str, np.ndarray | int]) -> None:
        """Copy such a state in. Raises ValueError, changing nothing, unless names, shapes and types are this optimizer's."""
        mine = self._named()
        self.steps = check_state(mine, "steps", state, type(self).__name__)
        for name, array in mine.items():
            array[...] = state[name]

    def _named(self) -> dict[str, np.ndarray]:
        own = {} if getattr(self.schedule, "state", None) is None else {"schedule": self.schedule.state}
        return own | {f"{slot}.{p.name}": p.part_of(flat) for slot, flat in self.state.items() for p in self.parameters}

    def _clip_scale(self, runs: list[_Run]) -> float:
        if self.clip_norm is None:
            return 1
        norm = math.sqrt(sum(float(np.square(run.grad, dtype=np.float64).sum()) for run in runs))
        return min(1, self.clip_norm / (norm + 1e-6))

    def _current_runs(self) -> list[_Run]:
        """The longest stretches of the flat arrays that are updated alike; found anew when a parameter's settings change."""
        settings = [self.weight_decay, *((p.trainable, p.lr_scale) for p in self.parameters)]
        if settings != self._runs_of:
            cuts: list[list] = []
            for p in sorted((p for p in self.parameters if p.trainable), key=lambda p: p.start):
                alike = check_lr_scale(p.lr_scale, p.name), p.decays and self.weight_decay > 0
                end = p.start + p.value.size
                if cuts and cuts[-1][1:] == [p.start, alike]:
                    cuts[-1][1] = end
                else:
                    cuts.append([p.start, end, alike])
            self._runs = [self._run(slice(start, end), *alike) for start, end, alike in cuts]
            self._runs_of = settings
        return self._runs

    def _run(self, cut: slice, lr_scale: float, decays: bool) -> _Run:
        values, grads = self.parameters[0].flat
        return _Run(values[cut], grads[cut], lr_scale, decays, [self.state[slot][cut] for slot in self.slots])


class _Run:
    """A stretch of the flat arrays."""

    def __init__(self, value, grad, lr_scale, decays, state):
        self.value, self.grad, self.lr_scale, self.decays, self.state = value, grad, lr_scale, decays, state


class SGD(Optimizer):
    """Gradient descent with momentum: v = momentum * v + grad; value -= lr * v, or lr * (grad + momentum * v) with `nesterov`.

    Source: Sutskever et al. 2013, as PyTorch.
    """

    slots = ("velocity",)

    def __init__(self, parameters, lr, momentum=0.0, nesterov=False, weight_decay=0.0, clip_norm=None):
        super().__init__(parameters, lr, weight_decay, clip_norm)
        self.momentum, self.nesterov = _share(momentum, "SGD", "momentum"), bool(nesterov)
        if self.nesterov and not self.momentum:
            raise ValueError(f"SGD: nesterov looks ahead along the momentum, which is {momentum}; set it above 0")

    def update(self, value, grad, lr, velocity):
        """See `ops.sgd_step`."""
        ops.sgd_step(value, grad, velocity, lr, self.momentum, self.nesterov)


class Adagrad(Optimizer):
    """Steps scaled by the root of the sum of all squared gradients so far. Source: Duchi, Hazan & Singer 2011, figure 1."""

    slots = ("total",)

    def __init__(self, parameters, lr=1e-2, eps=1e-10, weight_decay=0.0, clip_norm=None):
        super().__init__(parameters, lr, weight_decay, clip_norm)
        self.eps = _eps(eps, "Adagrad")

    def update(self, value, grad, lr, total):
        """See `ops.adagrad_step`."""
        ops.adagrad_step(value, grad, total, lr, self.eps)


class Adadelta(Optimizer):
    """Steps whose size follows that of the steps before, so that no rate need be chosen. Source: Zeiler 2012, algorithm 1."""

    slots = ("square", "moved")

    def __init__(self, parameters, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0, clip_norm=None):
        super().__init__(parameters, lr, weight_decay, clip_norm)
        self.rho, self.eps = _share(rho, "Adadelta", "rho"), _eps(eps, "Adadelta")

    def update(self, value, grad, lr, square, moved):
        """See `ops.adadelta_step`."""
        ops.adadelta_step(value, grad, square, moved, lr, self.rho, self.eps)


class RMSprop(Optimizer):
    """Steps scaled by a running root of the mean squared gradient; `centered` takes the gradient's own mean out of it.

    Source: Tieleman & Hinton 2012, lecture 6.5; Graves 2013, equations 38 to 41 (arXiv:1308.0850); as PyTorch.
    """

    def __init__(self, parameters, lr=1e-2, alpha=0.99, eps=1e-8, momentum=0.0, centered=False, weight_decay=0.0, clip_norm=None):
        self.slots = ("square", "velocity", "mean") if centered else ("square", "velocity")
        super().__init__(parameters, lr, weight_decay, clip_norm)
        self.alpha, self.momentum = _share(alpha, "RMSprop", "alpha"), _share(momentum, "RMSprop", "momentum")
        self.eps, self.centered = _eps(eps, "RMSprop"), bool(centered)

    def update(self, value, grad, lr, square, velocity, mean=None):
        """See `ops.rmsprop_step`."""
        ops.rmsprop_step(value, grad, square, mean, velocity, lr, self.alpha, self.eps, self.momentum)


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square. Weight decay adds to the gradient (L2).

    Source: Kingma & Ba 2015, algorithm 1 (arXiv:1412.6980).
    """

    slots = ("first", "second")

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, clip_norm=None):
        super().__init__(parameters, lr, weight_decay, clip_norm)
        self.betas = tuple(_share(beta, type(self).__name__, "betas") for beta in betas)
        self.eps = _eps(eps, type(self).__name__)

    def update(self, value, grad, lr, first, second):
        """See `ops.adam_step`."""
        ops.adam_step(value, grad, first, second, lr, self.betas, self.eps, self.steps)


class AdamW(Adam):
    """Adam with decoupled weight decay: value -= lr * weight_decay * value, apart from the gradient.

    Source: Loshchilov & Hutter 2019, algorithm 2 (arXiv:1711.05101), without the schedule multiplier, as PyTorch.
    """

    decoupled = True


def _share(value: float, name: str, what: str) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{name}: {what}={value} must be at least 0 and below 1")
    return float(value)


def _eps(value: float, name: str) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name}: eps={value} must be finite and at least 0")
    return float(value)
