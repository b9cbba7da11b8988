"""What ``ecgphoto export`` takes. Nothing heavy is imported here: ``--help`` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

ExportFormat = Literal["coco", "yolo", "crops", "folder", "shards"]


@dataclass(frozen=True)
class ExportOptions:
    """Write a PTB-V data set in the format of others, to train segmenters and detectors."""

    dataset: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")]
    """Folder or fsspec URL that ecgphoto generate wrote."""
    to: ExportFormat
    """coco: instances as polygons; yolo: segmentation labels; crops: one upright picture and mask
    of each printed lead, as the first PTB-V had; folder, shards: the one from the other."""
    out: str
    """Folder or fsspec URL of the export; a stopped run goes on where it was."""
    jitter: float = 0.0
    """crops: standard deviation of each corner as a share of the photo's width and height; the
    first PTB-V had 0.01."""
    seed: int = 0
    """crops: seed of --jitter."""
    quiet: bool = False
    """No progress bar."""

    def __post_init__(self) -> None:
        if not 0 <= self.jitter <= 0.05:
            raise ValueError(f"--jitter must lie in 0 to 0.05, not {self.jitter:g}")
        if self.jitter and self.to != "crops":
            raise ValueError(f"--jitter is for --to crops, not {self.to}")
        if self.seed < 0:
            raise ValueError(f"--seed must be 0 or more, not {self.seed}")
