"""Model files: what was saved comes back, and what is no model is told apart."""

import io
import os

import numpy as np
import pytest
from forged import assert_refused, forge, parts_of, stateful_model

import tinycnn as tc
from tinycnn import bundle
from tinycnn.__main__ import main


@pytest.fixture
def model():
    return stateful_model()


@pytest.fixture
def x(rng):
    return rng.standard_normal((5, 8, 6, 1)).astype("float32")


@pytest.fixture
def parts(model):
    return parts_of(model)


def test_a_model_comes_back_bit_for_bit(model, x, tmp_path):
    tc.save(tmp_path / "m.npz", model)
    again = tc.load(tmp_path / "m.npz")
    assert np.array_equal(again.predict(x), model.predict(x))
    assert repr(again) == repr(model)
    assert (again.steps, again.seed, again.input_shape) == (17, 4, (8, 6, 1))
    assert [p.name for p in again.parameters() if not p.trainable] == ["batchnorm_1.gamma", "batchnorm_1.beta"]
    tc.save(tmp_path / "again.npz", again)
    assert bundle.read_arrays(tmp_path / "m.npz")[2] == bundle.read_arrays(tmp_path / "again.npz")[2]  # the same seal
    double = tc.Sequential(tc.Dense(1)).build((2,), dtype="float64")
    tc.save(tmp_path / "double.npz", double)
    assert tc.load(tmp_path / "double.npz").built().dtype == np.float64


def test_forging_is_how_save_writes(parts, x, model, tmp_path):
    """The helper's files are good ones, so that what it forges elsewhere is refused for what was changed."""
    forge(tmp_path / "f.npz", *parts)
    assert np.array_equal(tc.load(tmp_path / "f.npz").predict(x), model.predict(x))


def test_a_truncated_file_is_refused(model, tmp_path):
    tc.save(tmp_path / "m.npz", model)
    content = (tmp_path / "m.npz").read_bytes()
    for cut in [*range(0, len(content), 97), len(content) - 1]:
        (tmp_path / "cut.npz").write_bytes(content[:cut])
        assert_refused(tmp_path / "cut.npz")


def test_a_flipped_byte_is_refused_or_changes_nothing(model, tmp_path):
    tc.save(tmp_path / "m.npz", model)
    content = (tmp_path / "m.npz").read_bytes()
    wanted, harmless = model.get_state(), 0
    offsets = np.random.default_rng(0).permutation(len(content))[:600]
    for offset in offsets:
        flipped = bytearray(content)
        flipped[offset] ^= 1 << (offset % 8)
        (tmp_path / "flipped.npz").write_bytes(flipped)
        try:
            again = tc.load(tmp_path / "flipped.npz")
        except tc.BundleError:
            continue
        harmless += 1  # a time stamp in the zip, say
        state = again.get_state()
        assert state.keys() == wanted.keys()
        assert all(np.array_equal(state[name], wanted[name]) for name in wanted), offset
        assert (repr(again), again.steps, again.seed) == (repr(model), 17, 4)
    assert harmless < len(offsets) / 4


def plain_savez():
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros(3))
    return buffer.getvalue()


STRANGERS = {
    "empty": b"",
    "text": b"id,diagnosis,radius_mean\n1,M,17.99\n",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "an empty zip": b"PK\x05\x06" + bytes(18),
    "a plain np.savez": plain_savez(),
    "zeros": bytes(4096),
}


@pytest.mark.parametrize("what", STRANGERS)
def test_a_file_that_is_not_a_model_is_refused(what, tmp_path, capsys):
    (tmp_path / "f.npz").write_bytes(STRANGERS[what])
    assert "not a tinycnn model file" in assert_refused(tmp_path / "f.npz")
    assert main(["summary", str(tmp_path / "f.npz")]) == 4
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'f.npz'}: not a tinycnn model file")


def test_no_file_and_a_folder_are_the_systems_errors(tmp_path, capsys):
    with pytest.raises(FileNotFoundError):
        tc.load(tmp_path / "none.npz")
    with pytest.raises(OSError):  # which one depends on the system
        tc.load(tmp_path)
    assert main(["summary", str(tmp_path / "none.npz")]) == 4
    assert "No such file" in capsys.readouterr().err


def test_a_file_from_before_an_argument_was_there_is_read(parts, model, x, tmp_path):
    """Dropout once had a rate alone."""
    arrays, meta = parts
    dropout = next(layer for layer in meta["model"]["architecture"]["layers"] if layer["kind"] == "Dropout")
    assert dropout.pop("channels") is False
    forge(tmp_path / "f.npz", arrays, meta)
    again = tc.load(tmp_path / "f.npz")
    assert np.array_equal(again.predict(x), model.predict(x)) and again.layers["dropout_1"].channels is False


def test_a_model_that_could_not_be_loaded_is_not_saved(model, tmp_path):
    class Mine(tc.ReLU):
        pass

    for bad, says in (
        (tc.Sequential(Mine()).build((2,)), "Mine is not a layer of tinycnn"),
        (tc.Dense(1).build((2,)), r"wrap it: Sequential\("),
        (tc.Sequential(tc.Dense(1)), "not built"),
    ):
        with pytest.raises(ValueError, match=says):
            tc.save(tmp_path / "m.npz", bad)
    model.layers["dense_1"].params["weight"][0, 0] = np.nan
    with pytest.raises(ValueError, match=r"dense_1\.weight holds NaN or inf"):
        tc.save(tmp_path / "m.npz", model)
    assert os.listdir(tmp_path) == []


def test_the_summary_command_prints_the_models_table(model, tmp_path, capsys):
    tc.save(tmp_path / "m.npz", model)
    assert main(["summary", str(tmp_path / "m.npz")]) == 0
    assert capsys.readouterr().out.strip() == model.summary()
