"""What training a classifier takes; light, for the console's help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from learning.options import TrainingOptions


@dataclass(frozen=True, kw_only=True)
class TrainSignals(TrainingOptions):
    """Train the MI classifier that reads signals."""

    architecture: Literal["SignalResNet", "RibeiroNet", "XResNet1d", "InceptionNet1d"] = (
        "SignalResNet"
    )
    """SignalResNet is compact and ships; the others are the field's, at their full widths."""
    out: Path = Path("runs/signal-mi")
    """Run folder; training goes on from the state in it."""
    max_steps: int = 20_000
    """Batches at most."""
    batch_size: int = 64
    """Examples in a batch."""


@dataclass(frozen=True, kw_only=True)
class TrainMaps(TrainingOptions):
    """Train the MI classifier that reads lead maps."""

    out: Path = Path("runs/maps-mi")
    """Run folder; training goes on from the state in it."""
    max_steps: int = 20_000
    """Batches at most."""
    batch_size: int = 48
    """Examples in a batch."""
    learning_rate: float = 1e-3
    """Highest learning rate."""
    signals: Path | None = None
    """Checkpoint of a signal classifier to begin with; the shipped one where None."""
