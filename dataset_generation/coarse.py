"""What changes slowly over a photo is made on a coarse grid and enlarged."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def enlarged(coarse: NDArray[Any], step: int, roi: tuple[int, int, int, int]) -> NDArray[Any]:
    """A region of a photo from a coarse picture of the whole: a part is as it is in the whole.

    Args:
        coarse: ``(rows, columns)`` or ``(rows, columns, channels)``; its point k lies at pixel
            ``step * k + (step - 1) / 2``, where cv2.resize, which aligns outer edges, meets it.
        step: pixels between its points.
        roi: left, top, width and height; beyond the photo its edge goes on.

    Returns:
        ``(height, width, ...)`` of the type of ``coarse``.
    """
    left, top, width, height = roi
    rows, columns = coarse.shape[:2]
    first_x, first_y = left // step - 1, top // step - 1
    at_x = np.clip(np.arange(first_x, (left + width) // step + 2), 0, columns - 1)
    at_y = np.clip(np.arange(first_y, (top + height) // step + 2), 0, rows - 1)
    part = coarse[at_y][:, at_x]
    size = (part.shape[1] * step, part.shape[0] * step)
    big = cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)
    x, y = left - first_x * step, top - first_y * step
    return np.ascontiguousarray(big[y : y + height, x : x + width])
