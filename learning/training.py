"""The one training entry.

Every network of this project is trained by :func:`train`: AdamW, a warm-up and a cosine over
whichever budget runs out first (steps or minutes, counted across resumes), gradient clipping, an
exponential moving average of the weights, which is what is validated and kept, and a state file
from which a run killed at any moment goes on. Lightning Fabric places it on CPU, GPU or several.
"""

from __future__ import annotations

import copy
import csv
import dataclasses
import io
import json
import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler, default_collate

import learning.torchvision_guard  # noqa: F401  (before lightning)
from learning.checkpoint import write_atomically, write_checkpoint
from learning.options import TrainError
from learning.registry import build_network

logger = logging.getLogger(__name__)

CHECKPOINT_FOLDER = "checkpoint"
STATE_FILE = "state.pt"
METRICS_FILE = "metrics.csv"
CONFIG_FILE = "training.json"


@dataclass(frozen=True)
class TrainingConfig:
    """How long and how to train, whatever is trained."""

    out: Path
    """Folder of the run: the best checkpoint, the resumable state and metrics.csv."""
    max_steps: int
    """Steps (batches) at most."""
    max_minutes: float | None = None
    """Minutes at most, counted across resumes; the learning rate follows whichever ends first."""
    batch_size: int = 32
    """Examples in a batch (on each device)."""
    learning_rate: float = 1e-3
    """Highest learning rate, reached after the warm-up."""
    weight_decay: float = 0.01
    """AdamW's weight decay."""
    warmup_steps: int = 100
    """Steps of linear warm-up."""
    gradient_clip: float = 1.0
    """Longest gradient allowed."""
    ema_decay: float = 0.999
    """Decay of the moving average of the weights; lower at the start of a run."""
    seed: int = 0
    """Seed of the initial weights, the order and the augmentation of the examples."""
    threads: int | None = None
    """Threads of torch on the CPU; by default as torch chooses."""
    workers: int = 0
    """Processes that make examples; 0 makes them in the training process."""
    validate_every_steps: int = 500
    """Steps between validations."""
    checkpoint_every_minutes: float = 5.0
    """Minutes between two writings of the resumable state (each validation writes it too)."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    devices: int = 1
    """How many devices; more than one trains data-parallel."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Number format of the forward and backward passes."""
    resume: bool = True
    """Go on from the state in the folder, where there is one."""
    early_stopping_patience: int | None = None
    """Stop after this many validations without a better one; None never stops early."""

    def __post_init__(self) -> None:
        counts = {
            "max_steps": self.max_steps,
            "batch_size": self.batch_size,
            "validate_every_steps": self.validate_every_steps,
            "devices": self.devices,
            "threads": 1 if self.threads is None else self.threads,
        }
        for name, count in counts.items():
            if count < 1:
                raise TrainError(f"{name} must be at least 1, not {count}")
        if self.max_minutes is not None and not self.max_minutes > 0:
            raise TrainError(f"minutes must be more than 0, not {self.max_minutes:g}")
        if not 0 <= self.ema_decay < 1:
            raise TrainError(f"ema_decay must be in [0, 1), not {self.ema_decay}")


class ExampleDataset(Dataset[Any], ABC):
    """Examples drawn by index with a random generator of their own.

    The generator depends on the run's seed and on how many examples were drawn before, so that
    neither the number of workers nor a resume changes what the network sees.
    """

    @abstractmethod
    def __len__(self) -> int:
        """Returns the number of different sources of examples."""

    @abstractmethod
    def example(self, index: int, rng: np.random.Generator) -> Any:
        """Returns one example (arrays, tensors, numbers, or tuples and dicts of them)."""

    def __getitem__(self, index: int) -> Any:
        """Returns the example of a fixed generator, for a look at the data."""
        return self.example(index, np.random.default_rng(index))


class Task(ABC):
    """What to train: the network, its data, its loss and the metric that chooses the weights."""

    network_name: str
    network_arguments: Mapping[str, Any]
    monitor: tuple[str, Literal["max", "min"]]
    """Which metric of :meth:`validation` to choose by, and in which direction."""
    metadata: Mapping[str, Any] = {}
    """Facts for the checkpoint (input size, classes, training data, licence, citation)."""
    betas: tuple[float, float] = (0.9, 0.999)
    """AdamW's decays of the moving averages of the gradient and of its square."""
    initial: nn.Module | None = None
    """A trained network of the same kind to begin with; its outputs may differ."""

    @abstractmethod
    def train_dataset(self) -> ExampleDataset | Dataset[Any]:
        """Returns the training data: examples by index, or an endless IterableDataset."""

    @abstractmethod
    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """Returns the loss of a batch and figures to log (floats, or detached scalars)."""

    @abstractmethod
    def validation(self, network: nn.Module) -> dict[str, float]:
        """Returns metrics on held-out data; the network is in evaluation mode, without gradient."""

    def prepare(self, network: nn.Module) -> None:
        """Changes the new network before a run begins.

        Takes over the initial network's weights, but for those whose shapes differ.
        """
        if self.initial is not None:
            fresh = network.state_dict()
            known = self.initial.state_dict()
            same = {k: v for k, v in known.items() if k in fresh and v.shape == fresh[k].shape}
            network.load_state_dict({**fresh, **same})

    def collate(self, examples: list[Any]) -> Any:
        """Makes a batch of examples."""
        return default_collate(examples)


@dataclass
class _Progress:
    step: int = 0
    elapsed_s: float = 0.0
    best: float | None = None
    best_step: int = 0
    without_better: int = 0
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)


def train(task: Task, config: TrainingConfig) -> Path:
    """Trains a network, or goes on training it.

    Args:
        task: what to train.
        config: how.

    Returns:
        The folder of the best checkpoint, ``<out>/checkpoint``.

    Raises:
        ValueError: the task's validation does not give the metric that the task monitors, or the
            training data is empty.
        FloatingPointError: the loss is not finite.
    """
    from lightning.fabric import Fabric

    if config.threads is not None:
        torch.set_num_threads(config.threads)
    config.out.mkdir(parents=True, exist_ok=True)
    fabric = Fabric(accelerator=config.device, devices=config.devices, precision=config.precision)
    fabric.launch()
    torch.manual_seed(config.seed)
    raw = build_network(task.network_name, **task.network_arguments)
    state_path = config.out / STATE_FILE
    resumes = config.resume and state_path.exists()
    if not resumes:
        task.prepare(raw)
    images = any(p.dim() == 4 for p in raw.parameters())
    if images:
        raw = raw.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(raw).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(
        _parameter_groups(raw, config.weight_decay), lr=config.learning_rate, betas=task.betas
    )
    progress = _Progress()
    if resumes:
        progress = _read_state(state_path, raw, average, optimizer)
        logger.info("goes on from step %d of %s", progress.step, state_path)
    network, wrapped_optimizer = fabric.setup(raw, optimizer)
    average = average.to(fabric.device)
    write_atomically(
        config.out / CONFIG_FILE,
        json.dumps(
            {
                "config": dataclasses.asdict(config),
                "network": task.network_name,
                "arguments": dict(task.network_arguments),
                "monitor": task.monitor,
            },
            indent=2,
            default=str,
        ).encode(),
    )

    def finished() -> bool:
        patience = config.early_stopping_patience
        stopped = patience is not None and progress.without_better >= patience
        return stopped or spent_fraction(progress.step, progress.elapsed_s, config) >= 1

    def save() -> None:
        if fabric.is_global_zero:
            _write_state(state_path, raw, average, optimizer, progress)

    logs: dict[str, list[float]] = {}
    batches: Iterator[Any] = iter(())
    if not finished():
        batches = iter(_loader(task, config, progress.step, fabric.global_rank, fabric.world_size))
    last = saved = reported = time.monotonic()
    while not finished():
        network.train()
        batch = _to_device(next(batches), fabric.device, images)
        rate = learning_rate(progress.step, progress.elapsed_s, config)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss, figures = task.loss(network, batch)
        if not bool(torch.isfinite(loss)):
            raise FloatingPointError(
                f"the loss is {float(loss)} at step {progress.step}; lower the learning rate "
                f"(now {rate:.2g}) or look at the data"
            )
        fabric.backward(loss)
        fabric.clip_gradients(network, wrapped_optimizer, max_norm=config.gradient_clip)
        wrapped_optimizer.step()
        wrapped_optimizer.zero_grad()
        progress.step += 1
        _update_average(average, raw, config.ema_decay, progress.step)
        for key, value in {"loss": float(loss.detach()), **figures}.items():
            logs.setdefault(key, []).append(float(value))
        now = time.monotonic()
        # all ranks go by the first one's clock, or they would not end together
        progress.elapsed_s = fabric.broadcast(progress.elapsed_s + now - last)
        last = now
        if progress.step % config.validate_every_steps == 0 or finished():
            _validate(task, average, progress, config, rate, logs, fabric.is_global_zero)
            logs = {}
            now = time.monotonic()
            progress.elapsed_s = fabric.broadcast(progress.elapsed_s + now - last)
            last = saved = reported = now
            save()
        elif now - saved > 60 * config.checkpoint_every_minutes:
            save()
            saved = now
        elif now - reported > 60:
            reported = now
            logger.info(
                "step %d, %.1f min, loss %.4f",
                progress.step,
                progress.elapsed_s / 60,
                float(np.mean(logs["loss"][-50:])),
            )
    return config.out / CHECKPOINT_FOLDER


def spent_fraction(step: int, elapsed_s: float, config: TrainingConfig) -> float:
    """Returns the share of the budget that is spent: of steps or minutes, the larger, at most 1."""
    minutes = 0.0 if config.max_minutes is None else elapsed_s / 60 / config.max_minutes
    return min(1.0, max(step / config.max_steps, minutes))


def learning_rate(step: int, elapsed_s: float, config: TrainingConfig) -> float:
    """Returns the learning rate: linear warm-up, then a cosine over the budget to 1 %."""
    warmup = min(1.0, (step + 1) / max(1, config.warmup_steps))
    fraction = spent_fraction(step, elapsed_s, config)
    cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fraction))
    return config.learning_rate * warmup * cosine


def _validate(
    task: Task,
    average: nn.Module,
    progress: _Progress,
    config: TrainingConfig,
    rate: float,
    logs: Mapping[str, list[float]],
    is_writer: bool,
) -> None:
    with torch.no_grad():
        metrics = {key: float(value) for key, value in task.validation(average.eval()).items()}
    name, direction = task.monitor
    if name not in metrics:
        raise ValueError(f"the task monitors {name!r}, but validation gives {sorted(metrics)}")
    value = metrics[name]
    sign = 1 if direction == "max" else -1
    better = math.isfinite(value) and (progress.best is None or sign * (value - progress.best) > 0)
    progress.without_better = 0 if better else progress.without_better + 1
    row = {
        "step": float(progress.step),
        "minutes": round(progress.elapsed_s / 60, 3),
        "learning_rate": rate,
        **{f"train_{key}": float(np.mean(values)) for key, values in logs.items()},
        **metrics,
    }
    progress.history.append(row)
    if better:
        progress.best, progress.best_step = value, progress.step
    if not is_writer:
        return
    if better:
        write_checkpoint(
            config.out / CHECKPOINT_FOLDER,
            average,
            task.network_name,
            task.network_arguments,
            {**task.metadata, "metrics": metrics, "steps": progress.step},
        )
    _write_metrics(config.out / METRICS_FILE, progress.history)
    logger.info(
        "step %d, %.1f min: %s%s",
        progress.step,
        progress.elapsed_s / 60,
        ", ".join(f"{k} {v:.4f}" for k, v in row.items() if k not in ("step", "minutes")),
        " (best)" if better else "",
    )


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices and kernels only: biases and normalisation are left alone."""
    decayed = [p for p in network.parameters() if p.requires_grad and p.dim() > 1]
    others = [p for p in network.parameters() if p.requires_grad and p.dim() <= 1]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


@torch.no_grad()
def _update_average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    decay = min(decay, step / (step + 10))
    new = network.state_dict()
    for name, tensor in average.state_dict().items():
        if tensor.is_floating_point():
            tensor.lerp_(new[name].to(tensor.dtype), 1 - decay)
        else:
            tensor.copy_(new[name])


class _Positions(Sampler[tuple[int, int]]):
    """Endless (index, position) pairs: a new seeded permutation every epoch."""

    def __init__(self, length: int, seed: int, start: int, rank: int, ranks: int) -> None:
        self.length, self.seed, self.start, self.rank, self.ranks = length, seed, start, rank, ranks

    def __iter__(self) -> Iterator[tuple[int, int]]:
        position = self.start * self.ranks + self.rank
        epoch, order = -1, np.empty(0, int)
        while True:
            if position // self.length != epoch:
                epoch = position // self.length
                order = np.random.default_rng((self.seed, epoch)).permutation(self.length)
            yield int(order[position % self.length]), position
            position += self.ranks


class _Drawn(Dataset[Any]):
    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset, self.seed = dataset, seed

    def __getitem__(self, key: tuple[int, int]) -> Any:
        index, position = key
        if isinstance(self.dataset, ExampleDataset):
            rng = np.random.default_rng((self.seed, 1, position))
            return self.dataset.example(index, rng)
        return self.dataset[index]


def _loader(
    task: Task, config: TrainingConfig, step: int, rank: int, ranks: int
) -> DataLoader[Any]:
    dataset: Any = task.train_dataset()
    sampler = None
    if not isinstance(dataset, IterableDataset):
        if len(dataset) == 0:
            raise ValueError("the training data is empty")
        sampler = _Positions(len(dataset), config.seed, step * config.batch_size, rank, ranks)
        dataset = _Drawn(dataset, config.seed)
    return DataLoader(
        dataset,
        batch_size=config.batch_size,
        sampler=sampler,
        num_workers=config.workers,
        collate_fn=task.collate,
        drop_last=True,
        worker_init_fn=_one_thread,
        pin_memory=torch.cuda.is_available(),
    )


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)


def _to_device(batch: Any, device: torch.device, images: bool) -> Any:
    if isinstance(batch, Tensor):
        if images and batch.dim() == 4:
            return batch.to(device, non_blocking=True, memory_format=torch.channels_last)
        return batch.to(device, non_blocking=True)
    if isinstance(batch, Mapping):
        return {key: _to_device(value, device, images) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(_to_device(value, device, images) for value in batch)
    return batch


def _write_state(
    path: Path,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: _Progress,
) -> None:
    buffer = io.BytesIO()
    torch.save(
        {
            "network": network.state_dict(),
            "average": average.state_dict(),
            "optimizer": optimizer.state_dict(),
            "progress": dataclasses.asdict(progress),
            "torch_random": torch.get_rng_state(),
        },
        buffer,
    )
    write_atomically(path, buffer.getvalue())


def _read_state(
    path: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> _Progress:
    state = torch.load(path, map_location="cpu", weights_only=True)
    try:
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise TrainError(
            f"{path} is the state of another network; choose another folder ({error})"
        ) from error
    torch.set_rng_state(state["torch_random"])
    return _Progress(**state["progress"])


def _write_metrics(path: Path, history: list[dict[str, float]]) -> None:
    columns = list(dict.fromkeys(key for row in history for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_atomically(path, text.getvalue().encode())
