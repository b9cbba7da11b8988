"""What ``ecgphoto readings`` takes. Nothing heavy is imported here: ``--help`` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class ReadingsOptions:
    """Read photos into a set to train on: lead maps, merged pictures, signals."""

    photos: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PHOTO [PHOTO ...]")
    ]
    """A PTB-V folder (its index.csv tells whose ECGs they are), or files, folders and patterns."""
    out: Path = Path("out/readings")
    """Folder of the set; a stopped run goes on where it was."""
    min_quality: float = 0.5
    """Readings below this quality are rejected; the reader itself refuses the worst."""
    min_leads: int = 10
    """Readings with fewer leads are rejected."""
    augment: int = 0
    """So many more of each kept reading of folds 1-8, of the same target, into OUT/augmented."""
    seed: int = 0
    """Seed of --augment."""
    max_megapixels: float = 120.0
    """Larger pictures are refused before they are decoded."""
    quiet: bool = False
    """No progress bar."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_quality <= 1:
            raise ValueError(f"--min-quality must lie in 0 to 1, not {self.min_quality:g}")
        if not 0 <= self.min_leads <= 12:
            raise ValueError(f"--min-leads must lie in 0 to 12, not {self.min_leads}")
        if min(self.augment, self.seed) < 0:
            raise ValueError("--augment and --seed must be 0 or more")
        if not self.max_megapixels > 0:
            raise ValueError(f"--max-megapixels must be above 0, not {self.max_megapixels:g}")
