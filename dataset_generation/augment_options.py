"""What ``ecgphoto augment`` takes. Nothing heavy is imported here: ``--help`` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class AugmentOptions:
    """Photograph any pictures anew; their masks and keypoints go along exactly."""

    images: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")]
    """Folder of pictures. Masks are masks/NAME.png beside images/, NAME_mask.png or
    NAME.mask.png; keypoints are NAME.json ({"keypoints": [[x, y], ...]}) or keypoints.csv (file,
    x, y, label)."""
    out: Path = Path("out/augmented")
    """Folder of the copies; a stopped run goes on where it was."""
    preset: str = "photo"
    """Photo preset: clean, scan, photo, hard_photo, screen, photocopy, fax, ptbv_2022, or a
    TOML file."""
    copies: int = 1
    """Copies of each picture."""
    long_side_mm: float = 297.0
    """A picture's longer side as it would be printed: folds, pens and blur have their size on
    paper. 297 is that of A4."""
    seed: int = 0
    """A copy depends on seed, the picture's path and the copy's number alone."""
    max_megapixels: float = 120.0
    """Larger pictures are refused before they are decoded."""
    quiet: bool = False
    """No progress bar."""

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise ValueError(f"--copies must be 1 or more, not {self.copies}")
        if self.seed < 0:
            raise ValueError(f"--seed must be 0 or more, not {self.seed}")
        if not 1 <= self.long_side_mm <= 10000:
            raise ValueError(f"--long-side-mm must lie in 1 to 10000, not {self.long_side_mm:g}")
        if not self.max_megapixels > 0:
            raise ValueError(f"--max-megapixels must be above 0, not {self.max_megapixels:g}")
