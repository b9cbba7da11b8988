"""What training a reconstructor takes; light, for the console's help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from learning.options import TrainingOptions

ModelName = Literal["completion", "ekgan", "pix2pix", "cyclegan", "cardiogan"]


@dataclass(frozen=True, kw_only=True)
class TrainReconstructor(TrainingOptions):
    """Train a model that makes twelve leads of fewer."""

    model: ModelName = "completion"
    """Which model."""
    leads: str | None = None
    """Leads that are given, such as I,II,V3; several sets, parted by semicolons, are trained one
    after another and compared. By default the model's own; completion takes any."""
    out: Path = Path("runs/reconstructor")
    """Run folder; training goes on from the state in it."""
    max_steps: int = 100_000
    """Batches at most."""
    batch_size: int = 32
    """Examples in a batch."""
