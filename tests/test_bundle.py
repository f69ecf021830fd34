"""A classifier's file: what was saved is what answers, no patient is inside, and whatever is not whole is refused."""

import numpy as np
import pytest
from trained import small_run

import tinycnn as tc
from bcdetect.bundle import load_classifier, save_classifier
from bcdetect.errors import ModelFileError, OutputError
from tinycnn.bundle import read_arrays, write_arrays


@pytest.fixture
def path(tmp_path):
    save_classifier(tmp_path / "model.npz", small_run().classifier)
    return tmp_path / "model.npz"


def assert_refused(path, words):
    with pytest.raises(ModelFileError, match=words) as caught:
        load_classifier(path)
    assert caught.value.exit_code == 4 and caught.value.file == str(path) and caught.value.hint


def test_what_was_saved_answers_with_the_same_bits(path):
    run = small_run()
    loaded, digest = load_classifier(path)
    x = run.data.x
    np.testing.assert_array_equal(loaded.predict_proba(x), run.classifier.predict_proba(x))
    assert (loaded.feature_names, loaded.class_names) == (run.data.feature_names, ("benign", "malignant"))
    assert loaded.threshold == 0.5 and loaded.positive == "malignant" and len(digest) == 64
    assert loaded.card["notice"] and loaded.card["data"]["sha256"] == run.data.provenance["sha256"]
    assert loaded.card["settings"]["epochs"] == run.config.epochs and loaded.card["versions"]["numpy"] == np.__version__


def test_saving_is_the_same_bytes_and_leaves_nothing_beside(path, tmp_path):
    before = path.read_bytes()
    save_classifier(path, small_run().classifier)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["model.npz"]


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(OutputError, match="nowhere"):
        save_classifier(tmp_path / "nowhere" / "model.npz", small_run().classifier)


@pytest.mark.parametrize("part", np.linspace(0.02, 0.98, 25))
def test_a_flipped_bit_anywhere_is_refused_or_harmless(path, part):
    content = bytearray(path.read_bytes())
    content[int(part * len(content))] ^= 4
    path.write_bytes(content)
    try:
        loaded, _ = load_classifier(path)
    except ModelFileError:
        return
    x = small_run().data.x[:5]  # a bit of the zip's own bookkeeping
    np.testing.assert_array_equal(loaded.predict_proba(x), small_run().classifier.predict_proba(x))


@pytest.mark.parametrize("keep", [0, 1, 100, 2000, -1])
def test_a_truncated_file_is_refused(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    assert_refused(path, "not a tinycnn model file, or a damaged one")


def test_what_is_not_a_model_file_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    np.savez(tmp_path / "pickle.npz", a=np.array([{}, None], object))
    (tmp_path / "text.npz").write_text("row,class\n")
    for name in ("other.npz", "pickle.npz", "text.npz"):
        assert_refused(tmp_path / name, "not a tinycnn model file|does not hold what it claims")
    assert_refused(tmp_path / "missing.npz", "no such file")
    assert_refused(tmp_path, "cannot be read")


def test_a_plain_tinycnn_model_is_refused_with_the_reason(tmp_path):
    tc.save(tmp_path / "plain.npz", small_run().classifier.models[0])
    assert_refused(tmp_path / "plain.npz", "without the preprocessing")


def resealed(path, change):
    """Change the file's content and seal it anew, as someone would who means to."""
    arrays, meta, _ = read_arrays(path)
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(arrays, meta["bcdetect"])
    write_arrays(path, arrays, meta)


def other_weights(arrays, meta):
    state = [name for name in arrays if name.startswith("models/0/") and name.endswith("weight")]
    for name in state:
        arrays[name][...] = arrays[name][::-1].copy()


def shifted_mean(arrays, meta):
    arrays["preprocessing/mean"] += arrays["preprocessing/std"]


def nan_weight(arrays, meta):
    arrays["models/0/dense_1.weight"][0, 0] = np.nan


def nan_mean(arrays, meta):
    arrays["preprocessing/mean"][3] = np.nan


def zero_std(arrays, meta):
    arrays["preprocessing/std"][3] = 0


def one_feature_less(arrays, meta):
    meta["feature_names"].pop()


def third_class(arrays, meta):
    meta["class_names"].append("unknown")


def one_class(arrays, meta):
    meta["class_names"].pop()


def threshold_beyond(arrays, meta):
    meta["judgement"]["point"]["threshold"] = 7.0


def huge_threshold(arrays, meta):
    meta["judgement"]["point"]["threshold"] = 10**400


def no_threshold(arrays, meta):
    del meta["judgement"]["point"]["threshold"]


def no_judgement(arrays, meta):
    del meta["judgement"]


def other_temperature(arrays, meta):
    arrays["judgement/calibration/temperature"] *= 1.01


def frozen_temperature(arrays, meta):
    arrays["judgement/calibration/temperature"][...] = np.nan


def unknown_calibration(arrays, meta):
    meta["judgement"]["calibration"] = "beta"


def calibration_of_no_kind(arrays, meta):
    meta["judgement"]["calibration"] = None


def limits_of_three_classes(arrays, meta):
    for name in ("limits", "rows"):
        arrays[f"judgement/conformal/{name}"] = np.append(arrays[f"judgement/conformal/{name}"], 0)


def one_range_less(arrays, meta):
    for name in ("low", "high"):
        arrays[f"judgement/ranges/{name}"] = arrays[f"judgement/ranges/{name}"][1:]


def distance_of_other_features(arrays, meta):
    for name in ("means", "whitening"):
        arrays[f"judgement/distance/{name}"] = arrays[f"judgement/distance/{name}"][..., :2].copy()
    arrays["judgement/distance/whitening"] = arrays["judgement/distance/whitening"][:2].copy()


def a_part_that_is_not_known(arrays, meta):
    arrays["judgement/certainty/level"] = np.ones(1)


def no_self_test(arrays, meta):
    del arrays["self_test/x"]


def empty_self_test(arrays, meta):
    arrays["self_test/x"] = arrays["self_test/x"][:0]
    arrays["self_test/probabilities"] = arrays["self_test/probabilities"][:0]


@pytest.mark.parametrize(
    "change, words",
    [
        (other_weights, "does not give the answers"),
        (shifted_mean, "does not give the answers"),
        (nan_weight, "NaN"),
        (nan_mean, "finite"),
        (zero_std, "finite"),
        (one_feature_less, "preprocessing"),
        (third_class, "does not give these classes"),
        (one_class, "does not give these classes"),
        (threshold_beyond, "threshold"),
        (huge_threshold, "fit together"),
        (no_threshold, "fit together"),
        (no_judgement, "fit together"),
        (other_temperature, "does not give the answers"),
        (frozen_temperature, "temperature must be from"),
        (unknown_calibration, "no calibration 'beta'"),
        (calibration_of_no_kind, "a kind and numbers"),
        (limits_of_three_classes, "not of these classes"),
        (one_range_less, "not of these features"),
        (distance_of_other_features, "fit together"),
        (a_part_that_is_not_known, "fit together"),
        (no_self_test, "fit together"),
        (empty_self_test, "empty batch"),
    ],
)
def test_a_seal_made_anew_does_not_help(path, change, words):
    resealed(path, change)
    assert_refused(path, words)


def test_a_changed_array_under_the_old_seal_is_refused(path):
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["models/0/dense_1.weight"][0, 0] += 1e-3
    np.savez(path, **arrays)
    assert_refused(path, "SHA-256 does not match")


def test_no_row_of_the_data_is_in_the_file(path):
    run = small_run()
    arrays, _, _ = read_arrays(path)
    assert {name.partition("/")[0] for name in arrays} == {"models", "preprocessing", "judgement", "self_test"}
    assert {name for name in arrays if not name.startswith("models/0/")} == {
        "preprocessing/mean", "preprocessing/std", "self_test/x", "self_test/raw", "self_test/probabilities",
        "self_test/features",
        "judgement/calibration/temperature", "judgement/conformal/error_rate", "judgement/conformal/limits",
        "judgement/conformal/rows", "judgement/ranges/low", "judgement/ranges/high", "judgement/distance/means",
        "judgement/distance/whitening", "judgement/distance/limit",
    }  # fmt: skip
    assert not (arrays["self_test/x"][:, None, :] == run.data.x[None]).any(), "the self-test's rows must be made up"
    content = path.read_bytes()
    inside = run.classifier.preprocessing.transform(run.data.x)
    for row, seen in zip(run.data.x, inside, strict=True):
        assert row[:4].tobytes() not in content and seen[:4].tobytes() not in content
        assert ", ".join(map(repr, map(float, row[:3]))).encode() not in content
