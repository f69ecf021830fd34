"""Figures: every one can be read back, and says the numbers it was given."""

import threading

import numpy as np
import pytest

from bcdetect import NOTICE, errors, plots
from bcdetect.metrics import confusion_matrix, roc_curve

pytest.importorskip("matplotlib", reason="figures need matplotlib, the extra 'plots'")
from PIL import Image

CLASSES = ("benign", "malignant")
HISTORY = {
    "epoch": [1, 2, 3],
    "loss": [0.7, 0.5, 0.4],
    "validation_loss": [0.7, 0.55, 0.56],
    "validation_auc": [0.6, 0.9, 0.89],
}


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def _confusions(_rng):
    counts = confusion_matrix([0] * 8 + [1] * 4, [0] * 7 + [1] + [1] * 3 + [0])
    return plots.confusion_matrices({"validation": counts, "test": counts}, CLASSES)


def _rocs(rng):
    y = np.repeat([0, 1], 20)
    return plots.roc_curves({"test": (*roc_curve(y, rng.normal(size=40) + y)[:2], "AUC 0.760 (0.600 to 0.900)")})


def _distributions(rng):
    x = rng.normal(size=(40, 7))
    x[:5, 0], x[:, 1], x[:, 2] = np.nan, 1.0, np.nan  # some missing, constant, all missing
    x[:, 3], x[:, 4], x[:2, 5] = 1e17, 1e17 + 64 * np.arange(40), (1e308, -1e308)  # no room for bins in between
    return plots.distributions(x, np.repeat([0, 1], 20), [f"$f_{i}$ \\bad{{" for i in range(7)], CLASSES)


FIGURES = {  # name: (how to draw it, how many axes it has)
    "learning_curves": (lambda rng: plots.learning_curves(HISTORY, best_epoch=2), 2),
    "one_epoch": (lambda rng: plots.learning_curves({key: values[:1] for key, values in HISTORY.items()}), 2),
    "confusion_matrices": (_confusions, 2),
    "roc_curves": (_rocs, 1),
    "class_share": (lambda rng: plots.class_share({"benign": 357, "malignant": 212}), 1),
    "correlation_heatmap": (
        lambda rng: plots.correlation_heatmap(np.corrcoef(rng.normal(size=(30, 9))), [f"f{i}" for i in range(30)]),
        2,
    ),
    "undefined_correlation": (lambda rng: plots.correlation_heatmap(np.full((1, 1), np.nan), ["$"]), 2),
    "distributions": (_distributions, 7),
    "missing_values": (lambda rng: plots.missing_values({"a": 3, "$b": 10}, rows=10), 1),
}


def _texts(figure):
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text)]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_a_png_with_ink_and_the_notice(name, rng, tmp_path):
    draw, axes = FIGURES[name]
    figure = draw(rng)
    assert len(figure.axes) == axes
    assert NOTICE in _texts(figure)
    plots.save_figure(figure, tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("L"))
    np.testing.assert_allclose(pixels.shape, 144 * figure.get_size_inches()[::-1], atol=1)
    assert pixels.min() < 128 and pixels.max() == 255
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_is_cut_off_at_the_edge(name, rng):
    from matplotlib.legend import Legend

    figure = FIGURES[name][0](rng)
    figure.canvas.draw()
    renderer, (width, height) = figure.canvas.get_renderer(), figure.canvas.get_width_height()
    for thing in [*figure.findobj(Legend), *(axes.title for axes in figure.axes)]:
        box = thing.get_window_extent(renderer)
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height


def test_confusion_cells_tell_counts_and_shares_of_the_row(rng):
    texts = _texts(_confusions(rng))
    assert {"7\n87.5%", "1\n12.5%", "1\n25.0%", "3\n75.0%", "validation (12 rows)", "test (12 rows)"} <= set(texts)


def test_a_class_without_rows_has_no_percentage():
    texts = _texts(plots.confusion_matrices({"test": np.array([[3, 1], [0, 0]])}, CLASSES))
    assert texts.count("0\nno rows") == 2


def test_confusion_text_is_dark_on_light_and_light_on_dark(rng):
    colours = {text.get_text(): text.get_color() for text in _confusions(rng).axes[0].texts}
    assert (colours["7\n87.5%"], colours["1\n12.5%"]) == ("black", "white")


def test_the_pie_tells_counts_and_percentages():
    texts = _texts(plots.class_share({"benign": 357, "malignant": 212}))
    assert {"benign: 357 (62.7%)", "malignant: 212 (37.3%)", "62.7%", "37.3%"} <= set(texts)
    with pytest.raises(ValueError):
        plots.class_share({"benign": 0})


def test_missing_values_are_counted_and_shared():
    assert {"3 (30.0%)", "10 (100.0%)"} <= set(_texts(plots.missing_values({"a": 3, "b": 10}, rows=10)))


def test_the_best_epoch_and_the_auc_are_told(rng):
    assert "best epoch (2)" in _texts(FIGURES["learning_curves"][0](rng))
    assert "test: AUC 0.760 (0.600 to 0.900)" in _texts(_rocs(rng))


def test_a_class_keeps_its_colour_wherever_it_stands():
    benign, malignant = plots.colours(CLASSES)
    assert plots.colours(("malignant", "benign")) == [malignant, benign]
    normal, *others = plots.colours(("normal", "benign", "malignant"))
    assert others == [benign, malignant] and normal not in others
    assert len(set(plots.colours("abcdef"))) == 6
    assert len(plots.colours("abcdefghij")) == 10


def test_the_histograms_of_a_class_have_an_area_of_one(rng):
    y = np.repeat([0, 1], [10, 30])
    figure = plots.distributions(rng.normal(size=(40, 1)), y, ["f"], CLASSES)
    outlines = [patch.get_data() for patch in figure.axes[0].patches]
    assert len(outlines) == 4  # a fill and a line a class
    for data in outlines:
        assert np.sum(data.values * np.diff(data.edges)) == pytest.approx(1)
        np.testing.assert_array_equal(data.edges, outlines[0].edges)


def test_figures_leave_pyplot_alone_and_can_be_drawn_from_threads(monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it would fail
    failed = []

    def work(index):
        try:
            plots.save_figure(plots.class_share({"benign": 1, "malignant": 1}), tmp_path / f"{index}.png")
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_without_matplotlib_the_user_is_told_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(errors.UsageError, match="pip install matplotlib"):
        plots.class_share({"benign": 1})


def test_long_names_are_shortened():
    assert plots.shorten("short", 5) == "short"
    assert plots.shorten("longer", 5) == "long…"


def test_curves_of_a_run_show_what_they_are_given():
    bins = [{"predicted": 0.1, "observed": 0.0, "low": 0.0, "high": 0.3, "rows": 9}, {"predicted": 0.9, "observed": 1.0,
             "low": 0.6, "high": 1.0, "rows": 7}]  # fmt: skip
    figure = plots.reliability_diagram(bins, "$malignant$")
    (axes,) = figure.axes
    assert axes.get_xlabel() == "mean probability of $malignant$" and [t.get_text() for t in axes.texts] == ["9", "7"]
    curve = {"thresholds": [0.1, 0.5], "model": [0.3, 0.2], "treat_all": [0.2, -0.4], "treat_none": [0.0, 0.0]}
    (axes,) = plots.decision_curves(curve).axes
    assert [line.get_ydata().tolist() for line in axes.lines] == [[0.3, 0.2], [0.2, -0.4], [0.0, 0.0]]
    recall = {"CNN": (np.array([0.5, 1.0, 1.0]), np.array([1.0, 0.5, 0.0]), "AP .9")}
    (axes,) = plots.precision_recall_curves(recall, 0.25).axes
    assert axes.lines[0].get_xdata().tolist() == [1.0, 0.5, 0.0] and axes.lines[1].get_ydata()[0] == 0.25
