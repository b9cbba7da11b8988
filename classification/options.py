"""What training a classifier takes; light, for the console's help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from learning.options import TrainingOptions


@dataclass(frozen=True, kw_only=True)
class TrainSignals(TrainingOptions):
    """Train the MI classifier that reads signals."""

    architecture: Literal[
        "SignalResNet", "LeadwiseResNet", "RibeiroNet", "XResNet1d", "InceptionNet1d"
    ] = "SignalResNet"
    """The first two are compact and ship; the others are the field's, at their full widths."""
    initial: Path | None = None
    """Checkpoint of the same architecture to begin with; afresh where None."""
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
    learning_rate: float = 1e-4
    """Highest learning rate; MapsPictureNet, which begins afresh, wants about 1e-3."""
    architecture: Literal["MapsNet", "MapsPictureNet"] = "MapsNet"
    """MapsNet is compact and ships; MapsPictureNet is a picture network of torchvision."""
    signals: Path | None = None
    """For MapsNet: checkpoint of a LeadwiseResNet to begin with; the shipped one where None."""
    backbone: str = "resnet18"
    """For MapsPictureNet: resnet18 to resnet152, resnext or wide_resnet of torchvision."""
    view: Literal["leads", "merged"] = "leads"
    """For MapsPictureNet: a channel for each lead, or all leads merged into one RGB picture."""
    loss: Literal["bce", "focal"] = "bce"
    """Binary cross-entropy or focal loss."""
    readings: Path | None = None
    """Set of readings (ecgphoto readings) to train on; lead maps drawn of PTB-XL's records, with a
    reader's errors, where None."""
    least_quality: float = 0.0
    """Readings of lower quality are not trained on."""
