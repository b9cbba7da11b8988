"""Pictures as the bytes of their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def coded(suffix: str, picture: NDArray[Any], parameters: Sequence[int] = ()) -> bytes:
    """Encode a picture.

    Args:
        suffix: ``jpg`` or ``png``.
        picture: ``(h, w, 3)`` uint8 RGB, or ``(h, w)`` of 8 or 16 bits.
        parameters: OpenCV's, in pairs.

    Raises:
        ValueError: if it cannot be encoded, as where it is too large for its format.
    """
    rgb = picture.ndim == 3
    inner = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if rgb else np.ascontiguousarray(picture)
    ok, content = cv2.imencode(f".{suffix}", inner, list(parameters))
    if not ok:
        raise ValueError(f"a picture of {picture.shape[1]} x {picture.shape[0]} cannot be encoded")
    return bytes(content)
