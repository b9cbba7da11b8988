"""The dense map between page millimetres and photo pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

FloatArray = NDArray[np.floating]

_MOST_STEPS = 20
_CLOSE_MM = 1e-7


@dataclass(frozen=True)
class PageGeometry:
    """Where every millimetre of a page lies in a photo.

    Convention: points are ``(x, y)``; page millimetres count from ``origin_mm`` at the lattice's
    first point, y down; photo pixels have (0, 0) at the centre of the top-left pixel.

    Attributes:
        photo_points: ``(rows, columns, 2)`` photo pixels of a square lattice of page points.
        step_mm: lattice pitch.
        origin_mm: page position of the lattice's first point.
        residual_mm: robust spread of the grid crossings about the map; NaN where unknown.
    """

    photo_points: FloatArray
    step_mm: float
    origin_mm: tuple[float, float] = (0.0, 0.0)
    residual_mm: float = float("nan")

    def __post_init__(self) -> None:
        shape = self.photo_points.shape
        if len(shape) != 3 or shape[2] != 2 or min(shape[:2]) < 2:
            raise ValueError(f"photo_points must be (rows >= 2, columns >= 2, 2), not {shape}")
        if not np.isfinite(self.photo_points).all():
            raise ValueError("photo_points must be finite")

    @property
    def extent_mm(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the lattice on the page."""
        rows, columns = self.photo_points.shape[:2]
        x, y = self.origin_mm
        return x, y, x + (columns - 1) * self.step_mm, y + (rows - 1) * self.step_mm

    def photo_from_page(self, points_mm: FloatArray) -> FloatArray:
        """Map ``(..., 2)`` page millimetres to photo pixels; linear beyond the lattice."""
        points = np.asarray(points_mm, np.float64)
        lattice = (points - np.asarray(self.origin_mm)) / self.step_mm
        rows, columns = self.photo_points.shape[:2]
        limit = np.array([columns - 1, rows - 1], np.float64)
        inside = np.clip(lattice, 0, limit)
        beyond = lattice - inside
        flat = inside.reshape(-1, 2)
        mapped = np.stack(
            [
                ndimage.map_coordinates(
                    self.photo_points[..., k], flat[:, ::-1].T, order=1, mode="nearest"
                )
                for k in range(2)
            ],
            axis=-1,
        ).reshape(points.shape)
        if np.any(beyond):
            cell = np.clip(np.floor(inside), 0, limit - 1).astype(int)
            i, j = cell[..., 1], cell[..., 0]
            here = self.photo_points[i, j]
            along_x = self.photo_points[i, j + 1] - here
            along_y = self.photo_points[i + 1, j] - here
            mapped = mapped + beyond[..., :1] * along_x + beyond[..., 1:] * along_y
        return mapped

    def page_from_photo(self, points: FloatArray) -> FloatArray:
        """Map ``(..., 2)`` photo pixels to page millimetres; the inverse of ``photo_from_page``.

        Newton's method from the nearest point of the lattice.
        """
        wanted = np.asarray(points, np.float64).reshape(-1, 2)
        columns = self.photo_points.shape[1]
        _, nearest = cKDTree(self.photo_points.reshape(-1, 2)).query(wanted)
        lattice = np.stack([nearest % columns, nearest // columns], axis=-1)
        page = np.asarray(self.origin_mm) + self.step_mm * lattice.astype(np.float64)
        half = 0.01 * self.step_mm
        for _ in range(_MOST_STEPS):
            slopes = np.stack(
                [
                    (self.photo_from_page(page + move) - self.photo_from_page(page - move))
                    / (2 * half)
                    for move in np.eye(2) * half
                ],
                axis=-1,
            )
            missing = wanted - self.photo_from_page(page)
            step = (np.linalg.pinv(slopes) @ missing[..., None])[..., 0]
            page += step
            if np.abs(step).max(initial=0.0) < _CLOSE_MM:
                break
        return page.reshape(np.shape(points))

    def pixels_per_mm(self) -> float:
        """Median local scale of the map."""
        across = np.linalg.norm(np.diff(self.photo_points, axis=1), axis=-1)
        down = np.linalg.norm(np.diff(self.photo_points, axis=0), axis=-1)
        return float(np.median(np.concatenate([across.ravel(), down.ravel()])) / self.step_mm)
