"""Automatic mixed precision on GPUs; bfloat16 inside the chains of fast layers on CPUs that have it; else float32."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import paddle
from paddle import nn

from paddle_models.fast.bfloat16 import computing_in_bfloat16, obstacle


class Precision:
    """Casting context and one gradient scaler for each of `names`, the optimizers.

    `level` is that of Paddle's casting and "off" on a CPU; the scalers are then disabled and pass everything through.
    `in_chains`: the fast layers of a CPU compute in bfloat16; weights, statistics, losses and optimizer stay float32.
    `notice` is the line that the user is shown, or "".
    """

    def __init__(self, level: Literal["off", "O1", "O2"], dtype: Literal["float16", "bfloat16"], device: str,
                 names: Iterable[str]):
        self.level, self.dtype, self.notice, self.in_chains = level, dtype, "", False
        if self.level != "off" and not device.startswith("gpu"):
            self.level, self.in_chains = "off", dtype == "bfloat16"
            self.notice = f"mixed precision {level} is off: this device ({device}) gains nothing from {dtype}"
        elif self.level != "off" and self.dtype == "bfloat16" and not paddle.amp.is_bfloat16_supported():
            self.level = "off"
            self.notice = "mixed precision is off: this GPU does not compute in bfloat16; try --amp.dtype float16"
        scaled = self.level != "off" and self.dtype == "float16"
        self.scalers = {name: paddle.amp.GradScaler(enable=scaled) for name in names}

    def decorate(self, network: nn.Layer, optimizer: paddle.optimizer.Optimizer) -> None:
        """O2: the weights become short floats in place, the optimizer keeps float32 masters. On a CPU: find out whether
        this network, as the fast layers have left it, can compute in bfloat16.
        """
        if self.in_chains:
            reason = obstacle(network)
            self.in_chains = not reason
            self.notice = f"bfloat16 is off: {reason}" if reason else "the fast layers compute in bfloat16"
        if self.level == "O2":
            paddle.amp.decorate(models=network, optimizers=optimizer, level="O2", dtype=self.dtype, master_weight=True)

    def casting(self) -> AbstractContextManager:
        """The context in which a loss is computed."""
        if self.in_chains:
            return computing_in_bfloat16()
        return paddle.amp.auto_cast(enable=self.level != "off", level=self.level if self.level != "off" else "O1",
                                    dtype=self.dtype)

    def evaluating(self) -> AbstractContextManager:
        """The context in which networks are judged as they train: float32, but for the short weights of O2."""
        return self.casting() if self.level == "O2" else nullcontext()

    def end(self, networks: Iterable[nn.Layer]) -> None:
        """The counterpart of decorate, when training is over: float32 weights again, usable without a context."""
        if self.level == "O2":
            self.level = "off"
            for network in networks:
                network.float()

    def forward(self, losses: Iterator[tuple[str, paddle.Tensor]]) -> Iterator[tuple[str, paddle.Tensor]]:
        """The task's losses, each computed inside the casting context and handed out outside of it."""
        while True:
            with self.casting():
                item = next(losses, None)
            if item is None:
                return
            yield item

    def state_dict(self) -> dict[str, dict]:
        """State of the scalers, plain JSON."""
        return {name: {key: _plain(value) for key, value in scaler.state_dict().items()}
                for name, scaler in self.scalers.items()}

    def load_state_dict(self, state: dict[str, dict]) -> None:
        """The counterpart of state_dict."""
        for name, values in state.items():
            if values:
                state_of_one: Any = {
                    key: paddle.to_tensor([value], dtype="float32").numpy() if key == "scale" else value
                    for key, value in values.items()}
                self.scalers[name].load_state_dict(state_of_one)


def _plain(value: Any) -> Any:
    return float(value.reshape([-1])[0]) if hasattr(value, "reshape") else value
