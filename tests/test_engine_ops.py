"""Every op: its fast twin against the readable form."""

import numpy as np
import pytest
from op_arguments import arguments, results

import tinycnn as tc
from tinycnn import ops
from tinycnn.ops import numba as twins
from tinycnn.ops import numpy as reference
from tinycnn.ops import place_window

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("name", reference.__all__)
def test_both_forms_agree_and_keep_the_dtype(name, backend, dtype, rng):
    cases = arguments(name, rng, dtype)
    assert cases, f"no arguments for {name}: every op needs some here"
    for args in cases:
        exact = [a.astype("float64") if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in args]
        wanted = results(getattr(reference, name), name, exact)
        if hasattr(ops, name):
            with tc.backend(backend):
                got = results(getattr(ops, name), name, args)
        else:
            got = results(getattr(twins if backend == "numba" and name in twins.__all__ else reference, name), name, args)
        for mine, theirs in zip(got, wanted, strict=True):
            assert mine.shape == theirs.shape
            if theirs.dtype.kind == "f":
                assert mine.dtype == dtype
                scale = max(1.0, float(np.abs(theirs).max()))
                np.testing.assert_allclose(mine, theirs, rtol=0, atol=TOLERANCE[dtype] * scale)
            else:
                assert mine.dtype == theirs.dtype
                assert np.array_equal(mine, theirs)


def test_every_twin_has_a_readable_form_and_every_form_is_public():
    assert set(twins.__all__) <= set(reference.__all__)
    assert set(reference.__all__) - {"gather_windows", "scatter_windows"} <= set(ops.__all__)


def test_the_backend_is_really_chosen(monkeypatch):
    calls = []
    monkeypatch.setattr(twins, "max_pool", lambda *args: calls.append(args))
    x, window = np.ones((1, 2, 2, 1)), place_window((2, 2), (2, 2), (2, 2), (1, 1), 0)
    with tc.backend("numpy"):
        ops.max_pool(x, window)
    assert not calls
    with tc.backend("numba"):
        ops.max_pool(x, window)
    assert len(calls) == 1


def test_a_twin_passes_on_what_its_kernel_cannot_take(rng):
    x, weight = rng.standard_normal((2, 5, 5, 16)).astype("float32"), rng.standard_normal((3, 3, 16, 16)).astype("float32")
    window, bias = place_window((5, 5), (3, 3), (1, 1), (1, 1), "same"), np.ones(16)  # float64, beside float32
    with tc.backend("numba"):
        np.testing.assert_allclose(ops.conv(x, weight, bias, window, 1), reference.conv(x, weight, bias, window, 1), rtol=1e-6)
        point = x[:, 0, 0], weight[0, 0], bias
        np.testing.assert_allclose(ops.dense(*point), reference.dense(*point), rtol=1e-6)
        assert ops.dense(x[:0, 0, 0], weight[0, 0], None).shape == (0, 16)


def test_adam_of_moments_that_lie_apart(rng):
    results = []
    for module in (reference, twins):
        value, grad, moments = np.ones(40, "float32"), np.arange(40, dtype="float32"), np.zeros((40, 2), "float32")
        module.adam_step(value, grad, moments[:, 0], moments[:, 1], 0.1, (0.9, 0.999), 1e-8, 1)
        results.append((value, moments))
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)
