"""Masks of a photo: PTB-V's four classes, and the ink of each lead."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dataset_generation.coding import coded
from dataset_generation.photo import Photo
from ecg.leads import LEAD_INDEX
from ecg.paper import MAJOR_GRID_MM

CLASSES = ("background", "grid_x", "grid_y", "trace")
"""Names of the mask values 0 to 3: paper and desk, 5 mm lines at constant x, 5 mm lines at
constant y, traces with calibration pulses. Where they meet the higher value wins."""

_PALETTE = (255, 255, 255, 235, 110, 110, 110, 150, 235, 0, 0, 0)
_SHIFT = 4
_STEP_MM = 3.0
_SLACK_PX = 0.08  # how far a drawn line may leave its points


def four_class_mask(photo: Photo, leads: NDArray[np.uint16] | None = None) -> NDArray[np.uint8]:
    """Draw PTB-V's mask of a photo: ``(height, width)`` uint8 with values 0 to 3.

    Args:
        photo: the photo.
        leads: its ``lead_masks``, where they are drawn already.
    """
    spec = photo.page.spec
    mask = _empty(photo)
    for left, top, right, bottom in spec.grid.boxes_mm if spec.grid.major_width_mm > 0 else ():
        along_x, along_y = _ticks(left, right), _ticks(top, bottom)
        x_lines = np.arange(left, right + 1e-6, MAJOR_GRID_MM)
        y_lines = np.arange(top, bottom + 1e-6, MAJOR_GRID_MM)
        upright = [np.stack([np.full_like(along_y, x), along_y], axis=-1) for x in x_lines]
        level = [np.stack([along_x, np.full_like(along_x, y)], axis=-1) for y in y_lines]
        _strokes(mask, photo, upright, spec.grid.major_width_mm, 1)
        _strokes(mask, photo, level, spec.grid.major_width_mm, 2)
    _strokes(mask, photo, list(photo.page.pulses), spec.trace_width_mm, 3)
    mask *= _paper(photo)
    mask[cv2.compare(lead_masks(photo) if leads is None else leads, 0, cv2.CMP_GT) > 0] = 3
    return mask


def lead_masks(photo: Photo) -> NDArray[np.uint16]:
    """Draw the ink of every lead: ``(height, width)`` uint16, bit k for lead k of ``LEADS``.

    A pixel where two leads cross has both bits. A lead's rhythm strip is included.
    """
    masks = np.zeros(photo.spec.camera.photo_size[::-1], np.uint16)
    paper = _paper(photo)
    width_mm = photo.page.spec.trace_width_mm
    for trace, points in zip(photo.page.traces, photo.trace_points, strict=True):
        box = _stroke(ink := np.zeros_like(paper), points, trace.points_mm, width_mm, 1)
        part = (ink[box] & paper[box]).astype(np.uint16)
        masks[box] |= part << LEAD_INDEX[trace.lead]
    return masks


def lead_mask(photo: Photo, lead: str) -> NDArray[np.uint8]:
    """The ink of one lead: ``(height, width)`` uint8, 1 where it is printed."""
    return ((lead_masks(photo) >> LEAD_INDEX[lead]) & 1).astype(np.uint8)


def mask_png(mask: NDArray[np.uint8]) -> bytes:
    """A four-class mask as a PNG with a palette: it shows in colours, reads as class numbers."""
    picture = Image.fromarray(mask)
    picture.putpalette(_PALETTE)  # turns it into a palette picture of the same values
    file = io.BytesIO()
    picture.save(file, format="PNG", bits=2, compress_level=3)
    return file.getvalue()


def lead_masks_png(masks: NDArray[np.uint16]) -> bytes:
    """The masks of the leads as a 16-bit grey PNG."""
    how = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
    return coded("png", masks, how)


def read_mask(file: str | Path | bytes) -> NDArray[np.uint8]:
    """Read a four-class mask: ``(height, width)`` uint8 with values 0 to 3 (see ``CLASSES``)."""
    with warnings.catch_warnings():
        # Photos are bounded where they are made, above what Pillow warns of.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as picture:
            return np.asarray(picture, np.uint8)


def read_lead_masks(content: bytes) -> NDArray[np.uint16]:
    """Read the masks of the leads (see ``lead_masks``).

    Raises:
        ValueError: if it is no 16-bit PNG.
    """
    masks = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if masks is None or masks.dtype != np.uint16 or masks.ndim != 2:
        raise ValueError("these are no masks of leads: they are 16-bit grey PNGs")
    return np.asarray(masks, np.uint16)


def _empty(photo: Photo) -> NDArray[np.uint8]:
    width, height = photo.spec.camera.photo_size
    return np.zeros((height, width), np.uint8)


def _ticks(start: float, stop: float) -> NDArray[np.float64]:
    return np.linspace(start, stop, max(2, int(np.ceil((stop - start) / _STEP_MM)) + 1))


def _strokes(
    mask: NDArray[np.uint8],
    photo: Photo,
    lines_mm: list[NDArray[np.float64]],
    width_mm: float,
    value: int,
) -> None:
    """Draw page lines as wide as they are printed."""
    if not lines_mm:
        return
    every_mm = np.concatenate(lines_mm)
    every = photo.camera.photo_from_page(every_mm)
    thickness = _thickness(every, every_mm, width_mm)
    ends = np.cumsum([len(line) for line in lines_mm])[:-1]
    lines = [
        _fixed(cv2.approxPolyDP(points.astype(np.float32), _SLACK_PX, False))
        for points in np.split(every, ends)
    ]
    cv2.polylines(mask, lines, False, value, thickness, cv2.LINE_8, _SHIFT)


def _thickness(points: NDArray[np.float64], points_mm: NDArray[np.float64], width_mm: float) -> int:
    """Width of a line in whole pixels, by how long it is in the photo and on the page."""
    return max(1, round(width_mm * _length(points) / max(_length(points_mm), 1e-9)))


def _stroke(
    mask: NDArray[np.uint8],
    points: NDArray[np.float64],
    line_mm: NDArray[np.float64],
    width_mm: float,
    value: int,
) -> tuple[slice, slice]:
    """Draw one line; returns the part of the mask that it may have touched."""
    if len(points) < 2:
        return np.s_[:0, :0]
    thickness = _thickness(points, line_mm, width_mm)
    size = mask.shape[::-1]
    if thickness == 1:
        # OpenCV's thin lines leave their points by a pixel: take the pixel of every half pixel.
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        every = np.arange(0, along[-1] + 0.5, 0.5)
        at = np.stack([np.interp(every, along, points[:, k]) for k in range(2)], axis=-1)
        at = np.rint(at).astype(int)
        at = at[((at >= 0) & (at < size)).all(axis=1)]
        mask[at[:, 1], at[:, 0]] = value
    else:
        drawn = cv2.approxPolyDP(points.astype(np.float32), _SLACK_PX, False)
        cv2.polylines(mask, [_fixed(drawn)], False, value, thickness, cv2.LINE_8, _SHIFT)
    left, top = np.clip(points.min(axis=0) - thickness - 2, 0, size).astype(int)
    right, bottom = np.clip(points.max(axis=0) + thickness + 3, 0, size).astype(int)
    return np.s_[top:bottom, left:right]


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
