"""Calls of students' functions, in the jail and in their own check: NumPy alone, nothing that gives an answer away.

Each gets {name: module} of the student's files, the file and name of the function, then its arguments.
"""

import numpy as np


def call(modules, file, name, *arguments):
    """A function as it is."""
    return getattr(modules[file], name)(*arguments)


def counted(modules, file, name, *arguments):
    """A function whose answer counts, or says yes and no: whole numbers and truths become floats."""
    return _floats(call(modules, file, name, *arguments))


def _floats(value):
    if isinstance(value, (list, tuple)):
        return type(value)(map(_floats, value))
    whole = isinstance(value, (bool, int)) or getattr(getattr(value, "dtype", None), "kind", "") in "iub"
    return np.asarray(value, np.float64) if whole and value is not None else value


def in_bytes(modules, file, name, data, *arguments):
    """A function of bytes, given as an array of 0..255; its bytes or number come back as floats."""
    answer = call(modules, file, name, np.asarray(data, np.uint8).tobytes(), *arguments)
    if isinstance(answer, (bytes, bytearray)):
        return np.frombuffer(answer, np.uint8).astype(np.float64)
    return _floats(answer)
