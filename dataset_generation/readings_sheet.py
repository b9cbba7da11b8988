"""The picture sheet of a set of readings: pictures with captions, to look over at a glance."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

MOST_TILES = 24
_COLUMNS = 6
_GAP = 6
_CAPTION_LINES = 4
_LINE = 14
_LETTER = 6.6  # width at the scale below
_BLANK = (180, 240)


def readings_sheet(tiles: Sequence[tuple[Path, str]]) -> NDArray[np.uint8]:
    """Up to 24 of the pictures, evenly chosen, over their captions.

    Args:
        tiles: picture file and caption, at least one; a file that is not there is a grey tile.

    Returns:
        ``(height, width, 3)`` uint8 RGB.
    """
    step = max(1.0, len(tiles) / MOST_TILES)
    chosen = [tiles[int(k * step)] for k in range(min(MOST_TILES, len(tiles)))]
    pictures = [_picture(path) for path, _ in chosen]
    height = max(picture.shape[0] for picture in pictures) + _CAPTION_LINES * _LINE + _GAP
    width = max(picture.shape[1] for picture in pictures) + _GAP
    columns = min(_COLUMNS, len(chosen))
    sheet = np.full((-(-len(chosen) // columns) * height, columns * width, 3), 255, np.uint8)
    for k, (picture, (_, caption)) in enumerate(zip(pictures, chosen, strict=True)):
        top, left = k // columns * height, k % columns * width
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        lines = textwrap.wrap(caption, int((width - _GAP) / _LETTER))[:_CAPTION_LINES]
        for number, line in enumerate(lines, 1):
            place = (left + 2, top + picture.shape[0] + number * _LINE - 2)
            cv2.putText(sheet, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (40, 40, 40), 1, 16)
    return sheet


def _picture(path: Path) -> NDArray[np.uint8]:
    if not path.is_file():
        return np.full((*_BLANK, 3), 225, np.uint8)
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f"{path} is damaged")
    return np.asarray(image[..., ::-1])
