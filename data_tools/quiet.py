"""Silence for C++ libraries that print on their own where the kit says in its own words what is wrong."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2


@contextmanager
def quiet(*descriptors: int) -> Iterator[None]:
    """What goes to these file descriptors within is dropped, whoever writes it; default: standard error."""
    descriptors = descriptors or (STANDARD_ERROR,)
    sys.stdout.flush()
    sys.stderr.flush()
    kept, nowhere = [os.dup(number) for number in descriptors], os.open(os.devnull, os.O_WRONLY)
    try:
        for number in descriptors:
            os.dup2(nowhere, number)
        yield
    finally:
        for number, copy in zip(descriptors, kept):
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)
