"""Names of weights as training codes write them, brought back to those of the network alone."""

from typing import TypeVar

Value = TypeVar("Value")
# Before every name: DataParallel (PyTorch, Paddle), torch.compile, Lightning and people's own classes around a network.
PREFIXES = ("module.", "_orig_mod.", "model.", "_layers.", "network.", "net.", "backbone.", "generator.", "net_g.")
AVERAGES = ("model_ema.", "ema_model.", "averaged_model.", "ema.")  # moving averages of the same weights
COUNTERS = ("n_averaged", "initted", "step")  # beside the weights in torch.optim.swa_utils and ema_pytorch


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
