"""Names of weights as training codes write them, brought back to those of the network alone."""

from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")
# Before every name: DataParallel (PyTorch, Paddle), torch.compile, Lightning and people's own classes around a network.
PREFIXES = ("module.", "_orig_mod.", "model.", "_layers.", "network.", "net.", "backbone.", "generator.", "net_g.",
            "online_model.", "student.")
AVERAGES = ("model_ema.", "ema_model.", "averaged_model.", "ema.", "teacher.")  # moving averages of the same weights
COUNTERS = ("n_averaged", "initted", "step")  # beside the weights in torch.optim.swa_utils and ema_pytorch

# Where training codes put weights in a larger dictionary: the first that is there is taken. Averages come last, but for
# those of BasicSR, which its own programs take.
STATE_KEYS = ("state_dict", "model", "model_state_dict", "params_ema", "params", "net", "network", "generator",
              "weights", "student", "state_dict_ema", "model_ema", "ema_state_dict", "ema", "g_ema", "teacher")
AVERAGED_KEYS = ("params_ema", "state_dict_ema", "model_ema", "ema_state_dict", "ema", "g_ema", "teacher")


def weights_in(content: Any, is_array: Callable[[Any], bool], source: str) -> dict[str, Any]:
    """The dictionary of arrays in what a file holds: under the first of STATE_KEYS that is there, or one below it (as
    "ema", "module"), else at the top, where a training code may leave a stray one. What stands beside it is said on
    stdout. ValueError where there is none."""
    if not isinstance(content, dict):
        raise ValueError("not a dictionary")
    found = {}
    for key, candidate in (*((key, content.get(key)) for key in STATE_KEYS), ("", content)):
        inner = [candidate.get(each) for each in (*STATE_KEYS, "module")] if isinstance(candidate, dict) and key else []
        arrays = next(filter(None, (_arrays(each, is_array) for each in (candidate, *inner))), {})
        if arrays:
            found[key] = arrays
    if not found:
        raise ValueError("no dictionary of tensors in it, nor under " + ", ".join(STATE_KEYS))
    taken, *others = found
    beside = [_said(key) for key in others if key]
    if taken and beside:
        print(f"{source}: {_said(taken)} are taken; {' and '.join(beside)}, beside them, are left out")
    return found[taken]


def _arrays(candidate: Any, is_array: Callable[[Any], bool]) -> dict[str, Any]:
    """Those of a dictionary, {} where it is none or has other keys than names."""
    items = candidate.items() if isinstance(candidate, dict) else ()
    arrays = {name: value for name, value in items if is_array(value)}
    return arrays if all(isinstance(name, str) for name in arrays) else {}


def _said(key: str) -> str:
    return f"{'moving averages' if key in AVERAGED_KEYS else 'weights'} under {key!r}"


def plain_names(arrays: dict[str, Value], source: str) -> dict[str, Value]:
    """{name: array} without what stands before every name; what is taken off, and what is left out, is said on stdout.

    Where moving averages stand beside the weights, the weights are taken; where there are averages alone, these.
    """
    taken, left = "", ""
    while True:
        averages = [name for name in arrays if name.startswith(AVERAGES)]
        others = [name for name in arrays if name not in COUNTERS and not name.startswith(AVERAGES)]
        prefix = next((each for each in PREFIXES if others and all(name.startswith(each) for name in others)), "")
        if not others:
            prefix = next((each for each in AVERAGES if averages and all(n.startswith(each) for n in averages)), "")
            others = averages
        elif averages and prefix:
            left = averages[0].partition(".")[0]
        if not prefix:
            break
        arrays = {name[len(prefix):]: arrays[name] for name in others}
        taken += prefix
    if taken:
        beside = f"; {left}, moving averages beside them, are left out" if left else ""
        print(f"{source}: {taken} before every name is taken off{beside}")
    return arrays
