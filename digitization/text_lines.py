"""Lines of print on the page: found by their letters, cut out and spelled.

Letters are folded to lower case; what the reader has no letter for is written as a dash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from digitization.rectify import rectify
from ecg.page_geometry import PageGeometry

CHARACTERS = " 0123456789abcdefghijklmnopqrstuvwxyz./:,-=()"
LINE_PX = 32
"""Height of a crop; a line's box fills half of it."""
STEP_PX = 4
"""Pixels along a line for each answer of the reader."""
_BOX_PX = 16.0
_PIXELS_PER_MM = 5.0
_INK = 0.4
_LONGEST_STROKE_MM = 4.5
_HIGHEST_MM = 5.5
_LINE_MM = 1.0
_WIDEST_MM = 12.0
_JOINED_MM = 1.2
_SPACE = 1.6
_LEVEL = 0.4
_SHARED = 0.7
_LEAST_WIDTH_MM = 4.0
_BESIDE_MM = 2.0
_MOST_LINES = 40

ReadsText = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True)
class TextLine:
    """A line as it was read.

    Attributes:
        text: its characters.
        sure: ``(len(text),)`` how sure each of them is, 0..1.
        box_mm: left, top, right and bottom on the page.
    """

    text: str
    sure: NDArray[np.float32]
    box_mm: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


def spell(text: str) -> str:
    """A text in the reader's characters."""
    return "".join(c if c in CHARACTERS else "-" for c in text.lower().replace("×", "x"))


def read_steps(probability: NDArray[np.floating]) -> TextLine:
    """The likeliest letters of ``(steps, 1 + characters)`` answers, the first class being none."""
    best = probability.argmax(axis=1)
    text, sure = [], []
    last = 0
    for step, number in enumerate(best):
        if number and number != last:
            text.append(CHARACTERS[number - 1])
            sure.append(float(probability[step, number]))
        elif number:
            sure[-1] = max(sure[-1], float(probability[step, number]))
        last = number
    return TextLine("".join(text), np.array(sure, np.float32))


def read_lines(
    photo: NDArray[np.uint8], geometry: PageGeometry, read: ReadsText
) -> tuple[TextLine, ...]:
    """Read the lines of print on an upright page.

    Args:
        photo: ``(h, w, 3)`` uint8 RGB.
        geometry: map of the page.
        read: probabilities ``(steps, 1 + characters)`` of a grey crop of ``LINE_PX`` rows.
    """
    left, top, right, bottom = geometry.extent_mm
    scale = _PIXELS_PER_MM
    size = (round((right - left) * scale), round((bottom - top) * scale))
    page = rectify(photo, geometry, left, top, size, scale)
    lines = []
    for box in find_lines(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)):
        x, y, width, height = (value / scale for value in box)
        box_mm = (left + x, top + y, left + x + width, top + y + height)
        line = read_steps(read(_crop(photo, geometry, box_mm)))
        if line.text:
            lines.append(replace(line, box_mm=box_mm))
    return tuple(lines)


def find_lines(page: NDArray[np.uint8]) -> list[tuple[int, int, int, int]]:
    """Boxes of what may be lines of text, those of most letters first.

    Letters are dark specks of their size, once the lines of the grid are taken out; letters that
    stand beside each other make a line.

    Args:
        page: ``(h, w)`` grey rectified page at its 5 pixels per mm.

    Returns:
        Left, top, width and height in pixels.
    """
    paper = cv2.resize(page, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    paper = cv2.medianBlur(cv2.dilate(paper, np.ones((5, 5), np.uint8)), 21)
    paper = cv2.resize(paper, page.shape[::-1], interpolation=cv2.INTER_LINEAR)
    depth = cv2.subtract(paper, page)
    long = _px(_LONGEST_STROKE_MM)
    level = cv2.morphologyEx(depth, cv2.MORPH_OPEN, np.ones((1, long), np.uint8))
    upright = cv2.morphologyEx(depth, cv2.MORPH_OPEN, np.ones((long, 1), np.uint8))
    depth = cv2.subtract(depth, cv2.max(level, upright))
    least = _INK * float(np.quantile(depth[::3, ::3], 0.995))
    ink = (depth > least).astype(np.uint8)
    # A level line through a word, as that of a frame, cut its letters in two.
    whole = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((_px(_LINE_MM), 1), np.uint8))
    ink |= whole & (level > least).astype(np.uint8)
    _, labels, stats, middles = cv2.connectedComponentsWithStats(ink, connectivity=8)
    width, height = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    letter = (height <= _px(_HIGHEST_MM)) & (width <= _px(_WIDEST_MM))
    letter &= np.maximum(width, height) >= _px(0.5)
    letter[0] = False
    letters = letter[labels].astype(np.uint8)
    joined = cv2.morphologyEx(letters, cv2.MORPH_CLOSE, np.ones((1, _px(_JOINED_MM)), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    columns, rows = np.round(middles[letter]).astype(int).T
    letters_in = np.bincount(labels[rows, columns], minlength=count)
    words = [
        (x, y, width, height, letters)
        for (x, y, width, height, _), letters in zip(
            stats[1:].tolist(), letters_in[1:].tolist(), strict=True
        )
        if _px(0.7) < height < _px(_HIGHEST_MM)
    ]
    found = [line for line in _joined(words) if line[2] > _px(_LEAST_WIDTH_MM)]
    found.sort(key=lambda line: -line[4])
    return [line[:4] for line in found[:_MOST_LINES]]


def _joined(words: list[tuple[int, int, int, int, int]]) -> list[tuple[int, int, int, int, int]]:
    """Words (left, top, width, height, letters) beside each other on one level as one line."""
    lines: list[tuple[int, int, int, int, int]] = []
    for word in sorted(words):
        x, y, width, height, letters = word
        for number in range(len(lines) - 1, -1, -1):
            left, top, wide, high, before = lines[number]
            tall = max(high, height)
            shared = min(top + high, y + height) - max(top, y)
            level = abs(top + high / 2 - y - height / 2) < _LEVEL * tall
            if level and shared > _SHARED * min(high, height) and x - left - wide < _SPACE * tall:
                beyond, below = max(left + wide, x + width), max(top + high, y + height)
                first = min(top, y)
                lines[number] = (left, first, beyond - left, below - first, before + letters)
                break
        else:
            lines.append(word)
    return lines


def _px(millimetres: float) -> int:
    """Odd number of pixels on the page in which lines are sought."""
    return round(millimetres * _PIXELS_PER_MM) | 1


def _crop(
    photo: NDArray[np.uint8], geometry: PageGeometry, box_mm: tuple[float, float, float, float]
) -> NDArray[np.uint8]:
    """``(LINE_PX, w)`` grey crop about a line."""
    left, top, right, bottom = box_mm
    scale = _BOX_PX / (bottom - top)
    width = -(-round((right - left + 2 * _BESIDE_MM) * scale) // STEP_PX) * STEP_PX
    middle = (top + bottom) / 2
    first = middle - (LINE_PX - 1) / 2 / scale
    picture = rectify(photo, geometry, left - _BESIDE_MM, first, (width, LINE_PX), scale)
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
