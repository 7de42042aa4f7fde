"""Confident learning: the rule, for two classes, for many, for attributes; folds that keep copies together."""

import numpy as np
import pytest

from assignments.common.confident import confident_errors, find_suspects, folds_of, precision_and_recall
from data_tools.errors import KitError


def rows(labels, of_the_second):
    return [suspect.row for suspect in find_suspects(labels, of_the_second)]


def test_the_rule_of_confident_learning():
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 0])
    p = np.array([0.1, 0.2, 0.95, 0.9, 0.8, 0.1, 0.55, 0.45], np.float32)
    # thresholds: of 0 the mean of .9, .8, .05, .55 = .575; of 1 the mean of .9, .8, .1, .55 = .5875
    assert rows(labels, p) == [2, 5]
    p[6] = 0.41  # now 0 has .59, beyond its threshold, and the label is 1
    assert rows(labels, p) == [2, 5, 6]
    assert rows(np.array([0, 1]), np.array([0.2, 0.7])) == []


def test_of_many_classes_the_likeliest_beyond_its_threshold_is_suggested():
    labels = np.array([0, 0, 1, 1, 2, 2])
    p = np.array([[.8, .1, .1], [.1, .2, .7], [.1, .8, .1], [.2, .6, .2], [.1, .1, .8], [.5, .3, .2]])
    # thresholds .45, .7, .5: the second image counts for 2, the last one for 0
    found, suggested = confident_errors(labels, p)
    assert found.tolist() == [1, 5] and suggested.tolist() == [2, 0]
    first, second = find_suspects(labels, p)
    assert (first.row, first.given, first.suggested) == (1, 0, 2) and first.margin == pytest.approx(0.6)
    assert (second.row, second.given, second.suggested) == (5, 2, 0) and second.margin == pytest.approx(0.3)


def test_a_class_that_no_label_names_is_never_suggested():
    p = np.array([[.1, .0, .9], [.2, .0, .8], [.0, .9, .1]])
    found, suggested = confident_errors(np.array([0, 0, 1]), p)
    assert 2 not in suggested.tolist() and found.size == 0


def test_each_attribute_is_a_question_of_its_own():
    labels = np.array([[0, 1], [0, 0], [1, 1], [1, 0], [1, 1], [0, 0]], np.uint8)
    p = np.abs(labels - 0.1)
    p[3, 0], p[0, 1] = 0.02, 0.05
    found = find_suspects(labels, p)
    assert [(s.row, s.output, s.given, s.suggested) for s in found] == [(3, 0, 1, 0), (0, 1, 1, 0)]
    assert found[0].margin == pytest.approx(0.96) and found[1].margin == pytest.approx(0.9)


def test_precision_and_recall():
    assert precision_and_recall(["a", "b"], ["b", "c", "d"]) == (1 / 2, 1 / 3)
    assert precision_and_recall([], ["a"]) == (None, 0.0) and precision_and_recall(["a"], []) == (0.0, None)


def test_every_fold_has_its_share_of_both_classes():
    labels = np.repeat([0, 1], [11, 22])
    fold = folds_of(labels, 3, seed=1)
    for number in range(3):
        assert set(np.bincount(labels[fold == number], minlength=2)) <= {3, 4, 7, 8}
    assert np.array_equal(fold, folds_of(labels, 3, 1)) and not np.array_equal(fold, folds_of(labels, 3, 2))
    assert np.array_equal(fold, folds_of(labels, 3, 1, np.arange(33)))
    with pytest.raises(KitError, match="--folds 12: only 11 images carry the label 0"):
        folds_of(labels, 12, 0)


def test_copies_stand_in_one_fold_but_a_long_chain_is_none():
    labels, groups = np.arange(200) % 2, np.arange(200)
    groups[[3, 90]], groups[100:160] = 3, 100
    fold = folds_of(labels, 4, 0, groups)
    assert fold[3] == fold[90] and set(fold[100:160]) == {0, 1, 2, 3}
    assert set(np.bincount(folds_of(np.zeros((40, 5)), 4, 0))) == {10}
