"""PaddleClas backbones by name. Only this module imports PaddleClas, and only when it is asked for one."""

import difflib
import importlib
import inspect
import logging
import sys
import warnings
from types import ModuleType

from paddle import nn

from data_tools.errors import KitError
from paddle_models.networks.description import HALF, IMAGENET_DEVIATION, IMAGENET_MEAN, SIGNED, Description
from paddle_models.networks.parts import last_linear

TRAINED_ON_SIGNED = ("ViT_", "TNT_")  # by their configurations; nearly all others on images normalised as ImageNet's


def paddleclas_names() -> list[str]:
    """Names of all PaddleClas backbones, sorted; KitError where PaddleClas is not installed."""
    return sorted(name for name in dir(_backbones()) if not name.startswith("_") and _is_builder(name))


def paddleclas_backbone(name: str, classes: int) -> nn.Layer:
    """The PaddleClas backbone `name` with fresh weights and `classes` outputs.

    Raises KitError: with the nearest name where there is none, with the command where PaddleClas is absent.
    """
    model = _builder(name)(pretrained=False, class_num=classes)
    signed = name.startswith(TRAINED_ON_SIGNED)
    model.description = Description((3, 224, 224), 32, SIGNED, HALF if signed else IMAGENET_MEAN,
                                    HALF if signed else IMAGENET_DEVIATION, head=last_linear(model))
    return model


def paddleclas_url(name: str) -> str:
    """Public address of the backbone's ImageNet weights (.pdparams); KitError where PaddleClas gives none."""
    builder = _builder(name)
    url = getattr(sys.modules[builder.__module__], "MODEL_URLS", {}).get(name, "")
    if not url:
        raise KitError(f"PaddleClas gives no ImageNet weights for {name}; leave weights empty or name a file")
    return url


def _builder(name: str):
    if name.startswith("_") or not _is_builder(name):
        near = difflib.get_close_matches(name, paddleclas_names(), 1, 0.4)
        guess = f"; did you mean {near[0]}?" if near else ""
        raise KitError(f"PaddleClas has no backbone {name!r}{guess}")
    return getattr(_backbones(), name)


def _is_builder(name: str) -> bool:
    """Backbones are functions with `pretrained` among their parameters."""
    candidate = getattr(_backbones(), name, None)
    return inspect.isfunction(candidate) and "pretrained" in inspect.signature(candidate).parameters


def _backbones() -> ModuleType:
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)  # it reports success on standard error
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            return importlib.import_module("paddleclas.ppcls.arch.backbone")
    except ModuleNotFoundError as error:
        raise KitError(f"PaddleClas backbones need PaddleClas ({error.name} is not installed): "
                       "pip install paddleclas==2.6.0 (Python 3.10 or 3.11)") from error
