"""The questions to a model's explanations: each passes where it should and fails where it must."""

import json
from dataclasses import replace

import numpy as np
import pytest
from trained import process, small_run, wisconsin_table, write_table

import tinycnn as tc
from bcdetect.bundle import load_classifier, save_classifier
from bcdetect.classifier import Classifier
from bcdetect.cli import main
from bcdetect.datasets import Dataset
from bcdetect.errors import InputError, UsageError
from bcdetect.explain.checks.alike import alike
from bcdetect.explain.checks.frame import frame, frame_check
from bcdetect.explain.checks.lesion import lesion_checks, mass_inside, pointing, widened
from bcdetect.explain.checks.noise import noise_check
from bcdetect.explain.checks.removal import removal_checks
from bcdetect.explain.checks.retrained import planted
from bcdetect.explain.checks.subject import Subject
from bcdetect.explain.checks.weights import cascade, weights_check
from bcdetect.explain.explaining import Explainer
from bcdetect.explain.grade import FAIL, NOT_RUN, PASS, Check, Grade, grade_line, read_grade, save_grade
from bcdetect.explain.grading import grade_model
from bcdetect.explain.method import Method, Raw
from bcdetect.held_out import held_out, own_parts
from bcdetect.preprocessing import PictureScaler

SIDE = 16


def looking_at(where: np.ndarray) -> Classifier:
    """A network whose logit is the mean brightness at these places (SIDE, SIDE), less what half of them would give."""
    layers = tc.Conv2D(1, 1, bias=False), tc.ReLU(), tc.Flatten(), tc.Dense(1)
    model = tc.Sequential(*layers).build((SIDE, SIDE, 1))
    state = model.get_state()
    state["conv2d_1.weight"] = np.ones((1, 1, 1, 1), np.float32)
    state["dense_1.weight"] = (20 * where / where.sum()).astype(np.float32).reshape(-1, 1)
    state["dense_1.bias"] = np.array([-5], np.float32)
    model.set_state(state)
    scaler = PictureScaler(np.array([0.0]), np.array([1.0]), np.array([SIDE, SIDE]))
    return Classifier([model], scaler, (), ("benign", "malignant"))


def blobs(rng, rows=40, groups=False) -> Dataset:
    """Dark pictures of noise; the malignant ones have a bright square somewhere in the middle part, which is their mask."""
    y = np.arange(rows) % 2
    x = rng.integers(0, 40, (rows, SIDE, SIDE, 1), np.uint8)
    masks = np.zeros((rows, SIDE, SIDE), bool)
    for row in np.flatnonzero(y):
        top, left = rng.integers(4, 9, 2)
        masks[row, top : top + 4, left : left + 4] = True
    x[masks] = 230
    names = np.array([f"p{i // 2}" for i in range(rows)]) if groups else None
    return Dataset("blobs", x, y, ("benign", "malignant"), (), names, {"source": "made up"}, masks=masks)


def middle() -> np.ndarray:
    where = np.zeros((SIDE, SIDE), bool)
    where[4:12, 4:12] = True
    return where


class Told(Method):
    """A way to explain that gives what a function says."""

    def __init__(self, say):
        self.say = say

    def raw(self, network, x, classes, layer):
        return Raw(self.say(x))


def told(classifier, say) -> Explainer:
    explainer = Explainer(classifier, "hirescam")
    explainer.method = Told(say)
    return explainer


def test_likeness_is_spearmans():
    a = np.array([[1.0, 2, 3, 4], [1, 1, 2, 9], [5, 5, 5, 5]])
    b = np.array([[4.0, 3, 2, 1], [3, 3, 7, 8], [1, 2, 3, 4]])
    assert alike(a, b).tolist() == pytest.approx([-1, 1, 0])
    # Ranks 1.5 1.5 3 4 and 1 2 3 4: deviations -1 -1 .5 1.5 and -1.5 -.5 .5 1.5, so 4.5 / sqrt(4.5 * 5).
    assert alike(np.array([[1.0, 1, 2, 3]]), np.array([[1.0, 2, 3, 4]])) == pytest.approx([4.5 / np.sqrt(22.5)])


def test_the_pointing_game_worked_by_hand():
    masks = np.zeros((4, 20, 20), bool)
    masks[:, 2:5, 2:5] = True
    maps = np.zeros((4, 20, 20))
    maps[0, 3, 3] = 1  # inside
    maps[1, 5, 4] = 1  # one pixel below: within a twentieth of the side
    maps[2, 6, 4] = 1  # two pixels below
    hits, centre, random = pointing(maps, masks)  # the fourth map is blank
    assert hits.tolist() == [1, 1, 0, 0] and centre.tolist() == [0] * 4
    assert random == pytest.approx([21 / 400] * 4)  # nine pixels, and the twelve that touch their sides
    maps[3, 3, 3] = maps[3, 15, 15] = 2
    assert pointing(maps, masks)[0][3] == 0.5
    assert mass_inside(maps, masks).tolist() == [1, 0, 0, 0.5]
    assert widened(masks[0], 0).sum() == 9


def test_maps_at_the_lesion_pass_and_others_fail(rng):
    data, classifier = blobs(rng, groups=True), looking_at(np.ones((SIDE, SIDE), bool))
    for say, verdict in (
        (lambda x: x[..., 0], PASS),
        (lambda x: -x[..., 0], FAIL),  # nothing that speaks for the class
        (lambda x: np.pad(np.ones((len(x), 2, 2)), ((0, 0), (0, SIDE - 2), (0, SIDE - 2))), FAIL),
    ):
        checks = lesion_checks(Subject(told(classifier, say), data))
        assert [check.verdict for check in checks] == [verdict, verdict]
    nothing = lesion_checks(Subject(told(classifier, lambda x: x[..., 0]), replace(data, masks=None)))
    assert [check.verdict for check in nothing] == [NOT_RUN, NOT_RUN] and nothing[0].why == "the data has no masks"


def test_a_network_that_goes_by_the_frame_is_caught_and_one_that_does_not_is_not(rng):
    data = blobs(rng)
    marked, corners = planted(data, 1)
    assert corners[data.y == 1].any(axis=(1, 2)).all() and not corners[data.y == 0].any()
    assert np.array_equal(planted(data, 1)[0].x, marked.x) and np.array_equal(marked.x[data.y == 0], data.x[data.y == 0])
    by_frame, by_middle = looking_at(frame((SIDE, SIDE))), looking_at(middle())
    caught = frame_check(Subject(Explainer(by_frame), marked))
    assert caught.verdict == FAIL and caught.value > 0.9
    clean = frame_check(Subject(Explainer(by_middle), marked))
    assert clean.verdict == PASS and clean.value == pytest.approx(0.5)  # all the same, whatever the frame
    assert frame_check(Subject(Explainer(by_middle), data.subset(data.y == 1))).verdict == NOT_RUN


def test_a_marker_leaves_what_was_not_taken_black(rng):
    data = blobs(rng)
    two = replace(data, x=np.repeat(data.x, 2, axis=3), missing=np.tile([False, True], (len(data.y), 1)))
    two.x[..., 1] = 0
    assert not planted(two, 1)[0].x[..., 1].any() and planted(two, 1)[0].x[..., 0].max() == 255


def test_what_the_network_needs(rng):
    data, classifier = blobs(rng), looking_at(middle())
    good = Subject(Explainer(classifier, "hirescam"), data.subset(data.y == 1))
    assert [check.verdict for check in removal_checks(good)] == [PASS, PASS]
    outside = Subject(told(classifier, lambda x: np.tile(~middle() * 1.0, (len(x), 1, 1))), data.subset(data.y == 1))
    assert [check.verdict for check in removal_checks(outside)] == [FAIL, FAIL]
    blank = Subject(told(classifier, lambda x: np.zeros(x.shape[:-1])), data.subset(data.y == 1))
    for name, check in zip(("deletion", "insertion"), removal_checks(blank), strict=True):
        assert check.verdict == FAIL and check.low < 0 < check.high, name  # a blank map is chance, neither better nor worse


def test_maps_that_ignore_the_weights_fail(rng):
    data, classifier = blobs(rng), looking_at(middle())
    assert weights_check(Subject(told(classifier, lambda x: x[..., 0]), data)).verdict == FAIL
    learned = Subject(Explainer(classifier, "gradcam"), data)
    learned.explainer.method = Told(lambda x: x[..., 0])
    assert weights_check(Subject(told(classifier, lambda x: np.zeros(x.shape[:-1])), data)).verdict == NOT_RUN
    stages = cascade(learned)
    assert list(stages) == ["dense_1", "conv2d_1"] and stages["conv2d_1"] == pytest.approx(1)
    before = [network.model.get_state() for network in learned.explainer.networks]
    assert weights_check(Subject(Explainer(classifier, "hirescam"), data)).verdict == PASS
    assert all(
        np.array_equal(a, b)
        for network, state in zip(learned.explainer.networks, before, strict=True)
        for a, b in zip(network.model.get_state().values(), state.values(), strict=True)
    )


def test_maps_that_change_with_noise_fail(rng):
    data, classifier = blobs(rng), looking_at(middle())
    assert noise_check(Subject(told(classifier, lambda x: rng.random(x.shape[:-1])), data)).verdict == FAIL
    assert noise_check(Subject(told(classifier, lambda x: middle() + 0.0 * x[..., 0]), data)).verdict == PASS


def a_grade(digest="a" * 64) -> Grade:
    checks = Check("weights", PASS, 0.1, 0.0, 0.2, "at most 0.5", "why"), Check("stability", FAIL, 0.5, 0.4, 0.6)
    return Grade(digest, "gradcam", "relu_2", "made up", "all rows", 12, (*checks, Check("seeds", NOT_RUN)))


def test_a_grade_belongs_to_one_model(tmp_path):
    model = tmp_path / "model.npz"
    assert "have no grade (" in grade_line(model, "a" * 64, "gradcam", "relu_2")
    assert save_grade(model, a_grade()) == str(tmp_path / "model.grade.json")
    assert read_grade(model, "a" * 64) == a_grade()
    told = grade_line(model, "a" * 64, "gradcam", "relu_2")
    assert told == "explanations graded on 12 rows (gradcam): 1 of 2 checks passed; FAILED: stability"
    assert read_grade(model, "b" * 64) is None and "another model's" in grade_line(model, "b" * 64, "gradcam", "relu_2")
    assert grade_line(model, "a" * 64, "saliency", None) == "explanations by saliency have no grade; the model's is for gradcam"
    assert "by layer relu_1 have no grade; the model's is for relu_2" in grade_line(model, "a" * 64, "gradcam", "relu_1")
    bogus = a_grade().to_json().replace(FAIL, "bogus")
    for damage in (bogus, "{", "[]", '{"checks": [{"name": 1, "extra": 2}]}', "{}"):
        (tmp_path / "model.grade.json").write_text(damage)
        with pytest.raises(InputError, match="not a grade that audit-model wrote"):
            read_grade(model, "a" * 64)
        assert "cannot be read: not a grade" in grade_line(model, "a" * 64, "gradcam", "relu_2")


def test_a_table_s_explanations_with_networks_trained_anew():
    run = small_run()
    assert np.array_equal(own_parts(run.classifier, run.data)["test"], run.parts["test"])
    assert np.array_equal(held_out(run.classifier, run.data)[0], run.parts["test"])
    grade = grade_model(run.classifier, "d" * 64, run.data, retrain=1, rows=40)
    said = next((check.why for check in grade.checks if check.name == "seeds"), "")
    assert "the maps of a network of another seed" in said
    assert grade.rows == 40 and grade.method == "integrated" and grade.layer is None
    verdicts = {check.name: check.verdict for check in grade.checks}
    assert verdicts["weights"] == verdicts["deletion"] == verdicts["labels"] == PASS
    assert verdicts["frame"] == verdicts["planted marker"] == verdicts["pointing game"] == NOT_RUN
    assert verdicts["seeds"] in (PASS, FAIL)
    other = replace(run.data, provenance=run.data.provenance | {"sha256": "0"})
    with pytest.raises(UsageError, match="only on the data that the model was made with"):
        grade_model(run.classifier, "d" * 64, other, retrain=1)


def test_audit_model_on_the_command_line(tmp_path, capsys):
    model = tmp_path / "model.npz"
    save_classifier(model, small_run().classifier)
    header, rows = wisconsin_table()
    table = write_table(tmp_path / "own.csv", header, rows[:60])
    done = process("audit-model", model, table, "--json")
    assert done.returncode in (0, 1), done.stderr
    grade = json.loads(done.stdout)
    assert grade["model_sha256"] == load_classifier(model)[1] and grade["rows"] == 60
    assert json.loads((tmp_path / "model.grade.json").read_text()) == grade
    (tmp_path / "model.grade.json").unlink()
    for words, code, message in (
        (("--method", "gradcamera"), 2, "there is no method 'gradcamera'. Take one of gradcam, gradcam++"),
        (("--method", "gradcam", "--layer", "dense_1"), 2, "gives 4 numbers without a place"),
        (("--layer", "conv2d_1"), 2, "takes no layer"),
        (("--rows", "1"), 2, "--rows must be at least 2"),
        (("--retrain", "2"), 2, "only on the data that the model was made with"),
        (("--label", "nothing"), 3, "nothing"),
    ):
        assert main(["audit-model", str(model), table, *words]) == code
        said = capsys.readouterr().err
        assert message in said and said.count("\n") == 1, said
        assert not (tmp_path / "model.grade.json").exists()
