"""Narrow pages: letters keep their size, panels and pictures come below each other, nothing touches."""

from dataclasses import replace

import numpy as np
import pytest

from reports.figures import diagrams, layout, plots, style
from reports.figures.diagrams import Arrow, Box


@pytest.fixture
def page(monkeypatch):
    """Makes a page of a width, with what `draw` puts on it."""
    monkeypatch.setenv("KIT_CJK_FONT", "none")
    t = style.start()

    def make(draw, width=style.WIDTH, stretch=1.0, notes=()):
        t_here = replace(t, width=width, stretch=stretch)
        figure = style.page(t_here, "Some title that is long for a column", 2, notes=notes)
        draw(figure)
        return figure

    return make


def two_panels(figure):
    left, right = figure.subplots(1, 2, sharey=True)
    left.plot([1, 2], [3, 4], label="a line")
    right.plot([1, 2], [4, 3], label="another line")
    left.set(xlabel="step", ylabel="loss")
    right.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))


def test_panels_come_below_each_other_with_the_same_letters(page):
    usual, narrow = page(two_panels), layout.fitted(lambda *size: page(two_panels, *size), 3.3)
    narrow.canvas.draw()
    upper, lower = narrow.axes
    assert narrow.width == 3.3 and upper.bbox.y0 > lower.bbox.y1 and lower.get_ylabel() == "loss"
    assert len({axes.xaxis.label.get_fontsize() for axes in (upper, lower, usual.axes[0])}) == 1
    assert lower.bbox.width > 0.6 * narrow.bbox.width  # the legend stands below
    assert lower.get_legend().get_window_extent().y1 < lower.bbox.y0
    assert layout.faults(narrow) == 0


def test_a_wide_page_is_higher_in_proportion(page):
    wide = layout.fitted(lambda *size: page(two_panels, *size), 12.6)
    assert wide.plot == 4 and len({axes.get_position().y0 for axes in wide.axes}) == 1


def test_pictures_find_new_rows(page):
    def draw(figure):
        plots.image_grid(figure, [np.zeros((4, 4, 3), np.uint8)] * 10, ["picture"] * 10, 5)

    narrow = layout.fitted(lambda *size: page(draw, *size), 3.3)
    assert len(narrow.axes) == 10 and narrow.axes[0].get_subplotspec().get_gridspec().ncols == 2
    assert narrow.plot == pytest.approx(2 * 3.3 / style.WIDTH * 5 / 2 * 5 / 2)


def test_a_diagram_is_as_narrow_as_its_boxes_let_it_be(page):
    def draw(figure):
        boxes = {name: Box(f"a box of text {name}", 0, column) for column, name in enumerate("abcd")}
        diagrams.diagram(figure.subplots(), boxes, [Arrow("a", "b")])

    narrow = layout.fitted(lambda *size: page(draw, *size), 2.5)
    assert 2.5 < narrow.width <= style.WIDTH and not narrow.narrow


def test_notes_and_headings_break_into_lines(page):
    narrow = page(lambda figure: figure.subplots(), 2.5, notes=("a note of many words " * 4,))
    assert narrow.texts[0].get_text().count("\n") >= 1 and narrow.texts[1].get_text().count("\n") >= 1
    narrow.canvas.draw()
    assert all(narrow.bbox.x0 <= box.x0 and box.x1 <= narrow.bbox.x1 for box in
               (text.get_window_extent() for text in narrow.texts))


def test_slanting_names_count_as_touching_where_they_are_tight(page):
    def draw(figure):
        axes = figure.subplots()
        axes.set_xticks(range(9), ["a long name"] * 9, rotation=40, ha="right", rotation_mode="anchor")

    assert layout.faults(page(draw, 2.5)) > layout.faults(page(draw)) == 0
