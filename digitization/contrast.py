"""Pictures to look at once more: contrast made even, light on dark made dark on light."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

_CLIP = 3.0
_TILES = (8, 8)
_DARK, _DIM = 80, 150


def looks_again(photo: NDArray[np.uint8]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """What else a photo may be read from where too little was seen in it: a name and a picture.

    A screen may show light traces on a dark grid, and look grey among reflections; pages may lie
    in shadow or be printed faintly.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.
    """
    light = np.median(photo[..., 1])
    if light < _DARK:
        yield "inverted", 255 - photo
    yield "evened", even_contrast(photo)
    if _DARK <= light < _DIM:
        yield "inverted", 255 - photo


def even_contrast(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Contrast-limited adaptive equalization of the lightness; colours stay.

    After Zuiderveld 1994 (Graphics Gems IV, doi 10.1016/B978-0-12-336156-1.50061-6).

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.

    Returns:
        The same shape.
    """
    lab = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(_CLIP, _TILES).apply(lab[..., 0])
    even: NDArray[np.uint8] = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).astype(np.uint8, copy=False)
    return even
