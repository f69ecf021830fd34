"""Normalisations, step by step."""

from __future__ import annotations

import numpy as np

from bcdetect.inside.rules.rule import Pieces, Rule, counted
from tinycnn.layers import LayerNorm


class BatchNormalisation(Rule):
    """BatchNorm in eval mode: `form` "norm"."""

    text = (
        "Each channel is brought to a common scale: the mean of the training rows is taken off, and the rest divided by their "
        "standard deviation; then two learned numbers stretch and shift it again. For an answer the layer uses the running "
        "mean and variance that it kept from training, so that a row does not depend on its neighbours."
    )
    equation = "y = gamma * (x - mean) / sqrt(var + eps) + beta, each of its channel"

    def arguments(self, step):
        """Its small number."""
        return f"eps {step.layer.eps:g}"

    def number(self, step, inputs, at):
        """The value before, every step, and the value after."""
        layer, c = step.layer, at[-1]
        mean, var = (float(layer.buffers[name][c]) for name in ("running_mean", "running_var"))
        gamma, beta = (float(layer.params[name][c]) for name in ("gamma", "beta"))
        told = normalised(float(inputs[0][at]), mean, var, layer.eps, gamma, beta, "the running mean", "the running variance")
        return {**told, "text": "The channel's running mean is taken off, then come its deviation, gamma and beta."}

    def pieces(self, step, slot, inputs, at):
        """gamma / sqrt(var + eps): mean and variance are constants here."""
        layer, c = step.layer, at[-1]
        factor = float(layer.params["gamma"][c]) / np.sqrt(float(layer.buffers["running_var"][c]) + layer.eps)
        return Pieces(np.array([at]), np.array([factor]), "The gradient times gamma / sqrt(var + eps) of the channel.")


class RowNormalisation(Rule):
    """GroupNorm and LayerNorm: `form` "norm"."""

    text = (
        "The numbers of one row are brought to a common scale by their own mean and variance, those of a group of channels "
        "together; then two learned numbers a channel stretch and shift them again. Nothing depends on other rows."
    )
    equation = "y = gamma * (x - mean) / sqrt(var + eps) + beta, mean and var of the row's group"

    def arguments(self, step):
        """The groups and the small number."""
        layer = step.layer
        groups = "every place by itself" if isinstance(layer, LayerNorm) else counted(layer.groups, "group")
        return f"{groups}, eps {layer.eps:g}"

    def number(self, step, inputs, at):
        """The group's mean and variance, then every step."""
        layer, c = step.layer, at[-1]
        group = _group(layer, at)
        values = inputs[0][tuple(group.T)].astype(np.float64)
        gamma, beta = (float(layer.params[name][c]) for name in ("gamma", "beta"))
        x, mean, var = float(inputs[0][at]), values.mean(), values.var()
        told = normalised(x, mean, var, layer.eps, gamma, beta, "the group's mean", "the group's variance")
        return {**told, "text": f"Mean and variance are those of the {counted(len(values), 'number')} of the row's group."}

    def pieces(self, step, slot, inputs, at):
        """gamma / sqrt(var + eps) * (1 for itself - 1 / n - xhat xhat' / n), n the size of the group."""
        layer, group = step.layer, _group(step.layer, at)
        values = inputs[0][tuple(group.T)].astype(np.float64)
        inverse, own = 1 / np.sqrt(values.var() + layer.eps), (group == at).all(axis=1)
        hat = (values - values.mean()) * inverse
        scale = layer.params["gamma"][group[:, -1]] * inverse
        by_mean, by_variance = 1 / len(hat), hat * hat[own] / len(hat)
        text = f"Through the mean and the variance the number moves all {len(hat):,} of its group."
        size = np.abs(scale) * (own + by_mean + np.abs(by_variance))
        return Pieces(group, scale * (own - by_mean - by_variance), text, size)


NORMS = (BatchNormalisation, RowNormalisation)


def normalised(x, mean, var, eps, gamma, beta, of_mean: str, of_var: str) -> dict:
    """The value before, each step in order, and the value after."""
    deviation = np.sqrt(var + eps)
    hat = (x - mean) / deviation
    return {
        "form": "norm",
        "before": x,
        "mean": mean,
        "var": var,
        "eps": eps,
        "gamma": gamma,
        "beta": beta,
        "steps": [
            {"what": f"minus {of_mean}", "formula": "x - mean", "value": x - mean},
            {"what": f"the standard deviation, of {of_var}", "formula": "sqrt(var + eps)", "value": deviation},
            {"what": "divided by it", "formula": "(x - mean) / sqrt(var + eps)", "value": hat},
            {"what": "times gamma", "formula": "gamma * (x - mean) / sqrt(var + eps)", "value": gamma * hat},
            {"what": "plus beta", "formula": "gamma * (x - mean) / sqrt(var + eps) + beta", "value": gamma * hat + beta},
        ],
        "result": gamma * hat + beta,
        "magnitude": abs(gamma) * (abs(x) + abs(mean)) / deviation + abs(beta),
    }


def _group(layer, at) -> np.ndarray:
    """The places and channels of all numbers that are normalised together with that at `at`. Shape: (n, axes)."""
    *place, c = at
    positions, channels = layer.normalised
    width = channels // layer.groups
    of_group = np.arange(c // width * width, (c // width + 1) * width)
    places = np.array([place]) if positions == 1 else np.indices(layer.input_shape[:-1]).reshape(len(place), -1).T
    return np.column_stack([places.repeat(width, axis=0), np.tile(of_group, len(places))]).astype(int)
