"""What lies under the page: procedural wood, grain, cloth, plain desks and other papers.

A surface is drawn at a quarter of the photo's size and enlarged: it is out of focus anyway.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.coarse import enlarged

SURFACES = ("white", "black", "wood", "grain", "cloth", "plain", "paper", "papers")

_COLOURS = (
    (120, 85, 55), (160, 120, 80), (60, 45, 35), (40, 42, 45), (200, 195, 185),
    (90, 60, 110), (70, 90, 120), (180, 60, 50), (60, 100, 70), (225, 225, 228), (20, 20, 22),
)  # fmt: skip
_WOODS = ((125, 85, 52), (165, 122, 80), (70, 48, 34), (96, 62, 40), (190, 150, 105))
_COARSE = 4


def background(
    kind: str, seed: int, photo_size: tuple[int, int], roi: tuple[int, int, int, int]
) -> NDArray[np.uint8]:
    """Draw a surface.

    Args:
        kind: one of ``SURFACES``.
        seed: of its pattern.
        photo_size: width and height of the whole photo.
        roi: left, top, width and height of the region.

    Returns:
        ``(height, width, 3)`` uint8 RGB.
    """
    if kind in ("white", "black"):
        level = 255 if kind == "white" else 26
        return np.full((roi[3], roi[2], 3), level, np.uint8)
    rng = np.random.default_rng(seed)
    surface = _surface(rng, kind, (photo_size[0] // _COARSE + 2, photo_size[1] // _COARSE + 2))
    # Its last points lie beyond the photo.
    return enlarged(surface[:-1, :-1], _COARSE, roi)


def _surface(rng: np.random.Generator, kind: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    width, height = size
    colour = np.array(_COLOURS[int(rng.integers(len(_COLOURS)))], np.float32)
    texture = np.zeros((height, width), np.float32)
    if kind in ("wood", "grain"):
        colour = np.array(_WOODS[int(rng.integers(len(_WOODS)))], np.float32)
        texture = _wood(rng, width, height, planks=kind == "wood")
    elif kind == "cloth":
        period = rng.uniform(1.5, 5)
        x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
        weave = np.sin(x * 2 * np.pi / period)[None, :] + np.sin(y * 2 * np.pi / period)[:, None]
        texture = rng.uniform(3, 14) * weave
    elif kind == "paper":
        colour = np.array((235, 232, 226), np.float32)
        texture = _lines_of_text(rng, width, height, max(4, round(height / rng.uniform(30, 80))))
    blotch = rng.standard_normal((max(2, height // 25), max(2, width // 25)), np.float32)
    texture = texture + 6 * cv2.resize(blotch, (width, height), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(colour + texture[..., None], 0, 255).astype(np.uint8)
    if kind == "papers":
        for _ in range(int(rng.integers(1, 5))):
            _lay_paper(rng, picture)
    return picture


def _wood(rng: np.random.Generator, width: int, height: int, planks: bool) -> NDArray[np.float32]:
    """Streaks along one side, bent a little; planks have their own shade and a dark joint."""
    upright = rng.random() < 0.5
    long, wide = (height, width) if upright else (width, height)
    streaks = rng.standard_normal((max(4, wide), max(2, long // 40)), np.float32)
    grain = cv2.resize(streaks, (long, wide), interpolation=cv2.INTER_CUBIC)
    grain = 13 * cv2.GaussianBlur(grain, (0, 0), 1.0)
    y = np.arange(wide, dtype=np.float32)[:, None]
    bend = 6 * np.sin(np.arange(long, dtype=np.float32) / long * rng.uniform(2, 9))[None, :]
    rings = np.sin((y + bend) / rng.uniform(2, 7)) * rng.uniform(0, 9)
    texture = grain + rings
    if planks:
        count = int(rng.integers(2, 7))
        for edge in np.linspace(0, wide, count + 1)[1:]:
            stop = round(float(edge))
            start = max(0, stop - round(wide / count))
            texture[start:stop] += rng.normal(0, 9)
            texture[max(0, stop - 1) : stop] -= 45
    return np.ascontiguousarray(texture.T if upright else texture, np.float32)


def _lines_of_text(
    rng: np.random.Generator, width: int, height: int, pitch: int
) -> NDArray[np.float32]:
    ink = np.zeros((height, width), np.float32)
    for y in range(pitch, height, pitch):
        x = int(rng.integers(0, max(width // 3, 1)))
        while x < width:
            length = int(rng.integers(max(pitch // 2, 1), pitch * 3))
            if rng.random() < 0.7:
                ink[y : y + max(1, pitch // 4), x : x + length] = -170
            x += length + max(pitch // 3, 1)
    return ink


def _lay_paper(rng: np.random.Generator, picture: NDArray[np.uint8]) -> None:
    """Another sheet on the desk: turned, with lines of text, ruled, squared or empty."""
    height, width = picture.shape[:2]
    sheet_width = max(8, round(width * rng.uniform(0.3, 0.8)))
    sheet_height = max(8, round(sheet_width * rng.choice([0.7, 1.4])))
    level = rng.uniform(200, 250)
    sheet = np.full((sheet_height, sheet_width), level, np.float32)
    kind = rng.choice(["text", "ruled", "squared", "empty"])
    pitch = int(rng.integers(4, 11))
    if kind == "text":
        sheet += _lines_of_text(rng, sheet_width, sheet_height, pitch) * np.float32(0.9)
    if kind in ("ruled", "squared"):
        sheet[::pitch] -= rng.uniform(20, 90)
    if kind == "squared":
        sheet[:, ::pitch] -= rng.uniform(20, 90)
    tint = np.array([1.0, rng.uniform(0.96, 1.0), rng.uniform(0.9, 1.0)], np.float32)
    turn = cv2.getRotationMatrix2D(
        (sheet_width / 2, sheet_height / 2), float(rng.uniform(-60, 60)), 1.0
    )
    turn[:, 2] += rng.uniform(0, 1, 2) * (width, height) - [sheet_width / 2, sheet_height / 2]
    placed = cv2.warpAffine(np.clip(sheet, 0, 255), turn, (width, height))
    mask = cv2.warpAffine(np.ones_like(sheet), turn, (width, height))[..., None]
    picture[:] = (picture * (1 - mask) + mask * placed[..., None] * tint).astype(np.uint8)
