"""The contact sheet: some photos of a data set beside their masks, in one picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.coding import coded
from dataset_generation.stored import StoredDataset, StoredSample

_TILE = (480, 360)
_CAPTION = 26
_COLUMNS = 2
_MOST = 16
_CLASS_RGB = ((230, 90, 90), (70, 120, 230), (0, 0, 0))


def contact_sheet(dataset: StoredDataset) -> bytes:
    """Up to 16 photos, evenly from the index, each with its mask, as a JPEG; empty for none."""
    if not dataset.rows:
        return b""
    step = max(1, len(dataset) / _MOST)
    chosen = [dataset.rows[int(k * step)] for k in range(min(_MOST, len(dataset)))]
    tiles = [_tile(sample) for sample in dataset.samples(chosen)]
    while len(tiles) % _COLUMNS:
        tiles.append(np.full_like(tiles[0], 255))
    lines = [np.hstack(tiles[k : k + _COLUMNS]) for k in range(0, len(tiles), _COLUMNS)]
    return coded("jpg", np.vstack(lines), [cv2.IMWRITE_JPEG_QUALITY, 88])


def _tile(sample: StoredSample) -> NDArray[np.uint8]:
    """A photo and its mask side by side over a caption."""
    mask = sample.mask()
    empty = np.full((4, 4, 3), 255, np.uint8)
    halves = [fitted(sample.image()), fitted(empty if mask is None else coloured_mask(mask))]
    picture = np.hstack(halves)
    caption = np.full((_CAPTION, picture.shape[1], 3), 255, np.uint8)
    row = sample.row
    words = f"{row['id']}  {row['layout']}  {row['strength']}  {row['target']}"
    cv2.putText(
        caption, words, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA
    )
    return np.vstack([picture, caption])


def coloured_mask(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Classes as ink on white, thickened so that they outlive the reduction."""
    picture = np.full((*mask.shape, 3), 255, np.uint8)
    reach = max(1, round(max(mask.shape) / _TILE[0] / 2))
    for value, rgb in enumerate(_CLASS_RGB, 1):
        ink = (mask == value).astype(np.uint8)
        if value == len(_CLASS_RGB):
            ink = cv2.dilate(ink, np.ones((reach, reach), np.uint8))
        picture[ink > 0] = rgb
    return picture


def fitted(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture within a tile, on grey."""
    height, width = image.shape[:2]
    scale = min((_TILE[0] - 8) / width, (_TILE[1] - 8) / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    tile = np.full((_TILE[1], _TILE[0], 3), 225, np.uint8)
    left, top = (_TILE[0] - size[0]) // 2, (_TILE[1] - size[1]) // 2
    tile[top : top + size[1], left : left + size[0]] = small
    return tile
