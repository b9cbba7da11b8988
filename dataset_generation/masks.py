"""Masks of a photo: PTB-V's four classes, and the ink of one lead."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dataset_generation.photo import Photo
from ecg.paper import MAJOR_GRID_MM

CLASSES = ("background", "grid_x", "grid_y", "trace")
"""Names of the mask values 0 to 3: paper and desk, 5 mm lines at constant x, 5 mm lines at
constant y, traces with calibration pulses. Where they meet the higher value wins."""

_PALETTE = (255, 255, 255, 235, 110, 110, 110, 150, 235, 0, 0, 0)
_SHIFT = 4
_STEP_MM = 1.5


def four_class_mask(photo: Photo) -> NDArray[np.uint8]:
    """Draw PTB-V's mask of a photo: ``(height, width)`` uint8 with values 0 to 3."""
    spec = photo.page.spec
    mask = _empty(photo)
    left, top, right, bottom = spec.grid.box_mm
    if spec.grid.major_width_mm > 0:
        width = spec.grid.major_width_mm
        along_x, along_y = _ticks(left, right), _ticks(top, bottom)
        for x in np.arange(left, right + 1e-6, MAJOR_GRID_MM):
            line = np.stack([np.full_like(along_y, x), along_y], axis=-1)
            _stroke(mask, photo, line, width, 1)
        for y in np.arange(top, bottom + 1e-6, MAJOR_GRID_MM):
            line = np.stack([along_x, np.full_like(along_x, y)], axis=-1)
            _stroke(mask, photo, line, width, 2)
    for trace in photo.page.traces:
        _stroke(mask, photo, trace.points_mm, spec.trace_width_mm, 3)
    for pulse in photo.page.pulses:
        _stroke(mask, photo, pulse, spec.trace_width_mm, 3)
    return mask * _paper(photo)


def lead_mask(photo: Photo, lead: str) -> NDArray[np.uint8]:
    """Draw the ink of one lead: ``(height, width)`` uint8, 1 where it is printed.

    A pixel where two leads cross belongs to both. The rhythm strip of the lead is included.
    """
    mask = _empty(photo)
    for trace in photo.page.traces:
        if trace.lead == lead:
            _stroke(mask, photo, trace.points_mm, photo.page.spec.trace_width_mm, 1)
    return mask * _paper(photo)


def write_mask(mask: NDArray[np.uint8], path: Path) -> None:
    """Write a mask as a PNG with a palette: it shows in colours and reads as class numbers."""
    picture = Image.fromarray(mask)
    picture.putpalette(_PALETTE)  # turns it into a palette picture of the same values
    picture.save(path, format="PNG", bits=2, compress_level=6)


def read_mask(path: str | Path) -> NDArray[np.uint8]:
    """Read a mask: ``(height, width)`` uint8 with values 0 to 3 (see ``CLASSES``)."""
    with Image.open(path) as picture:
        return np.asarray(picture, np.uint8)


def _empty(photo: Photo) -> NDArray[np.uint8]:
    width, height = photo.spec.camera.photo_size
    return np.zeros((height, width), np.uint8)


def _ticks(start: float, stop: float) -> NDArray[np.float64]:
    return np.linspace(start, stop, max(2, int(np.ceil((stop - start) / _STEP_MM)) + 1))


def _stroke(
    mask: NDArray[np.uint8],
    photo: Photo,
    points_mm: NDArray[np.float64],
    width_mm: float,
    value: int,
) -> None:
    if len(points_mm) < 2:
        return
    points = photo.camera.photo_from_page(points_mm)
    scale = _length(points) / max(_length(points_mm), 1e-9)
    thickness = max(1, round(width_mm * scale))
    cv2.polylines(mask, [_fixed(points)], False, value, thickness, cv2.LINE_8, _SHIFT)


def _paper(photo: Photo) -> NDArray[np.uint8]:
    """1 where the photo shows the page."""
    spec = photo.page.spec
    x, y = _ticks(0, spec.width_mm), _ticks(0, spec.height_mm)
    outline = np.concatenate(
        [
            np.stack([x, np.zeros_like(x)], -1),
            np.stack([np.full_like(y, spec.width_mm), y], -1),
            np.stack([x[::-1], np.full_like(x, spec.height_mm)], -1),
            np.stack([np.zeros_like(y), y[::-1]], -1),
        ]
    )
    mask = _empty(photo)
    cv2.fillPoly(mask, [_fixed(photo.camera.photo_from_page(outline))], 1, cv2.LINE_8, _SHIFT)
    return mask


def _length(points: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=-1).sum())


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """OpenCV's fixed-point coordinates."""
    return np.round(np.clip(points, -1e5, 1e5) * 2**_SHIFT).astype(np.int32)
