"""Grad-CAM (Selvaraju et al., arXiv 1610.02391): which places of an image speak for a class."""

import numpy as np
import paddle
from paddle import nn

from data_tools.errors import KitError
from paddle_models.tasks.modes import evaluating

LEAST_SIDE = 4  # places of a map: of fewer, enlarged for display, each is a quarter of the picture or more


def grad_cam(model: nn.Layer, images: paddle.Tensor, class_index, layer: nn.Layer | None = None) -> np.ndarray:
    """Heat maps, float32 (N, h, w) in 0..1, h and w those of the feature map; enlarge them for display.

    images: float (N, 3, H, W) as the model takes them. class_index: int (N,), the class asked about in each.
    layer: the one whose output (N, C, h, w) is weighed; None takes last_feature_map's.
    Each map is divided by its own maximum; it is all 0 where nothing speaks for the class. Evaluation mode is
    used and the former modes come back; parameters, frozen or not, keep their gradients as they were.
    """
    target = paddle.to_tensor(np.asarray(class_index), dtype="int64")
    with evaluating(model):
        layer = layer or last_feature_map(model, images[:1])
        features: list[paddle.Tensor] = []
        # Cut off what lies below: the gradient starts at the feature map, so frozen layers do no harm.
        handle = layer.register_forward_post_hook(lambda _layer, _input, output: _leaf(output, features))
        try:
            logits = model(images)  # (N, classes)
        finally:
            handle.remove()
        chosen = paddle.take_along_axis(logits, target.unsqueeze(1), axis=1).sum()
        gradient = paddle.grad(chosen, features[-1])[0]  # (N, C, h, w)
    weight = gradient.mean(axis=[2, 3], keepdim=True)  # (N, C, 1, 1)
    weighed = nn.functional.relu((weight * features[-1].detach()).sum(axis=1))
    maps = weighed.astype("float32").numpy()  # (N, h, w)
    largest = maps.max(axis=(1, 2), keepdims=True)
    return np.divide(maps, largest, out=np.zeros_like(maps), where=largest > 0)


def last_feature_map(model: nn.Layer, image: paddle.Tensor) -> nn.Layer:
    """The layer that gives the last output (N, C, h, w) with LEAST_SIDE places to each side when the model sees
    `image`; where no output has so many, the last one larger than 1x1. Raises KitError where there is none."""
    seen: list[tuple[nn.Layer, list[int]]] = []

    def note(layer, _input, output):
        if isinstance(output, paddle.Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
            seen.append((layer, list(output.shape[2:])))

    handles = [layer.register_forward_post_hook(note) for layer in model.sublayers()]
    try:
        with paddle.no_grad():
            model(image)
    finally:
        for handle in handles:
            handle.remove()
    if not seen:
        raise KitError(f"{type(model).__name__} gives no feature map larger than 1x1 for an input of shape "
                       f"{tuple(image.shape)}; use larger images or name a layer")
    fine = [entry for entry in seen if min(entry[1]) >= LEAST_SIDE]
    if not fine or fine[-1] is seen[-1]:
        return seen[-1][0]
    # The block that makes maps smaller begins with layers of the old size; what stands before it says more.
    parts = [(len(layer.sublayers()), layer) for layer, size in fine if size == fine[-1][1]]
    most = max(count for count, _ in parts)
    return [layer for count, layer in parts if count == most][-1]


def _leaf(output: paddle.Tensor, kept: list) -> paddle.Tensor:
    leaf = output.detach()
    leaf.stop_gradient = False
    kept.append(leaf)
    return leaf
