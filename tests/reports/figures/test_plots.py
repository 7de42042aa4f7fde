"""Shared plots and diagrams: meaning without colour, boxes that fit."""

import numpy as np
import pytest
from scipy.ndimage import zoom

from reports.figures import diagrams, plots, style
from reports.figures.diagrams import Arrow, Box


@pytest.fixture
def figure(monkeypatch):
    monkeypatch.setenv("KIT_CJK_FONT", "none")
    return style.page(style.start(), "Title", 3)


def test_heat_is_enlarged_bilinearly():
    heat = np.random.default_rng(0).random((5, 7))
    expected = zoom(heat, (8, 4), order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(plots._enlarge(heat, 40, 28), expected, atol=1e-12)


def test_right_and_wrong_differ_without_colour(figure):
    image = np.zeros((4, 4, 3), dtype=np.uint8)
    right, wrong = plots.image_grid(figure, [image, image], ["a", "b"], 2, frames=[True, False])
    assert right.patches[0].get_linestyle() != wrong.patches[0].get_linestyle()
    assert right.patches[0].get_linewidth() < wrong.patches[0].get_linewidth()


def test_lines_differ_without_colour(figure):
    axes = figure.subplots()
    x = np.arange(50)
    plots.bands(axes, x, np.outer(np.arange(5), x), np.ones((5, 50)), list("abcde"))
    assert len({str(line._dash_pattern) for line in axes.get_lines()}) == 5


def test_confusion_matrix_writes_its_counts(figure):
    axes = figure.subplots()
    plots.confusion_matrix(axes, np.array([[5, 1], [0, 7]]), ["a", "b"], "x", "y")
    assert {(t.get_position(), t.get_text()) for t in axes.texts} == {((0, 0), "5"), ((1, 0), "1"), ((1, 1), "7")}


def test_diagram_boxes_hold_their_text_and_keep_apart(figure):
    axes = figure.subplots()
    boxes = {"a": Box("short", 0, 0, "data"), "b": Box("a much longer\ntext", 0, 1), "c": Box("+", 1, 1, "sum"),
             "d": Box("below", 1, 0)}
    diagrams.diagram(axes, boxes, [Arrow("a", "b"), Arrow("b", "c", "label"), Arrow("a", "d", route="z")])
    figure.canvas.draw()
    shapes = [patch.get_window_extent() for patch in axes.patches]
    texts = [text.get_window_extent() for text in axes.texts[:4]]
    for shape, text in zip(shapes, texts):
        assert shape.x0 <= text.x0 and text.x1 <= shape.x1 and shape.y0 <= text.y0 and text.y1 <= shape.y1
    assert not any(a.overlaps(b) for i, a in enumerate(shapes) for b in shapes[:i])


def test_tick_labels_of_logarithmic_axes_are_plain():
    shown = [plots.plain_number(value) for value in (1e-6, 0.01, 1, 1000, 10_000, 1e5, 1e6, 3e-5)]
    assert shown == ["1e-6", "0.01", "1", "1,000", "10,000", "100,000", "1e6", "3e-5"]
