"""What every training command takes; light, for the console's help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from learning.training import TrainingConfig


class TrainError(ValueError):
    """A training run that cannot be; the message is one sentence for the user."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Budget and places of a training run."""

    ptbxl: Path
    """PTB-XL folder (PhysioNet's own layout or packed shards)."""
    out: Path
    """Run folder; training goes on from the state in it."""
    minutes: float = 60.0
    """Time budget, counted across resumes."""
    max_steps: int = 100_000
    """Batches at most."""
    batch_size: int = 32
    """Examples in a batch."""
    learning_rate: float = 2e-3
    """Highest learning rate."""
    threads: int = 2
    """Threads of torch on the CPU."""
    workers: int = 0
    """Processes that make examples."""
    validate_every_steps: int = 400
    """Steps between validations."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    devices: int = 1
    """How many GPUs (or CPU processes); more than one trains data-parallel."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Number format of the forward and backward passes."""
    seed: int = 0
    """Seed of weights, order and augmentation."""

    def training_config(self, **fixed: Any) -> TrainingConfig:
        """The options with what is fixed for a task, as ``learning.training.train`` takes them."""
        from learning.training import TrainingConfig

        return TrainingConfig(
            out=self.out,
            max_steps=self.max_steps,
            max_minutes=self.minutes,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            threads=self.threads,
            workers=self.workers,
            validate_every_steps=self.validate_every_steps,
            device=self.device,
            devices=self.devices,
            precision=self.precision,
            seed=self.seed,
            **fixed,
        )
