"""Threads that work ahead of and behind the main one: order, bounds, errors in their place, an early end."""

import threading
from contextlib import closing

import pytest

from assignments.common.pipeline import Behind, ahead


def counted(made, broken_at=None):
    for number in range(10):
        if number == broken_at:
            raise ValueError("broken")
        made.append(number)
        yield number


@pytest.mark.parametrize("most", [0, 1, 3])
def test_items_come_in_order_and_never_too_many_ahead(most):
    made, taken = [], []
    for number in ahead(counted(made), most):
        taken.append(number)
        assert len(made) <= len(taken) + most
    assert taken == list(range(10))


def test_what_making_raises_comes_in_its_place_and_the_end_may_be_early():
    made, taken = [], []
    with pytest.raises(ValueError, match="broken"):
        for number in ahead(counted(made, broken_at=4)):
            taken.append(number)
    assert taken == [0, 1, 2, 3]
    before = threading.active_count()
    with closing(ahead(counted(made := []), 2)) as numbers:
        assert next(numbers) == 0 and threading.active_count() == before + 1
    assert len(made) <= 3 and threading.active_count() == before


def test_work_behind_is_done_in_order_by_another_thread_and_never_too_much_waits():
    done, go = [], threading.Semaphore(0)

    def work(number):
        go.acquire()
        done.append((number, threading.current_thread() is threading.main_thread()))

    with Behind(2) as behind:
        behind(work, 0)
        behind(work, 1)
        assert not done
        go.release()
        behind(work, 2)  # comes back when the first is done
        assert done == [(0, False)]
        go.release(2)
    assert [number for number, _ in done] == [0, 1, 2]


def test_after_a_failure_nothing_more_is_done_and_it_is_raised():
    done = []

    def work(number):
        if number == 1:
            raise ValueError("full disk")
        done.append(number)

    with pytest.raises(ValueError, match="full disk"), Behind(1) as behind:
        for number in range(5):
            behind(work, number)
    assert done == [0]
    with pytest.raises(ValueError, match="full disk"), Behind(8) as behind:  # told at the end
        behind(work, 1)
        behind(work, 2)
    assert done == [0]
    with pytest.raises(KeyboardInterrupt), Behind(8):
        raise KeyboardInterrupt
