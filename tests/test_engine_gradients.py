"""Every gradient is right, and the checker that says so can say no."""

import inspect

import numpy as np
import pytest

import tinycnn as tc
from tinycnn import ops
from tinycnn.__main__ import examples, main
from tinycnn.losses import Loss

BACKENDS = ("numpy", "numba")
NAMES = [f"{type(subject).__name__}-{i}" for i, (subject, _) in enumerate(examples())]


def public_kinds(*bases):
    found = {name for name in tc.__all__ if inspect.isclass(getattr(tc, name)) and issubclass(getattr(tc, name), bases)}
    return found - {base.__name__ for base in bases}


def test_the_examples_hold_every_public_layer_and_loss():
    assert {type(subject).__name__ for subject, _ in examples()} == public_kinds(tc.Layer, Loss)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("index", range(len(NAMES)), ids=NAMES)
def test_every_gradient_is_right(index, backend):
    subject, shape = examples()[index]
    with tc.backend(backend):
        report = tc.gradcheck(subject, shape)
    modes = {row.mode for row in report.rows}
    assert modes == ({"-"} if isinstance(subject, Loss) else {"training", "eval"})
    assert report.worst.error < 1e-7  # far below the tolerance: rounding, and nothing else


@pytest.mark.parametrize(
    ("subject", "shape"),
    [
        (tc.Conv2D(4, (3, 2), stride=(2, 1), padding=1, dilation=(1, 2), groups=2), (2, 4, 4, 2)),
        (tc.MaxPool2D(2, stride=1, padding=1), (2, 3, 3, 2)),
        (tc.AvgPool2D(2, stride=1, padding=1), (2, 3, 3, 2)),
        (tc.Conv1D(2, 3, stride=2, groups=2), (2, 5, 2)),
        (tc.Conv3D(2, 2, padding=1), (1, 2, 3, 2, 1)),
        (tc.ConvTranspose2D(2, (3, 2), stride=2), (2, 2, 3, 2)),
        (tc.MaxPool3D(2, stride=1), (1, 3, 2, 3, 2)),
        (tc.GlobalAvgPool(), (2, 3, 2, 2)),
        (tc.GlobalMaxPool(), (2, 3, 2, 2)),
        (tc.GroupNorm(2), (2, 3, 4)),
        (tc.LayerNorm(), (2, 2, 3)),
        (tc.Upsample((2, 3)), (2, 2, 2, 1)),
        (tc.GELU(), (3, 4)),
        (tc.SqueezeExcite(2), (2, 3, 4)),
        (tc.BatchNorm(), (3, 2, 2)),
        (tc.Dense(2), (3, 2)),
        (tc.Softmax(), (2, 3)),
        (tc.Residual(tc.Conv2D(2, 3), tc.BatchNorm()), (2, 3, 3, 2)),
        (tc.BCEWithLogits(pos_weight=3), (4, 1)),
        (tc.SoftmaxCrossEntropy(label_smoothing=0.2), (4, 3)),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, tuple) else "",
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_single_entry_is_right(subject, shape, backend):
    with tc.backend(backend):
        assert tc.gradcheck(subject, shape, elementwise=True).passed


# Planted bugs: each is one that people do write


class ZeroGradient(tc.ReLU):
    def backward(self, grad):
        return np.zeros_like(grad)


class SlightlyScaled(tc.Sigmoid):
    def backward(self, grad):
        return super().backward(grad) * 1.0005


class NoBiasGradient(tc.Dense):
    def backward(self, grad):
        grad_input = super().backward(grad)
        self.grads["bias"] = np.zeros(self.units)
        return grad_input


class WrongStride(tc.Conv2D):
    def backward(self, grad):
        right, window = super().backward(grad), self.window
        wrong = window._replace(stride=(1, 1))
        windows = np.zeros((*grad.shape[:-1], *window.kernel, right.shape[-1]))
        windows += np.einsum("nhwo,klco->nhwklc", grad, self.params["weight"])
        return ops.numpy.scatter_windows(windows, right.shape[1:-1], wrong)


class NoMeanOverPositions(tc.GlobalAvgPool):
    def backward(self, grad):
        return super().backward(grad) * (self.input_shape[0] * self.input_shape[1])


class StatisticsAreConstants(tc.BatchNorm):
    def backward(self, grad):
        self.of_batch = False
        return super().backward(grad)


class AlwaysTheBatchForm(tc.BatchNorm):
    def backward(self, grad):
        self.of_batch = True
        return super().backward(grad)


class GroupsStatisticsAreConstants(tc.GroupNorm):
    def backward(self, grad):
        super().backward(grad)
        return (
            grad
            * self.params["gamma"]
            * self.inverse_std.repeat(grad.shape[-1] // self.groups, axis=-1).reshape(len(grad), 1, -1)
        )


class OneBlockPixel(tc.Upsample):
    def backward(self, grad):
        return grad[:, :: self.factor]


class ForgetsWhatTheGateSaw(tc.SqueezeExcite):
    def backward(self, grad):
        super().backward(grad)
        return grad * self.weight


class NotTransposed(tc.ConvTranspose2D):
    def backward(self, grad):
        right = super().backward(grad)
        return ops.conv(grad, self.params["weight"][::-1].swapaxes(-1, -2), None, self.window, 1).reshape(right.shape)


class RedrawnMask(tc.Dropout):
    def forward(self, x, training, rng=None):
        self.rng = rng
        return super().forward(x, training, rng)

    def backward(self, grad):
        if self.mask is not None:
            self.mask = (self.rng.random(grad.shape) >= self.rate) / (1 - self.rate)
        return super().backward(grad)


class SumForMean(tc.BCEWithLogits):
    def __call__(self, logits, y, sample_weight=None):
        value, grad = super().__call__(logits, y, sample_weight)
        return value, grad * len(logits)


class ForgetsPosWeight(tc.BCEWithLogits):
    def each(self, logits, y):
        losses, _, weight = super().each(logits, y)
        return losses, tc.BCEWithLogits().each(logits, y)[1], weight


class NaNGradient(tc.ReLU):
    def backward(self, grad):
        return super().backward(grad) * np.nan


PLANTED = [
    (ZeroGradient(), (3, 4), {"input"}),
    (SlightlyScaled(), (3, 4), {"input"}),
    (NoBiasGradient(2), (3, 4), {"bias"}),
    (WrongStride(2, 3, stride=2), (2, 7, 7, 2), {"input"}),
    (NoMeanOverPositions(), (2, 3, 4, 2), {"input"}),
    (StatisticsAreConstants(), (5, 3), {"input"}),
    (AlwaysTheBatchForm(), (5, 3), {"input"}),
    (GroupsStatisticsAreConstants(2), (3, 5, 4), {"input"}),
    (OneBlockPixel(2), (2, 3, 2), {"input"}),
    (ForgetsWhatTheGateSaw(2), (2, 5, 4), {"input"}),
    (NotTransposed(2, 3, stride=2), (2, 3, 3, 2), {"input"}),
    (RedrawnMask(0.5), (4, 9), {"input"}),
    (SumForMean(), (5, 1), {"logits"}),
    (ForgetsPosWeight(pos_weight=2.0), (5, 1), {"logits"}),
    (NaNGradient(), (3, 4), {"input"}),
]


@pytest.mark.parametrize("elementwise", [False, True])
@pytest.mark.parametrize(("subject", "shape", "guilty"), PLANTED, ids=[type(p[0]).__name__ for p in PLANTED])
def test_planted_bugs_are_found_and_only_they(subject, shape, guilty, elementwise):
    with pytest.raises(tc.GradientError) as caught:
        tc.gradcheck(subject, shape, elementwise=elementwise)
    report = caught.value.report
    wrong = {(row.mode, row.name) for row in report.rows if row.verdict(report.tolerance) == "WRONG"}
    assert {name for _, name in wrong} == guilty
    only_mode = {"StatisticsAreConstants": {"training"}, "AlwaysTheBatchForm": {"eval"}, "RedrawnMask": {"training"}}
    expected = only_mode.get(type(subject).__name__)
    assert expected is None or {mode for mode, _ in wrong} == expected
    assert "FAILED" in str(caught.value)
    assert "WRONG" in str(caught.value)


def test_a_planted_bug_deep_inside_a_model_is_found_by_its_path():
    model = tc.Sequential(tc.Residual(tc.Dense(4), NoBiasGradient(4)), tc.Dense(1))
    with pytest.raises(tc.GradientError) as caught:
        tc.gradcheck(model, (3, 4))
    wrong = {row.name for row in caught.value.report.rows if not row.error <= 1e-6}
    assert wrong == {"residual_1.body.nobiasgradient_1.bias"}


@pytest.mark.parametrize("last", [tc.ReLU(), tc.MaxPool2D(2)], ids=["ReLU", "MaxPool2D"])
def test_ties_everywhere_are_called_a_kink_and_not_a_wrong_gradient(last):
    model = tc.Sequential(tc.Conv2D(2, 1, bias=False), last).build((4, 4, 3))
    model.layers["conv2d_1"].params["weight"] = np.zeros((1, 1, 3, 2))  # so that every position ties with every other
    with pytest.raises(tc.GradientError, match="KINK") as caught:
        tc.gradcheck(model, (2, 4, 4, 3))
    verdicts = {row.name: row.verdict(1e-6) for row in caught.value.report.rows}
    assert verdicts["conv2d_1.weight"] == "KINK"
    assert "another shape or seed" in str(caught.value)


def test_elementwise_names_the_worst_index():
    class OneWrongEntry(tc.Dense):
        def backward(self, grad):
            grad_input = super().backward(grad)
            self.grads["weight"][2, 1] *= 1.01
            return grad_input

    with pytest.raises(tc.GradientError, match=r"at \[2, 1\]") as caught:
        tc.gradcheck(OneWrongEntry(3), (4, 5), elementwise=True)
    assert caught.value.report.worst.index == (2, 1)
    assert caught.value.report.worst.name == "weight"


def test_the_users_layer_is_left_untouched(rng):
    model = tc.Sequential(tc.Conv2D(2, 3), tc.BatchNorm(), tc.Dropout(0.2), tc.GlobalAvgPool(), tc.Dense(1)).build((5, 5, 1))
    x = rng.standard_normal((4, 5, 5, 1)).astype("float32")
    before, prediction = model.get_state(), model.predict(x)
    tc.gradcheck(model, (3, 5, 5, 1))
    after = model.get_state()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert np.array_equal(model.predict(x), prediction)
    assert (model.steps, model.built().dtype) == (0, np.float32)
    fresh = tc.Dense(2)
    tc.gradcheck(fresh, (3, 4))
    with pytest.raises(ValueError, match="not built"):
        fresh.parameters()


def test_a_built_layers_own_numbers_are_the_ones_checked():
    """A gradient that is wrong only at the user's weights is wrong."""

    class WrongAboveTen(tc.Dense):
        def backward(self, grad):
            return super().backward(grad) * (2 if self.params["weight"].max() > 10 else 1)

    layer = WrongAboveTen(2).build((3,))
    assert tc.gradcheck(layer, (4, 3)).passed
    layer.params["weight"] = np.full((3, 2), 11.0)
    with pytest.raises(tc.GradientError):
        tc.gradcheck(layer, (4, 3))


def test_a_layer_whose_training_moves_what_it_depends_on_is_checked_at_one_place():
    """Every call that the checker makes must see the same buffers."""

    class Growing(tc.Layer):
        def setup(self, shape):
            self.declare_buffer("scale", (1,), tc.init.ones)
            return shape

        def forward(self, x, training, rng=None):
            self.scale = self.buffers["scale"].copy()
            if training:
                self.buffers["scale"] = self.scale * 1.5
            return self.check(x) * self.scale

        def backward(self, grad):
            return grad * self.scale

    assert tc.gradcheck(Growing(), (3, 4)).passed


def test_a_layer_of_ones_own_is_accepted_in_one_line():
    class Swish(tc.Layer):
        def forward(self, x, training, rng=None):
            self.x = self.check(x)
            self.gate = 1 / (1 + np.exp(-x))
            return x * self.gate

        def backward(self, grad):
            return grad * (self.gate + self.x * self.gate * (1 - self.gate))

    assert tc.gradcheck(Swish(), (3, 4, 5)).passed


def test_a_layer_that_changes_its_input_is_told_so():
    class InPlace(tc.ReLU):
        def forward(self, x, training, rng=None):
            x *= 2
            return super().forward(x, training)

    with pytest.raises(ValueError, match="InPlace: forward changed x"):
        tc.gradcheck(InPlace(), (3, 4))


def test_a_layer_whose_output_is_not_the_shape_it_promised_is_told_so():
    class KeepsAnAxis(tc.GlobalAvgPool):
        def forward(self, x, training, rng=None):
            return super().forward(x, training)[:, None]

    with pytest.raises(ValueError, match=r"KeepsAnAxis: forward gave shape \(1, 1, 2\)"):
        tc.gradcheck(KeepsAnAxis(), (1, 3, 2))


def test_the_command_prints_every_subject_and_says_whether_all_passed(capsys):
    assert main(["gradcheck"]) == 0
    printed = capsys.readouterr().out
    assert f"{len(examples())} of {len(examples())} passed" in printed
    assert all(type(subject).__name__ in printed for subject, _ in examples())


def test_a_backward_that_changes_the_gradient_it_is_given_is_refused():
    class Greedy(tc.ReLU):
        def backward(self, grad):
            grad *= self.y > 0
            return grad

    with pytest.raises(ValueError, match="backward changed grad"):
        tc.gradcheck(Greedy(), (3, 5))


def test_a_zero_gradient_of_tiny_outputs_is_rejected():
    class Tiny(tc.Layer):
        def forward(self, x, training, rng=None):
            return 1e-10 * self.check(x)

        def backward(self, grad):
            return 0 * grad

    for elementwise in (False, True):
        with pytest.raises(tc.GradientError):
            tc.gradcheck(Tiny(), (3, 5), elementwise=elementwise)
