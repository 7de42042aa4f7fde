"""What is nearly the same goes together, in every hold-out of our own making."""

import numpy as np
import pytest

from data_tools.batches.loader import hold_out
from data_tools.packed.arrays import ArrayStore
from data_tools.sets.audit import NEAR, hamming
from data_tools.sets.near_duplicates import groups_in, near_groups


def test_groups_are_chains_of_near_hashes():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 400, dtype=np.uint64)
    for copy in range(100):  # of an image before it, up to 7 bits away
        bits = rng.permutation(64)[:copy % 8]
        hashes[300 + copy] = hashes[rng.integers(300 + copy)] ^ np.uint64(sum(1 << int(bit) for bit in bits))
    near = hamming(hashes, hashes) <= NEAR
    reached = near
    for _ in range(10):
        reached = (reached.astype(int) @ near) > 0
    groups = near_groups(hashes)
    np.testing.assert_array_equal(groups[:, None] == groups[None, :], reached)
    assert 310 < len(np.unique(groups)) < 340


def test_near_duplicates_are_held_out_together():
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8).repeat(4, axis=1).repeat(4, axis=2)
    images = np.concatenate([pictures, pictures[:20] ^ 1])  # twenty of them twice, a little changed
    labels = np.arange(60) % 2
    store = ArrayStore(images, labels)
    groups = groups_in(store)
    assert len(np.unique(groups)) == 40
    for seed in range(5):
        kept, held = hold_out(labels, 0.2, seed, groups)
        assert not set(groups[kept]) & set(groups[held]) and len(kept) + len(held) == 60
        assert np.bincount(labels[held]).tolist() == [6, 6]
        plain = hold_out(labels, 0.2, seed)[1]
        assert set(groups[plain]) & set(np.delete(groups, plain))  # which they are not without groups


@pytest.mark.parametrize("labels", [np.arange(60) % 3, np.arange(120).reshape(60, 2) % 2])
def test_without_near_duplicates_groups_change_nothing(labels):
    plain, grouped = hold_out(labels, 0.1, 3), hold_out(labels, 0.1, 3, np.arange(60))
    assert all(np.array_equal(a, b) for a, b in zip(plain, grouped)) and len(plain[1]) == 6


def test_a_class_of_one_group_and_a_double_with_two_labels():
    kept, held = hold_out(np.array([0] * 10 + [1] * 10), 0.2, 0, np.array([5] * 10 + list(range(10, 20))))
    assert len(held) == 4 and len(kept) == 16  # all ten alike: two of them all the same
    groups = np.array([*range(10), *range(10)])  # each image once in either class
    kept, held = hold_out(np.arange(20) // 10, 0.2, 0, groups)
    assert len(held) == 4 and not set(groups[kept]) & set(groups[held])
