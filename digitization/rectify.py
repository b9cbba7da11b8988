"""Undoing the camera: a page's region resampled to fixed pixels per millimetre, once."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ecg.page_geometry import PageGeometry


def page_grid(
    left_mm: float, top_mm: float, size: tuple[int, int], pixels_per_mm: tuple[float, float]
) -> NDArray[np.float64]:
    """Page position of every pixel of a rectified picture.

    Args:
        left_mm, top_mm: page position of the first pixel's centre.
        size: width and height in pixels.
        pixels_per_mm: scale along x and y.

    Returns:
        ``(height, width, 2)`` page millimetres.
    """
    x = left_mm + np.arange(size[0]) / pixels_per_mm[0]
    y = top_mm + np.arange(size[1]) / pixels_per_mm[1]
    return np.stack(np.meshgrid(x, y), axis=-1)


def photo_positions(
    geometry: PageGeometry,
    left_mm: float,
    top_mm: float,
    size: tuple[int, int],
    pixels_per_mm: tuple[float, float],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Photo position of every pixel of a rectified picture.

    The map is evaluated every millimetre or so and enlarged, which is exact for its bilinear
    lattice to far below a pixel.

    Returns:
        Two ``(height, width)`` float32 planes.
    """
    across, down = (max(1, int(scale)) for scale in pixels_per_mm)
    width, height = size
    # cv2.resize has the middle of the first large pixels at the first small one; one more small
    # pixel on every side keeps its edges out.
    coarse = page_grid(
        left_mm - (across + 1) / 2 / pixels_per_mm[0],
        top_mm - (down + 1) / 2 / pixels_per_mm[1],
        (-(-width // across) + 2, -(-height // down) + 2),
        (pixels_per_mm[0] / across, pixels_per_mm[1] / down),
    )
    photo = geometry.photo_from_page(coarse).astype(np.float32)
    whole = (photo.shape[1] * across, photo.shape[0] * down)
    x, y = (
        cv2.resize(np.ascontiguousarray(photo[..., k]), whole, interpolation=cv2.INTER_LINEAR)[
            down : down + height, across : across + width
        ]
        for k in range(2)
    )
    return x, y


def rectify(
    photo: NDArray[np.uint8],
    geometry: PageGeometry,
    left_mm: float,
    top_mm: float,
    size: tuple[int, int],
    pixels_per_mm: float | tuple[float, float],
) -> NDArray[np.uint8]:
    """Resample a region of the page from the photo.

    Where the photo is much finer than asked for, it is shrunk by area first: sampling it
    directly would alias the grid.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.
        geometry: map from page millimetres to photo pixels.
        left_mm, top_mm: page position of the first pixel's centre.
        size: width and height of the result in pixels.
        pixels_per_mm: its scale, or its scales along x and y.

    Returns:
        ``(height, width, 3)`` uint8 RGB; white beyond the photo.
    """
    if not isinstance(pixels_per_mm, tuple):
        pixels_per_mm = (pixels_per_mm, pixels_per_mm)
    at_x, at_y = photo_positions(geometry, left_mm, top_mm, size, pixels_per_mm)
    x0, y0 = int(np.floor(at_x.min())) - 2, int(np.floor(at_y.min())) - 2
    x1, y1 = int(np.ceil(at_x.max())) + 3, int(np.ceil(at_y.max())) + 3
    x0, y0 = max(x0, 0), max(y0, 0)
    part = photo[y0 : max(y1, y0), x0 : max(x1, x0)]
    if part.size == 0:
        return np.full((size[1], size[0], 3), 255, np.uint8)
    at_x, at_y = at_x - x0, at_y - y0
    finer = geometry.pixels_per_mm() / max(pixels_per_mm)
    if finer > 1.4:
        height, width = part.shape[:2]
        small = (max(1, round(width / finer)), max(1, round(height / finer)))
        factor_x, factor_y = small[0] / width, small[1] / height
        part = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
        at_x = (at_x + 0.5) * factor_x - 0.5
        at_y = (at_y + 0.5) * factor_y - 0.5
    return cv2.remap(
        np.ascontiguousarray(part),
        at_x.astype(np.float32),
        at_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(255, 255, 255),
    )
