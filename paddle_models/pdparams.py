"""Arrays out of Paddle's .pdparams files without unpickling.

Such a file is a pickle, and unpickling runs whatever the file says. This interprets by hand the few opcodes
that a dictionary of NumPy arrays needs; `pickletools` only splits the bytes into opcodes. The handful of
callables that NumPy writes into a pickle are stood for by functions below; any other name, and any opcode not
listed, is refused.
"""

import pickletools
from pathlib import Path

import numpy as np

from data_tools.errors import KitError

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
VALUES = {"BININT", "BININT1", "BININT2", "INT", "LONG1", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
          "UNICODE", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
IGNORED = {"PROTO", "FRAME"}
MARK = object()


class _Array:
    """An ndarray in the making: NumPy pickles an empty one and then its state."""

    def __init__(self):
        self.array = None

    def set_state(self, state: tuple) -> None:
        _version, shape, kind, fortran, data = state
        raw = data.encode("latin1") if isinstance(data, str) else data
        if not isinstance(kind, np.dtype) or kind.hasobject or not isinstance(raw, bytes):
            raise ValueError("an array of Python objects")
        self.array = np.frombuffer(raw, kind).reshape(shape, order="F" if fortran else "C")


def _dtype(code: str, *_flags) -> np.dtype:
    return np.dtype(str(code))


ALLOWED = {
    "numpy.core.multiarray _reconstruct": lambda *_: _Array(),
    "numpy._core.multiarray _reconstruct": lambda *_: _Array(),
    "numpy ndarray": "the class, an argument of _reconstruct",
    "numpy dtype": _dtype,
    "_codecs encode": lambda text, _encoding: text.encode("latin1"),
    "collections OrderedDict": lambda *pairs: dict(*pairs),
}


def read_pdparams(path: str | Path) -> dict[str, np.ndarray]:
    """{name: array} of a state dictionary saved by `paddle.save`.

    Raises KitError, naming the file, when it cannot be read, holds anything but a flat dictionary of arrays
    (text such as Paddle's name table is left out), or would call something that is not on the list above.
    """
    path = Path(path)
    try:
        state = _interpret(path.read_bytes())
        if not isinstance(state, dict):
            raise ValueError("not a dictionary")
        return {name: _array(value) for name, value in state.items() if _is_array(value)}
    except OSError as error:
        raise KitError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, UnicodeError) as error:
        raise KitError(f"{path}: not a plain dictionary of arrays ({error}); if you trust it, save its "
                       "arrays with safetensors.numpy.save_file and give that file") from error


def _is_array(value) -> bool:
    return isinstance(_unnamed(value), _Array)


def _array(value) -> np.ndarray:
    array = _unnamed(value).array
    if array is None:
        raise ValueError("an array without its data")
    return array


def _unnamed(value):
    """Paddle also writes a tensor as (name, array)."""
    return value[1] if isinstance(value, tuple) and len(value) == 2 else value


def _interpret(data: bytes):
    """The one object of a pickle, by a stack machine that knows data and nothing else."""
    stack, memo = [], {}
    for opcode, argument, _position in pickletools.genops(data):
        name = opcode.name
        if name == "STOP":
            return stack.pop()
        if name in VALUES:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name in EMPTY:
            stack.append(EMPTY[name]())
        elif name in TUPLES:
            stack[-TUPLES[name]:] = [tuple(stack[-TUPLES[name]:])]
        elif name == "MARK":
            stack.append(MARK)
        elif name in ("TUPLE", "SETITEMS", "APPENDS"):
            items = _pop_to_mark(stack)
            if name == "TUPLE":
                stack.append(tuple(items))
            elif name == "SETITEMS":
                stack[-1].update(zip(items[::2], items[1::2]))
            else:
                stack[-1].extend(items)
        elif name == "SETITEM":
            key, value = stack[-2:]
            del stack[-2:]
            stack[-1][key] = value
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            full = argument if name == "GLOBAL" else f"{stack.pop(-2)} {stack.pop()}"
            if full not in ALLOWED:
                raise ValueError(f"it would call {full.replace(' ', '.')}")
            stack.append(ALLOWED[full])
        elif name == "REDUCE":
            arguments = stack.pop()
            stack.append(stack.pop()(*arguments))
        elif name == "BUILD":
            _build(stack)
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[argument])
        elif name not in IGNORED:
            raise ValueError(f"opcode {name} is not among those of arrays")
    raise ValueError("it ends before its end")


def _pop_to_mark(stack: list) -> list:
    start = max(position for position, item in enumerate(stack) if item is MARK)
    items = stack[start + 1:]
    del stack[start:]
    return items


def _build(stack: list) -> None:
    state = stack.pop()
    if isinstance(stack[-1], np.dtype):
        if state[1] == ">":
            raise ValueError("big-endian arrays")
    elif isinstance(stack[-1], _Array):
        stack[-1].set_state(state)
    else:
        raise ValueError("state for something that is not an array")
