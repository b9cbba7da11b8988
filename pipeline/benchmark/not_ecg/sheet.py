"""A sheet of paper on which lines, boxes and words are drawn in millimetres."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dataset_generation.text import FONTS, text_coverage

Rgb = tuple[int, int, int]
BLACK: Rgb = (25, 25, 25)
GRID_INKS: tuple[Rgb, ...] = (
    (235, 130, 130),
    (225, 90, 100),
    (235, 150, 100),
    (110, 175, 120),
    (120, 150, 215),
    (130, 130, 130),
    (60, 60, 60),
)

_SHIFT = 4  # OpenCV draws at 1/16 pixel
_PIXELS_PER_MM = 6.0


class Sheet:
    """A blank sheet.

    Args:
        width_mm: its width.
        height_mm: its height.
        rgb: colour of the paper.
    """

    def __init__(self, width_mm: float, height_mm: float, rgb: Rgb = (253, 252, 250)) -> None:
        self.width_mm = width_mm
        self.height_mm = height_mm
        size = (round(height_mm * _PIXELS_PER_MM), round(width_mm * _PIXELS_PER_MM))
        self.pixels: NDArray[np.uint8] = np.full((*size, 3), rgb, np.uint8)

    def line(self, points_mm: ArrayLike, width_mm: float = 0.25, rgb: Rgb = BLACK) -> None:
        """Draw a line through ``(n, 2)`` points."""
        cv2.polylines(self.pixels, [_fixed(points_mm)], False, rgb, _thickness(width_mm), 16, 4)

    def area(self, points_mm: ArrayLike, rgb: Rgb) -> None:
        """Fill a polygon of ``(n, 2)`` corners."""
        cv2.fillPoly(self.pixels, [_fixed(points_mm)], rgb, 16, _SHIFT)

    def box(
        self, x_mm: float, y_mm: float, width_mm: float, height_mm: float, rgb: Rgb, line_mm: float
    ) -> None:
        """Draw the outline of a rectangle, or fill it where ``line_mm`` is 0."""
        right, bottom = x_mm + width_mm, y_mm + height_mm
        corners = [(x_mm, y_mm), (right, y_mm), (right, bottom), (x_mm, bottom)]
        if line_mm:
            self.line([*corners, corners[0]], line_mm, rgb)
        else:
            self.area(corners, rgb)

    def disc(self, x_mm: float, y_mm: float, radius_mm: float, rgb: Rgb = BLACK) -> None:
        """Fill a circle."""
        turn = np.linspace(0, 2 * np.pi, 24)
        self.area(
            np.stack([x_mm + radius_mm * np.cos(turn), y_mm + radius_mm * np.sin(turn)], 1), rgb
        )

    def words(
        self, text: str, x_mm: float, y_mm: float, height_mm: float = 2.6, font: str = FONTS[0]
    ) -> None:
        """Print a line of text, its left top corner at ``(x_mm, y_mm)``, in black."""
        ink = text_coverage(text, font, max(6, round(height_mm * _PIXELS_PER_MM)))
        left, top = round(x_mm * _PIXELS_PER_MM), round(y_mm * _PIXELS_PER_MM)
        place = self.pixels[max(top, 0) : top + ink.shape[0], max(left, 0) : left + ink.shape[1]]
        cover = (
            ink[max(-top, 0) :, max(-left, 0) :][: place.shape[0], : place.shape[1], None] / 255.0
        )
        place[:] = np.round(place * (1 - cover) + np.array(BLACK) * cover)

    def ruling(self, pitch_mm: float, width_mm: float, rgb: Rgb, both: bool = True) -> None:
        """Rule the whole sheet, both ways or with upright lines only."""
        for x in np.arange(0, self.width_mm + pitch_mm, pitch_mm):
            self.line([(x, 0), (x, self.height_mm)], width_mm, rgb)
        for y in np.arange(0, self.height_mm + pitch_mm, pitch_mm) if both else ():
            self.line([(0, y), (self.width_mm, y)], width_mm, rgb)


def graph_paper(rng: np.random.Generator, width_mm: float, height_mm: float) -> Sheet:
    """Graph paper as it is sold, millimetre paper most of all, in one of the usual inks."""
    sheet = Sheet(width_mm, height_mm)
    ink = np.array(GRID_INKS[int(rng.integers(len(GRID_INKS)))])
    pale = tuple(int(v) for v in 255 - (255 - ink) * rng.uniform(0.3, 0.6))
    strong = (int(ink[0]), int(ink[1]), int(ink[2]))
    fine, coarse = ((1, 5), (1, 5), (1, 10), (2, 10), (5, 0), (4, 20))[int(rng.integers(6))]
    sheet.ruling(fine, 0.12 if coarse else 0.25, (pale[0], pale[1], pale[2]) if coarse else strong)
    if coarse:
        sheet.ruling(coarse, float(rng.uniform(0.17, 0.4)), strong)
    return sheet


def _fixed(points_mm: ArrayLike) -> NDArray[np.int32]:
    """Millimetres -> OpenCV's sixteenths of pixels."""
    points = np.asarray(points_mm, np.float64) * _PIXELS_PER_MM - 0.5
    return np.rint(np.clip(points, -2000, 20000) * (1 << _SHIFT)).astype(np.int32)


def _thickness(width_mm: float) -> int:
    return max(1, round(width_mm * _PIXELS_PER_MM))
