from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from learning.checkpoint import read_checkpoint
from learning.registry import register_network
from learning.training import (
    ExampleDataset,
    Task,
    TrainingConfig,
    learning_rate,
    spent_fraction,
    train,
)


@register_network
class TrainingProbe(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x)[:, 0]
        return out


class _Sums(ExampleDataset):
    def __len__(self) -> int:
        return 37

    def example(self, index: int, rng: np.random.Generator) -> Any:
        x = rng.normal(size=4).astype(np.float32) + index / 100
        return x, np.float32(x.sum())


class _SumTask(Task):
    network_name = "TrainingProbe"
    network_arguments: dict[str, Any] = {}  # noqa: RUF012
    monitor: tuple[str, Literal["max", "min"]] = ("error", "min")

    def train_dataset(self) -> ExampleDataset:
        return _Sums()

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        x, y = batch
        return ((network(x) - y) ** 2).mean(), {}

    def validation(self, network: nn.Module) -> dict[str, float]:
        x = torch.randn(64, 4, generator=torch.Generator().manual_seed(1))
        return {"error": float(((network(x) - x.sum(1)) ** 2).mean())}


def _config(out: Path, steps: int, **changes: Any) -> TrainingConfig:
    values: dict[str, Any] = {
        "out": out, "max_steps": steps, "batch_size": 8, "learning_rate": 0.05,
        "warmup_steps": 2, "ema_decay": 0.9, "threads": 1, "validate_every_steps": 20,
        "device": "cpu",
    }  # fmt: skip
    return TrainingConfig(**{**values, **changes})


def _errors(out: Path) -> list[float]:
    with (out / "metrics.csv").open() as file:
        return [float(row["error"]) for row in csv.DictReader(file)]


def test_training_learns_and_keeps_the_best_weights(tmp_path: Path) -> None:
    task = _SumTask()
    folder = train(task, _config(tmp_path, 120))
    errors = _errors(tmp_path)
    assert errors[-1] < 0.1 * errors[0]
    kept = task.validation(read_checkpoint(folder).network)["error"]
    assert kept == pytest.approx(min(errors), abs=1e-2)


@pytest.mark.parametrize("betas", [None, (0.5, 0.999)])
def test_a_task_chooses_adamws_betas(tmp_path: Path, betas: tuple[float, float] | None) -> None:
    task = _SumTask()
    if betas is not None:
        task.betas = betas
    train(task, _config(tmp_path, 1))
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    expected = betas or (0.9, 0.999)
    assert {tuple(group["betas"]) for group in state["optimizer"]["param_groups"]} == {expected}


class _Killed(Exception):
    pass


class _KilledTask(_SumTask):
    def __init__(self, at_call: int) -> None:
        self.calls, self.at_call = 0, at_call

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        self.calls += 1
        if self.calls == self.at_call:
            raise _Killed
        return super().loss(network, batch)


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    straight = train(_SumTask(), _config(tmp_path / "straight", 60))
    with pytest.raises(_Killed):
        train(_KilledTask(33), _config(tmp_path / "killed", 60))
    resumed = train(_SumTask(), _config(tmp_path / "killed", 60))
    one, other = (read_checkpoint(f).network.state_dict() for f in (straight, resumed))
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name])
    assert len(_errors(tmp_path / "killed")) == 3


@pytest.mark.slow
def test_workers_do_not_change_what_is_learned(tmp_path: Path) -> None:
    folders = [train(_SumTask(), _config(tmp_path / str(w), 20, workers=w)) for w in (0, 2)]
    one, other = (read_checkpoint(f).network.state_dict() for f in folders)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    train(_SumTask(), _config(tmp_path, 20))
    train(_KilledTask(1), _config(tmp_path, 20))


def test_the_learning_rate_follows_the_budget_that_ends_first(tmp_path: Path) -> None:
    config = _config(tmp_path, 1000, max_minutes=10.0, warmup_steps=10)
    assert spent_fraction(100, 300.0, config) == 0.5
    assert spent_fraction(900, 300.0, config) == 0.9
    assert learning_rate(0, 0.0, config) == pytest.approx(0.005)
    assert learning_rate(500, 0.0, config) == pytest.approx(0.05 * 0.505)
    assert learning_rate(1000, 0.0, config) == pytest.approx(0.0005)


def test_patience_stops_early(tmp_path: Path) -> None:
    class Flat(_SumTask):
        def validation(self, network: nn.Module) -> dict[str, float]:
            return {"error": 1.0}

    train(Flat(), _config(tmp_path, 1000, validate_every_steps=5, early_stopping_patience=2))
    assert len(_errors(tmp_path)) == 3


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    class Broken(_SumTask):
        def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
            loss, logs = super().loss(network, batch)
            return loss * float("nan"), logs

    with pytest.raises(FloatingPointError, match="step 0"):
        train(Broken(), _config(tmp_path, 10))


def test_a_monitor_that_validation_does_not_give_is_named(tmp_path: Path) -> None:
    class Misnamed(_SumTask):
        monitor: tuple[str, Literal["max", "min"]] = ("auroc", "max")

    with pytest.raises(ValueError, match="auroc"):
        train(Misnamed(), _config(tmp_path, 5))
