"""What training a classifier takes; light, for the console's help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrainClassifier:
    """Budget and places of a training run."""

    ptbxl: Path
    """PTB-XL folder (PhysioNet's own layout or packed shards)."""
    out: Path = Path("runs")
    """Run folder; training goes on from the state in it."""
    minutes: float = 60.0
    """Time budget, counted across resumes."""
    max_steps: int = 20_000
    """Batches at most."""
    batch_size: int = 64
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
    seed: int = 0
    """Seed of weights, order and augmentation."""


@dataclass(frozen=True)
class TrainSignals(TrainClassifier):
    """Train the MI classifier that reads signals."""


@dataclass(frozen=True)
class TrainMaps(TrainClassifier):
    """Train the MI classifier that reads lead maps."""

    batch_size: int = 48
    """Examples in a batch."""
    learning_rate: float = 1e-3
    """Highest learning rate."""
    signals: Path | None = None
    """Checkpoint of a signal classifier to begin with; the shipped one where None."""
