"""The photo with everything that was read drawn onto it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from digitization.grid import BORDER_MM
from ecg.leads import LEADS
from ecg.reading import Reading

LONGEST_SIDE_PX = 2400
LEAD_COLOURS: dict[str, tuple[int, int, int]] = dict(
    zip(
        LEADS,
        [
            (215, 25, 28),  # I
            (31, 119, 180),  # II
            (230, 115, 0),  # III
            (44, 140, 44),  # aVR
            (148, 60, 190),  # aVL
            (140, 86, 75),  # aVF
            (214, 39, 150),  # V1
            (0, 140, 150),  # V2
            (120, 120, 20),  # V3
            (70, 70, 200),  # V4
            (200, 60, 80),  # V5
            (20, 110, 90),  # V6
        ],
        strict=True,
    )
)
"""RGB of each lead, the same in overlay and report."""

_GRID_COLOUR = (0, 170, 230)
_OUTLINE_COLOUR = (0, 200, 90)
_SHIFT = 4  # OpenCV draws at 1/16 pixel


def draw_overlay(
    photo_rgb: NDArray[np.uint8], reading: Reading, longest_side_px: int = LONGEST_SIDE_PX
) -> NDArray[np.uint8]:
    """Draws the page's outline, its grid and each lead's trace with its name.

    Args:
        photo_rgb: the photo that was read.
        reading: what was read, in its pixels.
        longest_side_px: larger photos are made smaller.

    Returns:
        ``(height, width, 3)`` uint8 RGB.
    """
    height, width = photo_rgb.shape[:2]
    scale = min(1.0, longest_side_px / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(photo_rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else photo_rgb
    canvas = _Canvas(small.astype(np.uint8), scale)
    _draw_grid(canvas, reading)
    for trace in reading.traces:
        canvas.line(trace.photo_points, LEAD_COLOURS[trace.lead], 2)
    for trace in reading.traces:  # names above all lines
        _draw_name(canvas, trace.lead, trace.photo_points)
    return canvas.picture


def write_overlay(path: Path, overlay_rgb: NDArray[np.uint8], quality: int = 85) -> None:
    """Writes a picture as JPEG.

    Raises:
        OSError: it cannot be written.
    """
    path.write_bytes(encode_jpeg(overlay_rgb, quality))


def encode_jpeg(picture_rgb: NDArray[np.uint8], quality: int) -> bytes:
    """A picture as the bytes of a JPEG file."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(picture_rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise ValueError(f"a picture of shape {picture_rgb.shape} cannot be a JPEG")
    return data.tobytes()


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """A grey picture as the bytes of a PNG file."""
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be a PNG")
    return data.tobytes()


class _Canvas:
    """Draws in the photo's pixels onto a smaller copy of it."""

    def __init__(self, picture: NDArray[np.uint8], scale: float) -> None:
        self.picture = picture
        self.scale = scale
        self.line_px = max(1, round(max(picture.shape[:2]) / 1600))

    def at(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Photo pixels -> pixels of the copy; both have (0, 0) at a pixel's centre."""
        return (np.asarray(points, np.float64) + 0.5) * self.scale - 0.5

    def line(
        self, points: NDArray[np.floating], colour: tuple[int, int, int], thickness: int
    ) -> None:
        """Draws a line through the finite points, broken where they are not."""
        there = self.at(points)
        finite = np.isfinite(there[:, 0] + there[:, 1])
        limit = 4.0 * max(self.picture.shape[:2])  # keeps OpenCV's integers from overflowing
        there = np.clip(np.nan_to_num(there), -limit, limit)
        breaks = np.flatnonzero(np.diff(finite.astype(np.int8))) + 1
        for piece in np.split(np.arange(len(there)), breaks):
            if len(piece) > 1 and finite[piece[0]]:
                fixed = np.rint(there[piece] * (1 << _SHIFT)).astype(np.int32)
                cv2.polylines(
                    self.picture,
                    [fixed.reshape(-1, 1, 2)],
                    False,
                    colour,
                    thickness * self.line_px,
                    cv2.LINE_AA,
                    _SHIFT,
                )


def _draw_grid(canvas: _Canvas, reading: Reading) -> None:
    """Lines every 5 mm or so, half transparent, and the outline of the grid that was seen."""
    lattice = reading.geometry.photo_points
    beyond = round(BORDER_MM / reading.geometry.step_mm)  # the map goes on so far outside
    if beyond and min(lattice.shape[:2]) > 2 * beyond + 1:
        lattice = lattice[beyond:-beyond, beyond:-beyond]
    every = max(1, round(5.0 / reading.geometry.step_mm))
    clean = canvas.picture.copy()
    for row in range(0, lattice.shape[0], every):
        canvas.line(lattice[row], _GRID_COLOUR, 1)
    for column in range(0, lattice.shape[1], every):
        canvas.line(lattice[:, column], _GRID_COLOUR, 1)
    canvas.picture = cv2.addWeighted(canvas.picture, 0.45, clean, 0.55, 0).astype(np.uint8)
    outline = np.concatenate([lattice[0], lattice[:, -1], lattice[-1, ::-1], lattice[::-1, 0]])
    canvas.line(outline, _OUTLINE_COLOUR, 2)


def _draw_name(canvas: _Canvas, lead: str, photo_points: NDArray[np.floating]) -> None:
    there = canvas.at(photo_points)
    there = there[np.isfinite(there).all(axis=1)]
    if not len(there):
        return
    font, size = cv2.FONT_HERSHEY_SIMPLEX, max(canvas.picture.shape[:2]) / 1700
    thickness = max(1, round(2 * size))
    (width, height), _ = cv2.getTextSize(lead, font, size, thickness)
    x = int(np.clip(there[0, 0], 0, max(0, canvas.picture.shape[1] - width)))
    above = there[: max(2, len(there) // 8), 1].min() - height * 0.6
    y = int(np.clip(above, height + 2, canvas.picture.shape[0] - 2))
    cv2.putText(
        canvas.picture, lead, (x, y), font, size, (255, 255, 255), thickness + 3, cv2.LINE_AA
    )
    cv2.putText(
        canvas.picture, lead, (x, y), font, size, LEAD_COLOURS[lead], thickness, cv2.LINE_AA
    )
