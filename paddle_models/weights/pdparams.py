"""Arrays out of Paddle's .pdparams files without unpickling.

Such a file is a pickle; `pickle_reader` interprets it. The handful of callables that NumPy writes into a pickle are
stood for by functions below; any other name is refused.
"""

from pathlib import Path

import numpy as np

from data_tools.errors import KitError
from paddle_models.weights.files import check_finite
from paddle_models.weights.pickle_reader import MALFORMED, interpret
from paddle_models.weights.plain_names import STATE_KEYS, weights_in

NAME_TABLE = "StructuredToParameterName@@"  # of paddle.save, beside the arrays: other names of theirs


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
    if not isinstance(code, str):  # writing out anything else may never end
        raise ValueError("an array of a kind that is no text")
    return np.dtype(code)


class _Encoder:
    """Texts to bytes, each once: a small file can name a large text as often as it likes."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def __call__(self, text: str, _encoding: str) -> bytes:
        if text not in self._known:
            self._known[text] = text.encode("latin1")
        return self._known[text]


ALLOWED = {
    "numpy.core.multiarray _reconstruct": lambda *_: _Array(),
    "numpy._core.multiarray _reconstruct": lambda *_: _Array(),
    "numpy ndarray": "the class, an argument of _reconstruct",
    "numpy dtype": _dtype,
    "collections OrderedDict": lambda: {},
}


def read_pdparams(path: str | Path) -> dict[str, np.ndarray]:
    """{name: array} of a state dictionary saved by `paddle.save`.

    It may lie in a larger dictionary, see weights_in(). Raises KitError, naming the file, when it cannot be read, holds
    anything but a flat dictionary of arrays (Paddle's name table is left out), NaN or infinity, or would call something
    that is not on the list above.
    """
    path = Path(path)
    try:
        state = interpret(path.read_bytes(), {**ALLOWED, "_codecs encode": _Encoder()}, _build)
        if not isinstance(state, dict):
            raise ValueError("not a dictionary")
        if any(isinstance(state.get(key), dict) for key in STATE_KEYS):  # in a larger one, as training codes write it
            state = weights_in(state, lambda value: isinstance(value, (tuple, _Array)), str(path))
        arrays = {name: _array(name, value) for name, value in state.items() if name != NAME_TABLE}
    except OSError as error:
        raise KitError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except MALFORMED as error:
        raise KitError(f"{path}: not a plain dictionary of arrays ({error}); if you trust it, save its "
                       "arrays with safetensors.numpy.save_file and give that file") from error
    check_finite(path, arrays)
    return arrays


def _array(name, value) -> np.ndarray:
    if isinstance(value, tuple) and len(value) == 2:  # Paddle also writes a tensor as (name, array)
        value = value[1]
    if not isinstance(value, _Array) or value.array is None:
        raise ValueError(f"{str(name)[:80]} is no array")
    return value.array


def _build(target, state) -> None:
    if isinstance(target, np.dtype):
        if state[1] == ">":
            raise ValueError("big-endian arrays")
    elif isinstance(target, _Array):
        target.set_state(state)
    else:
        raise ValueError("state for something that is not an array")
