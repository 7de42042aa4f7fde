"""What the check of legible figures finds: each fault that a figure once had, in a small figure of its own."""

import numpy as np
import pytest

from reports.figures import plots, style
from tests.figure_texts import faults, overlap


def titled(*titles, height=1.4):
    """A page of pictures side by side, under these titles."""
    figure = style.page(style.start(), "Page", height)
    plots.image_grid(figure, [np.zeros((9, 9, 3), np.uint8)] * len(titles), titles, len(titles))
    return figure


def with_axes(change):
    """A page whose plot `change` draws into."""
    figure = style.page(style.start(), "Page", 2)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], label="line")
    change(axes)
    return figure


def ratio_label(axes):
    axes.text(0.97, 1.04, "2:1", ha="right", va="bottom")


def legend_on_the_line(axes):
    axes.legend(loc="center", frameon=True)


def legend_on_an_interval(axes):
    values = np.array([0.1, 0.5, 0.2])
    plots.intervals(axes, ["a", "b", "c"], {"share": (values, values - 0.1, values + 0.4)}, "x")
    axes.lines[0].remove()
    axes.legend(loc="center")


def short_scale(axes):
    from matplotlib.ticker import NullFormatter

    axes.set_ylim(0.05, 0.5)
    plots.logarithmic(axes, "y")
    axes.yaxis.set_minor_formatter(NullFormatter())


@pytest.mark.parametrize("make, said", [
    (lambda: titled("a fine title", "another"), ""),
    (lambda: titled("Black headed night monkey " * 3, "Common squirrel monkey " * 3), "touches"),
    (lambda: titled(*["a title, a little too wide"] * 5), "touches"),
    (lambda: titled("cut " * 60), "leaves the figure"),
    (lambda: titled("a", "b", height=6), "of the height"),
    (lambda: with_axes(lambda axes: axes.text(0.5, 0.2, "fine")), ""),
    (lambda: with_axes(lambda axes: axes.text(0.5, 0.2, "small", fontsize=4)), "4.0 points"),
    (lambda: with_axes(ratio_label), "across the edge"), (lambda: with_axes(legend_on_the_line), "the legend hides"),
    (lambda: with_axes(legend_on_an_interval), "the legend hides"), (lambda: with_axes(short_scale), "one number")])
def test_each_kind_of_fault_is_found(make, said):
    found = list(faults(make()))
    assert any(said in fault for fault in found) if said else not found, found


def test_turned_texts_overlap_only_where_they_do():
    square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 1.0], [0.0, 1.0]])
    turned = (square - [2, 0.5]) @ np.array([[1, 1], [-1, 1]]) / np.sqrt(2)  # by 45 degrees about its middle
    assert overlap(turned, turned + [0.5, 0.5]) and not overlap(turned, turned + [1.2, -1.2])
    assert overlap(square, square + [3.9, 0]) and not overlap(square, square + [4.1, 0])


def test_a_logarithmic_scale_of_less_than_two_powers_of_ten_has_numbers_between_them():
    for low, high, numbers in ((0.034, 0.75, {"0.05", "0.1", "0.2", "0.5"}), (0.62, 0.68, {"0.64", "0.66"})):
        figure = style.page(style.start(), "Page", 2)
        axes = figure.subplots()
        axes.plot([0, 1], [low, high])
        plots.logarithmic(axes, "y")
        figure.canvas.draw()
        ticks = [*axes.get_yticklabels(), *axes.get_yticklabels(minor=True)]
        assert numbers <= {tick.get_text() for tick in ticks} and not list(faults(figure))


def test_rows_of_a_table_are_as_high_as_their_cells():
    figure = style.page(style.start(), "Table", 1.0)
    axes = figure.subplots()
    plots.table(axes, ["a", "b"], [["one", "two\nlines"], ["three", "four"]])
    assert plots.table_lines([["one", "two\nlines"], ["three", "four"]]) == [2, 1] and axes.get_ylim() == (4, 0)
    assert [line.get_ydata()[0] for line in axes.lines] == [0, 1, 4] and not list(faults(figure))
