"""What a look saw: one probability map for each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ProbabilityMaps:
    """Class probabilities over a picture.

    Convention: pixel (x, y) of the maps lies at ``scale * (x + 0.5) - 0.5`` of the picture that
    they describe.

    Attributes:
        values: ``(classes, h, w)`` float32 in 0..1.
        classes: names of the classes.
        scale: pixels of the picture to one of the maps, ``(x, y)``.
    """

    values: NDArray[np.float32]
    classes: tuple[str, ...]
    scale: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or len(self.values) != len(self.classes):
            raise ValueError(f"values must be ({len(self.classes)}, h, w), not {self.values.shape}")

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        return self.values[self.classes.index(name)]

    def to_picture(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Move ``(..., 2)`` points of the maps to pixels of the picture."""
        return (np.asarray(points, np.float64) + 0.5) * np.asarray(self.scale) - 0.5
