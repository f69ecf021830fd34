"""A rule for every kind of layer of the engine: its words, how a number comes about in it, and how a gradient comes back."""

import tinycnn as tc
from bcdetect.inside.rules.blocks import Adding, Gating, Joining
from bcdetect.inside.rules.convolution import Convolution, Transposed
from bcdetect.inside.rules.dense import FullyConnected
from bcdetect.inside.rules.moving import Dropping, Flattening, Padding, Repeating
from bcdetect.inside.rules.norms import BatchNormalisation, RowNormalisation
from bcdetect.inside.rules.pointwise import ACTIVATIONS, Shares
from bcdetect.inside.rules.pooling import AveragePooling, MaxPooling
from bcdetect.inside.rules.rule import At, Pieces, Rule, by, counted, spot, summed

__all__ = ["RULES", "At", "Pieces", "Rule", "by", "counted", "rule_of", "spot", "summed"]

RESIDUAL = Adding(
    "Adds what went in to what the layers inside made of it: they need only learn what to change, and the gradient has a way "
    "back that passes them by.",
    "y = body(x) + x, or body(x) + shortcut(x) where the shape changes",
)
FLATTEN = Flattening(
    "Lays all numbers end to end in one row, which a dense layer takes; no number changes.",
    "y[i] = x[place, c], counted through",
)
RESHAPE = Flattening("Reads the same numbers, in their order, as another shape; no number changes.", "y = x in another shape")

RULES: dict[type[tc.Layer], Rule] = {
    **dict.fromkeys((tc.Conv1D, tc.Conv2D, tc.Conv3D), Convolution()),
    tc.ConvTranspose2D: Transposed(),
    **dict.fromkeys((tc.MaxPool1D, tc.MaxPool2D, tc.MaxPool3D, tc.GlobalMaxPool), MaxPooling()),
    **dict.fromkeys((tc.AvgPool1D, tc.AvgPool2D, tc.AvgPool3D, tc.GlobalAvgPool), AveragePooling()),
    tc.BatchNorm: BatchNormalisation(),
    **dict.fromkeys((tc.GroupNorm, tc.LayerNorm), RowNormalisation()),
    **{getattr(tc, name): rule for name, rule in ACTIVATIONS.items()},
    tc.Softmax: Shares(),
    tc.Dense: FullyConnected(),
    tc.Flatten: FLATTEN,
    tc.Reshape: RESHAPE,
    tc.Dropout: Dropping(),
    tc.Pad: Padding(),
    tc.Upsample: Repeating(),
    tc.Residual: RESIDUAL,
    tc.Branches: Joining(),
    tc.SqueezeExcite: Gating(),
}


def rule_of(layer: tc.Layer) -> Rule:
    """The rule of a layer's kind; that of an unknown kind for one that is not tinycnn's own."""
    return RULES.get(type(layer), Rule())
