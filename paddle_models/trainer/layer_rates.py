"""Layer-wise learning-rate decay: early blocks, which know edges and colours already, learn more slowly than late ones.

As in ULMFiT (Howard and Ruder, arXiv 1801.06146, "discriminative fine-tuning") and BEiT: the head learns at the full
rate, the block before it at `decay` times that, the one before that at `decay` squared, down to the stem.
"""

from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.parts import depths
from paddle_models.trainer.progress import say


def set_layer_rates(network: nn.Layer, decay: float) -> None:
    """Give each weight the factor by which an optimizer multiplies its rate (and, where that is decoupled, its decay);
    1 leaves the weights as they are. KitError for a network without a head to count from."""
    if decay == 1.0:
        return
    try:
        depth = depths(network)
    except KitError as error:
        raise KitError(f"setting optimizer.layer_decay: {error}; rates by layer are for classifiers, leave it at 1"
                       ) from None
    last = max(depth.values())
    for name, parameter in network.named_parameters():
        parameter.optimize_attr = {**parameter.optimize_attr, "learning_rate": decay ** (last - depth[name])}
    say(f"learning rates by layer: the head's times {decay:g} for each block before it, times {decay ** last:.2g} in "
        f"the first of {last} blocks")
