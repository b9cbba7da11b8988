"""What training a reconstructor takes; light, for the console's help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from learning.options import TrainingOptions

ModelName = Literal[
    "completion",
    "rescnn",
    "rescnn_small",
    "u_resnet",
    "ekgan",
    "pix2pix",
    "cyclegan",
    "cardiogan",
]


@dataclass(frozen=True, kw_only=True)
class TrainReconstructor(TrainingOptions):
    """Train a model that makes twelve leads of fewer."""

    model: ModelName = "completion"
    """Which model."""
    leads: str | None = None
    """Leads that are given, such as I,II,V3; several sets, parted by semicolons, are trained one
    after another, each for the whole budget, and compared. By default the model's own; completion
    takes any."""
    preset: Literal["compare-inputs"] | None = None
    """Sets of leads by name: compare-inputs is I,II and these with each of V1 to V6."""
    alpha: float = 1.0
    """Share of the model's own loss; the rest is how well a frozen detector of MI does on what is
    reconstructed. 1 leaves the detector out."""
    start_from: Path | None = None
    """Folder of a checkpoint of the same model and leads whose weights to begin with."""
    out: Path = Path("runs/reconstructor")
    """Run folder; training goes on from the state in it."""
    max_steps: int = 100_000
    """Batches at most."""
    batch_size: int = 32
    """Examples in a batch."""
