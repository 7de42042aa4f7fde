"""The one training loop. Read `fit`, then `_train_epoch`, `step` and `_finish_epoch`: that is all of it."""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from itertools import chain
from typing import Any, Protocol

import numpy as np
import paddle

from paddle_models.tasks.task import Rows, Task
from paddle_models.trainer import distributed, messages
from paddle_models.trainer.batches import seed_everything, split, tensors
from paddle_models.trainer.checkpoint import (
    check_settings,
    load_checkpoint,
    load_network_arrays,
    network_arrays,
    save_checkpoint,
)
from paddle_models.trainer.early_stopping import EarlyStopping
from paddle_models.trainer.ema import MovingAverage
from paddle_models.trainer.layer_rates import set_layer_rates
from paddle_models.trainer.limits import Limits
from paddle_models.trainer.optimizers import build_optimizer, load_optimizer_arrays, optimizer_arrays
from paddle_models.trainer.position import Position
from paddle_models.trainer.precision import Precision
from paddle_models.trainer.progress import Journal, ProgressBar, say, watched
from paddle_models.trainer.run_folder import RunFolder
from paddle_models.trainer.schedules import Schedule
from paddle_models.trainer.settings import TrainerSettings
from paddle_models.trainer.signals import StopSignals


class Data(Protocol):
    """Batches as dictionaries of NumPy arrays, this rank's share of them."""

    steps_per_epoch: int

    def training(self, epoch: int, start_batch: int) -> Iterable[dict[str, np.ndarray]]:
        """Batches of that epoch from number `start_batch` on, the same ones in every process that asks."""

    def validation(self) -> Iterable[dict[str, np.ndarray]]:
        """Batches of the split that chooses the best weights."""


class Interrupted(Exception):
    """The run was asked to stop; its checkpoint is written."""


class Trainer:
    """Trains the networks of a task and keeps the best.

    run: an entered RunFolder. device: "cpu" or "gpu:N". Errors: KitError on a loss that is not finite, a full disk or a
    checkpoint of another network; Interrupted on SIGTERM or Ctrl-C.
    """

    def __init__(self, task: Task, data: Data, settings: TrainerSettings, run: RunFolder, device: str = "cpu"):
        self.task, self.data, self.settings, self.run, self.device = task, data, settings, run, device
        self.limits = Limits(settings.epochs, settings.max_steps, settings.max_minutes)
        self.total_steps = self.limits.total_steps(data.steps_per_epoch)
        if settings.sync_batch_norm:
            task.networks.update({name: distributed.synchronise_batch_norm(network, device)
                                  for name, network in task.networks.items()})
        self.schedule = Schedule(settings.optimizer.lr, settings.schedule, data.steps_per_epoch, self.total_steps,
                                 task.mode)
        self.stopping = EarlyStopping(settings.early_stopping.patience, settings.early_stopping.min_delta,
                                      task.monitor, task.mode)
        self.ending = _by_loss(settings, task)
        self.precision = Precision(settings.amp.level, settings.amp.dtype, device, task.networks)
        for network in task.networks.values():
            set_layer_rates(network, settings.optimizer.layer_decay)
        self.optimizers = {name: build_optimizer(settings.optimizer, network.parameters(), settings.optimizer.lr)
                           for name, network in task.networks.items()}
        for name, network in task.networks.items():
            self.precision.decorate(network, self.optimizers[name])
        self.averages = {name: MovingAverage(network, settings.ema_decay)
                         for name, network in task.networks.items() if settings.ema_decay}
        self._follow_first_rank()
        self.position = Position()
        self.micro_batches = settings.accumulate
        self.latest: dict[str, paddle.Tensor] = {}  # losses of the last step
        self.stopped = ""  # why training has ended
        self.signals = StopSignals()
        self.journal = Journal(run)
        self.bar = ProgressBar(self.total_steps)
        self._batch_start = 0.0

    # ------------------------------------------------------------------ the loop

    def fit(self) -> None:
        """Train to the end, to early stopping or to a limit; the best weights are then in run.best."""
        if self.precision.notice:
            say(self.precision.notice)
        with self.signals, self.journal, self.bar.begun(self.position.step):
            if self.position.batch and self._finished():  # resumed beyond a limit: a part of an epoch is judged, too
                self._finish_epoch()
            while not self._finished():
                self._train_epoch()
                self._finish_epoch()

    def _train_epoch(self) -> None:
        position, settings = self.position, self.settings
        for network in self.task.networks.values():
            network.train()
        last_saved = time.monotonic()
        for batch in self._timed(self.data.training(position.epoch, position.batch)):
            learning_rate = self.schedule.at(position.step)
            losses = self.step(batch, learning_rate)
            position.batch, position.step = position.batch + 1, position.step + 1
            self._note(losses)
            if position.step % settings.log_every == 0 or position.batch == self.data.steps_per_epoch:
                self._log_step(learning_rate)
            self.bar.advance(*messages.step_parts(position, self.device))
            if self._stop_wanted():
                self._save_last()
                raise Interrupted(messages.stopped(position.step))
            if time.monotonic() - last_saved > 60 * settings.checkpoint_minutes:
                self._save_last()
                last_saved = time.monotonic()
            if self.limits.reached(position.step, position.seconds):
                break

    def step(self, batch: dict[str, np.ndarray], learning_rate: float) -> dict[str, paddle.Tensor]:
        """One optimizer step for each loss of the task; a GPU out of memory gets the same batch in smaller parts."""
        stepped: dict[str, paddle.Tensor] = {}
        while not self._try_step(batch, learning_rate, stepped):
            self._halve_micro_batch()
        return stepped

    def _try_step(self, batch: dict[str, np.ndarray], learning_rate: float, stepped: dict[str, paddle.Tensor]) -> bool:
        """Fill `stepped` with {optimizer name: loss}; False when memory ran out on the way.

        Its local variables go with it, so the half-built graphs are freed before the next try.
        """
        try:
            seed_everything(self.settings.seed, self.position.step)
            parts = split(batch, self.micro_batches)
            shares = [len(part["index"]) / len(batch["index"]) for part in parts]
            first, *others = [self.precision.forward(self.task.losses(tensors(part))) for part in parts]
            for position, (name, loss) in enumerate(first):
                if name in list(stepped)[:position]:
                    raise ValueError(f"the task yields two losses of {name} for one batch; add them up")
                losses = chain([loss], (next(stream)[1] for stream in others))
                if name in stepped:  # stepped before memory ran out in a later loss: only computed again
                    for _ in losses:
                        continue
                else:
                    stepped[name] = self._optimize(name, losses, shares, learning_rate)
            return True
        except MemoryError as error:  # Paddle's ResourceExhausted
            if self.micro_batches >= len(batch["index"]):
                raise messages.no_memory(error) from None
            return False

    def _optimize(self, name: str, losses: Iterable[paddle.Tensor], shares: list[float],
                  learning_rate: float) -> paddle.Tensor:
        """Gradient accumulation over the parts of a batch, then one step of one optimizer; returns the batch's loss."""
        optimizer, scaler = self.optimizers[name], self.precision.scalers[name]
        parameters = [p for p in self.task.networks[name].parameters() if not p.stop_gradient]
        optimizer.clear_grad()  # also of what an earlier loss left in these weights
        total = paddle.zeros([])
        for loss, share in zip(losses, shares):
            scaler.scale(loss * share).backward()
            total += loss.detach().astype("float32") * share
        distributed.average_gradients(parameters)
        scaler.unscale_(optimizer)
        if self.settings.clip_norm:
            paddle.nn.utils.clip_grad_norm_(parameters, self.settings.clip_norm)
        optimizer.set_lr(learning_rate * self.task.rates.get(name, 1.0))
        scaler.step(optimizer)
        scaler.update()
        if name in self.averages:
            self.averages[name].update()
        return total

    def _finish_epoch(self) -> None:
        """Validate, early stopping, schedule, keep the best, log, checkpoint."""
        position, settings = self.position, self.settings
        row: dict[str, Any] = {
            "kind": "epoch", "epoch": position.epoch, "step": position.step,
            **{f"train/{key}": mean for key, mean in sorted(position.means().items())},
            "lr": self.schedule.at(max(0, position.step - 1)), "seconds": round(position.seconds, 2),
            "wait_share": round(position.wait_share(), 4)}
        position.epoch, position.batch, position.sums = position.epoch + 1, 0, {}
        best = False
        if self._finished() or position.epoch % settings.validate_every == 0:
            values = self._validate()
            row.update({f"val/{key}": value for key, value in values.items()})
            best = self.stopping.improved
        self.journal.write(row)
        self._save_last()
        say(messages.epoch_line(row, settings.epochs, best, position, self.device, self.bar.eta()))

    def _validate(self) -> dict[str, float]:
        """Metrics of the validation split; early stopping and schedule hear of them, the best weights are kept."""
        self._follow_first_rank()
        _, values = self.evaluate(self.data.validation())
        self.stopping.update(values[self.task.monitor], self.position.epoch - 1, values.get("loss", math.inf))
        if self.ending:
            if "loss" not in values:
                raise messages.no_loss(values)
            self.ending.update(values["loss"], self.position.epoch - 1)
        self.schedule.check(values[self.task.monitor])
        if self.stopping.improved:
            self._save_best()
        return values

    # ------------------------------------------------------------------ evaluation

    def evaluate(self, batches: Iterable[dict[str, np.ndarray]]) -> tuple[Rows, dict[str, float]]:
        """(rows of every sample, metrics) in float32, but for O2, with the averaged weights where there are any."""
        with ExitStack() as stack, paddle.no_grad():
            for average in self.averages.values():
                stack.enter_context(average.applied())
            stack.enter_context(self.precision.evaluating())
            return evaluate(self.task, watched(batches))

    def load_best(self) -> None:
        """Put the best weights into the networks that are judged, in float32; KitError where none were kept."""
        distributed.barrier()  # the first rank may still be writing them
        if self.stopping.best is None and not self.run.best.exists():
            raise messages.no_best(self.task.monitor, self.run.path)
        self.precision.end(self.task.networks.values())
        groups, _ = load_checkpoint(self.run.best)
        for name in self.task.judged or self.task.networks:
            load_network_arrays(self.task.networks[name], groups[f"networks/{name}"], str(self.run.best))
        self.averages = {}

    # ------------------------------------------------------------------ checkpoints

    def resume(self) -> None:
        """Continue from run.last, on a CPU bit for bit as a run that never stopped."""
        if not self.run.last.exists():
            if self.run.finished:
                raise messages.no_last(self.run.path)
            say(messages.begins_again(self.run.path))
            self.run.go_on(0, 0)
            return
        groups, state = load_checkpoint(self.run.last)
        check_settings(self.settings, groups, state, str(self.run.path))
        for name, network in self.task.networks.items():
            load_network_arrays(network, groups[f"networks/{name}"], str(self.run.last))
            load_optimizer_arrays(self.optimizers[name], list(network.named_parameters()),
                                  groups.get(f"optimizers/{name}", {}))
            if name in self.averages:
                self.averages[name].load_arrays(groups[f"averages/{name}"], state["position"]["step"])
        self.position = Position(**state["position"])
        self.stopping.load_state_dict(state["stopping"])
        if self.ending and state.get("ending"):
            self.ending.load_state_dict(state["ending"])
        self.schedule.load_state_dict(state["schedule"])
        self.precision.load_state_dict(state["scalers"])
        self.micro_batches = max(self.micro_batches, state["micro_batches"])
        self.run.go_on(self.position.step, self.position.epoch)
        say(messages.continuing(self.position, self.run.path))

    def _save_last(self) -> None:
        self._check_finite()
        if not self.run.writer:
            return
        groups = {}
        for name, network in self.task.networks.items():
            groups[f"networks/{name}"] = network_arrays(network)
            groups[f"optimizers/{name}"] = optimizer_arrays(self.optimizers[name], list(network.named_parameters()))
            if name in self.averages:
                groups[f"averages/{name}"] = self.averages[name].arrays()
        save_checkpoint(self.run.last, groups, {
            "position": asdict(self.position), "stopping": self.stopping.state_dict(),
            "ending": self.ending.state_dict() if self.ending else None,
            "schedule": self.schedule.state_dict(), "scalers": self.precision.state_dict(),
            "micro_batches": self.micro_batches, "seed": self.settings.seed, "batch_size": self.settings.batch_size},
            self.run.again)

    def _save_best(self) -> None:
        self._check_finite()
        if not self.run.writer:
            return
        with ExitStack() as stack:
            for average in self.averages.values():
                stack.enter_context(average.applied())
            groups = {f"networks/{name}": network_arrays(self.task.networks[name])
                      for name in self.task.judged or self.task.networks}
        save_checkpoint(self.run.best, groups, {"epoch": self.stopping.best_epoch, "monitor": self.task.monitor,
                                                "value": self.stopping.best}, self.run.again)

    # ------------------------------------------------------------------ small things

    def _finished(self) -> bool:
        position = self.position
        self.stopped = (self.limits.reached(position.step, position.seconds)  # it may have cut the last epoch short
                        or self.limits.epochs_done(position.epoch) or (self.ending or self.stopping).reason or "")
        return bool(self.stopped)

    def _timed(self, batches: Iterable[dict[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
        """The same batches; adds to position.seconds, .waiting and .images on the way."""
        iterator = iter(batches)
        while True:
            start = time.monotonic()
            batch = next(iterator, None)
            self.position.waiting += time.monotonic() - start
            if batch is not None:
                self.position.images += len(batch["index"]) * distributed.world()
                self._batch_start = start
                yield batch
            else:
                return

    def _note(self, losses: dict[str, paddle.Tensor]) -> None:
        self.latest = losses
        self.position.add({("loss" if len(losses) == 1 else f"loss/{name}"): float(loss)
                           for name, loss in losses.items()})
        self.position.add(self.task.training_metrics())
        self.position.seconds += time.monotonic() - self._batch_start

    def _log_step(self, learning_rate: float) -> None:
        self._check_finite()
        self.journal.write({"kind": "step", "step": self.position.step, "epoch": self.position.epoch,
                            "lr": learning_rate,
                            **{f"loss/{name}": float(loss) for name, loss in self.latest.items()},
                            "images_per_second": round(self.position.images_per_second(), 2)})

    def _check_finite(self) -> None:
        for name, loss in self.latest.items():
            if not np.isfinite(float(loss)):
                raise messages.not_finite(name, float(loss), self.position.step, self.run.best)

    def _halve_micro_batch(self) -> None:
        self.micro_batches *= 2
        if self.device.startswith("gpu"):
            paddle.device.cuda.empty_cache()
        say(messages.in_parts(self.settings.batch_size, self.micro_batches))

    def _follow_first_rank(self) -> None:
        """Weights and statistics of rank 0 on all: gradients are averaged, running statistics are each rank's own."""
        for network in self.task.networks.values():
            distributed.broadcast_weights(network.state_dict().values())
        for average in self.averages.values():
            distributed.broadcast_weights(average.averages.values())

    def _stop_wanted(self) -> bool:
        """Ranks must agree, or some would wait for gradients for ever; asking at each step would cost too much."""
        if distributed.world() > 1 and self.position.step % self.settings.log_every:
            return False
        return distributed.any_rank(bool(self.signals.noted))


def _by_loss(settings: TrainerSettings, task: Task) -> EarlyStopping | None:
    """What ends a training on its validation loss, where that is not what chooses the best weights anyway."""
    early = settings.early_stopping
    if early.by == "chosen" or task.monitor == "loss":
        return None
    return EarlyStopping(early.patience, early.min_delta, "loss", "min")


def evaluate(task: Task, batches: Iterable[dict[str, np.ndarray]]) -> tuple[Rows, dict[str, float]]:
    """(rows of every sample over all ranks, metrics) of a task's networks in eval mode and float32."""
    for network in task.networks.values():
        network.eval()
    with paddle.no_grad():
        parts = [task.evaluate(tensors(batch)) for batch in batches]
    rows = distributed.gather_rows({key: np.concatenate([part[key] for part in parts]) for key in parts[0]})
    return rows, task.summarize(rows)
