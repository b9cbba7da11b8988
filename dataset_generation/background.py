"""What lies under the page: procedural wood, cloth, plain desks and other papers."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_COLOURS = (
    (120, 85, 55), (160, 120, 80), (60, 45, 35), (40, 42, 45), (200, 195, 185),
    (90, 60, 110), (70, 90, 120), (180, 60, 50), (60, 100, 70), (225, 225, 228), (20, 20, 22),
)  # fmt: skip


def background(rng: np.random.Generator, width: int, height: int) -> NDArray[np.uint8]:
    """Draw a surface.

    Returns:
        ``(height, width, 3)`` uint8 RGB.
    """
    colour = np.array(_COLOURS[int(rng.integers(len(_COLOURS)))], np.float32)
    kind = rng.choice(["wood", "cloth", "plain", "paper"])
    small_h, small_w = max(4, height // 4), max(4, width // 4)
    if kind == "wood":
        grain = rng.standard_normal((small_h, max(2, small_w // 24)), np.float32)
        if rng.random() < 0.3:
            grain = rng.standard_normal((max(2, small_h // 24), small_w), np.float32)
        texture = cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
        texture = 14 * cv2.GaussianBlur(texture, (0, 0), 1.5)
    elif kind == "cloth":
        x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
        period = rng.uniform(4, 14)
        weave = np.sin(x * 2 * np.pi / period)[None, :] + np.sin(y * 2 * np.pi / period)[:, None]
        texture = rng.uniform(3, 14) * weave
    elif kind == "plain":
        texture = np.zeros((height, width), np.float32)
    else:
        colour = np.array((235, 232, 226), np.float32)
        texture = np.zeros((height, width), np.float32)
        pitch = int(rng.integers(14, 40))
        for y0 in range(pitch, height, pitch):
            x0 = int(rng.integers(0, max(width // 3, 1)))
            while x0 < width:
                length = int(rng.integers(pitch // 2, pitch * 3))
                if rng.random() < 0.7:
                    texture[y0 : y0 + max(1, pitch // 4), x0 : x0 + length] = -170
                x0 += length + pitch // 3
    blotch = rng.standard_normal((max(2, height // 100), max(2, width // 100)), np.float32)
    texture = texture + 6 * cv2.resize(blotch, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(colour + texture[..., None], 0, 255).astype(np.uint8)
