"""What happens to a sheet after printing: pens, highlighter, stamps, stains, holes, staples, wear.

Marks are data in page millimetres; they are drawn onto the page, so they bend with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.photo_preset import PhotoPreset
from dataset_generation.text import text_coverage

Rgb = tuple[int, int, int]
Points = tuple[tuple[float, float], ...]
FloatArray = NDArray[np.floating]

_PENS: tuple[Rgb, ...] = ((25, 35, 120), (20, 20, 25), (170, 25, 35), (60, 60, 70), (30, 80, 160))
_HIGHLIGHTERS: tuple[Rgb, ...] = ((250, 245, 90), (140, 240, 130), (250, 150, 200), (255, 190, 90))
_STAMPS: tuple[Rgb, ...] = ((40, 60, 150), (160, 40, 60), (50, 50, 60), (60, 110, 80))
_NOTES = (
    "ST up", "?STEMI", "old MI", "seen", "no change", "repeat", "AF", "LBBB", "80 bpm", "ok",
    "cardio", "pain free", "10:40", "V4R?", "norm.", "to file", "QTc?", "Dr.", "bed 7",
)  # fmt: skip
_STAMP_WORDS = ("RECEIVED", "COPY", "CONFIRMED", "FILED", "CARDIOLOGY", "SEEN", "ORIGINAL")
_COVERING = ("hole", "staple", "wear")
_SHIFT = 4


@dataclass(frozen=True)
class Mark:
    """One mark.

    Attributes:
        kind: ``pen``, ``note``, ``highlighter``, ``stamp``, ``stain``, ``hole``, ``staple`` or
            ``wear`` (ink lost along a crease). Holes, staples and wear cover what is below; the
            others darken it.
        points_mm: its line, or its centre, on the page.
        width_mm: of the line; for a note and a stamp the height of a letter, for a stain and a
            hole the radius.
        rgb: colour.
        strength: 0..1, how much of the colour arrives.
        text: words of a note or a stamp.
        angle_deg: turn of the words.
        seed: of a stain's and of wear's irregularity.
    """

    kind: str
    points_mm: Points
    width_mm: float
    rgb: Rgb
    strength: float = 1.0
    text: str = ""
    angle_deg: float = 0.0
    seed: int = 0


def sample_marks(
    rng: np.random.Generator, preset: PhotoPreset, page_size_mm: tuple[float, float]
) -> tuple[Mark, ...]:
    """Sample the marks of a sheet, those of creases apart."""
    width, height = page_size_mm
    marks: list[Mark] = []
    for section, make in (
        (preset.highlighter, _highlighter),
        (preset.stain, _stain),
        (preset.stamp, _stamp),
        (preset.handwriting, _handwriting),
        (preset.staples, _staple),
    ):
        if rng.random() < section.probability:
            pen = _PENS[int(rng.integers(len(_PENS)))]
            for _ in range(section.count.count(rng)):
                marks.append(make(rng, width, height, pen))
    if rng.random() < preset.holes.probability:
        marks += _holes(rng, width, height, preset.holes.count.count(rng))
    return tuple(marks)


def _points(xy: FloatArray) -> Points:
    return tuple((round(float(x), 3), round(float(y), 3)) for x, y in xy)


def _handwriting(rng: np.random.Generator, width: float, height: float, pen: Rgb) -> Mark:
    """A word, a scribble, a ring round a complex, an underline, an arrow or a tick."""
    kind = rng.choice(["note", "scribble", "ring", "line", "arrow", "tick"])
    at = rng.uniform((0.05, 0.05), (0.85, 0.95)) * (width, height)
    line = float(rng.choice([0.3, 0.45, 0.7]))
    strength = float(rng.uniform(0.7, 1.0))
    if kind == "note":
        note = _NOTES[int(rng.integers(len(_NOTES)))]
        turn = float(rng.normal(0, 10))
        return Mark("note", _points(at[None]), float(rng.uniform(3, 8)), pen, strength, note, turn)
    t: FloatArray = np.linspace(0, 1, 60)
    shape: FloatArray
    if kind == "scribble":
        steps = int(rng.integers(30, 120))
        t = np.arange(steps) * rng.uniform(0.5, 0.8)
        size = float(rng.uniform(1.0, 3.0))
        drift = rng.normal(0, 0.3, steps).cumsum() * 0.3
        x = 0.45 * size * t + size * rng.uniform(0.2, 0.7) * np.sin(t * rng.uniform(1.5, 2.5))
        y = drift + size * np.cos(t * rng.uniform(1.7, 2.2)) * rng.uniform(0.4, 1.0, steps).round(1)
        shape = np.stack([x, y], -1)
    elif kind == "ring":
        around = 2 * np.pi * t * rng.uniform(1.0, 1.15) + rng.uniform(0, 6)
        radius = rng.uniform(4, 16, 2) * (1 + 0.1 * np.sin(around / 2))[:, None]
        shape = radius * np.stack([np.cos(around), np.sin(around)], -1)
    elif kind == "tick":
        shape = np.array([[0, 0], [2, 3], [7, -6]]) * rng.uniform(0.5, 1.5)
    else:
        length, slope = rng.uniform(10, 60), rng.normal(0, 0.4 if kind == "arrow" else 0.05)
        shape = np.stack(
            [length * t, length * slope * t + rng.normal(0, 0.1, 60).cumsum() * 0.3], -1
        )
        if kind == "arrow":
            tip, back = shape[-1], (shape[-8] - shape[-1]) * 3 / length * 4
            side = np.array([-back[1], back[0]]) * 0.6
            shape = np.concatenate([shape, [tip + back + side, tip, tip + back - side]])
    return Mark("pen", _points(at + shape), line, pen, strength)


def _highlighter(rng: np.random.Generator, width: float, height: float, _: Rgb) -> Mark:
    at = rng.uniform((0.05, 0.02), (0.6, 0.95)) * (width, height)
    reach = np.array(
        [[0, 0], [rng.uniform(min(15, 0.3 * width), 0.35 * width), rng.normal(0, 1.0)]]
    )
    rgb = _HIGHLIGHTERS[int(rng.integers(len(_HIGHLIGHTERS)))]
    return Mark("highlighter", _points(at + reach), float(rng.uniform(3, 6)), rgb, 0.85)


def _stamp(rng: np.random.Generator, width: float, height: float, _: Rgb) -> Mark:
    at = rng.uniform((0.1, 0.05), (0.9, 0.95)) * (width, height)
    word = _STAMP_WORDS[int(rng.integers(len(_STAMP_WORDS)))]
    rgb = _STAMPS[int(rng.integers(len(_STAMPS)))]
    size, turn = float(rng.uniform(3, 6)), float(rng.normal(0, 15))
    seed = int(rng.integers(2**31))
    return Mark(
        "stamp", _points(at[None]), size, rgb, float(rng.uniform(0.4, 0.9)), word, turn, seed
    )


def _stain(rng: np.random.Generator, width: float, height: float, _: Rgb) -> Mark:
    """A coffee ring, or a blot."""
    at = rng.uniform(-0.05, 1.05, 2) * (width, height)
    rgb: Rgb = ((150, 100, 50), (190, 160, 110), (120, 90, 70))[int(rng.integers(3))]
    seed = int(rng.integers(2**31))
    strength = float(rng.uniform(0.12, 0.45))
    return Mark("stain", _points(at[None]), float(rng.uniform(8, 42)), rgb, strength, "", 0.0, seed)


def _staple(rng: np.random.Generator, width: float, height: float, _: Rgb) -> Mark:
    at = np.array([rng.choice([0.0, 1.0]) * width, rng.choice([0.0, 1.0]) * height])
    at = at + np.sign(np.array([width, height]) / 2 - at) * rng.uniform(4, 14, 2)
    turn = np.deg2rad(rng.choice([0, 45, 90, 135]) + rng.normal(0, 8))
    reach = 6 * np.array([[-1, -1], [1, 1]]) * [np.cos(turn), np.sin(turn)]
    return Mark("staple", _points(at + reach), 0.5, (150, 150, 155), 1.0)


def _holes(rng: np.random.Generator, width: float, height: float, count: int) -> list[Mark]:
    """A row of punch holes along an edge; what is below shows as one colour."""
    side = int(rng.integers(4))
    inset, pitch = float(rng.uniform(8, 13)), 80.0
    length = width if side % 2 == 0 else height
    if pitch * (count - 1) > 0.9 * length:
        pitch = 0.9 * length / max(count - 1, 1)
    along = length / 2 + pitch * (np.arange(count) - (count - 1) / 2) + rng.normal(0, 3)
    across = inset if side in (0, 3) else (height if side == 2 else width) - inset
    rgb: Rgb = ((35, 32, 30), (90, 70, 55), (120, 120, 125))[int(rng.integers(3))]
    pairs = [(a, across) if side % 2 == 0 else (across, a) for a in along]
    return [Mark("hole", _points(np.array([pair])), 2.75, rgb) for pair in pairs]


def crease(
    rng: np.random.Generator, page_size_mm: tuple[float, float], direction_deg: float, at: float,
    worn: float, paper_rgb: Rgb = (250, 248, 246),
) -> Mark:  # fmt: skip
    """Ink lost along a fold at ``at`` (0..1 of the diagonal) across ``direction_deg``."""
    width, height = page_size_mm
    diagonal = float(np.hypot(width, height))
    angle = np.deg2rad(direction_deg)
    normal = np.array([np.cos(angle), np.sin(angle)])
    middle = np.array([width / 2, height / 2]) + normal * (at - 0.5) * diagonal
    along = np.array([-normal[1], normal[0]]) * diagonal / 2
    t = np.linspace(-1, 1, 80)[:, None]
    wobble = rng.normal(0, 0.12, 80).cumsum()[:, None] * normal * 0.5
    seed = int(rng.integers(2**31))
    thickness = float(rng.uniform(0.2, 0.8))
    return Mark("wear", _points(middle + t * along + wobble), thickness, paper_rgb, worn, seed=seed)


def draw_marks(
    image: NDArray[np.uint8],
    marks: tuple[Mark, ...],
    pixels_per_mm: float,
    origin_mm: tuple[float, float],
) -> None:
    """Draw marks into a page, in place.

    Args:
        image: ``(h, w, 3)`` RGB of a part of the page.
        marks: what to draw.
        pixels_per_mm: its scale.
        origin_mm: page position of its first pixel.
    """
    for mark in marks:
        ink, corner_mm = _coverage(mark, pixels_per_mm)
        at = np.round((corner_mm - np.array(origin_mm)) * pixels_per_mm).astype(int)
        left, top = np.maximum(at, 0)
        right = min(at[0] + ink.shape[1], image.shape[1])
        bottom = min(at[1] + ink.shape[0], image.shape[0])
        if right <= left or bottom <= top:
            continue
        laid = ink[top - at[1] : bottom - at[1], left - at[0] : right - at[0]]
        part = image[top:bottom, left:right]
        there = laid > 0
        share = laid[there].astype(np.float32)[:, None] * np.float32(mark.strength / 255)
        colour, below = np.array(mark.rgb, np.float32), part[there].astype(np.float32)
        if mark.kind in _COVERING:
            mixed: FloatArray = below + share * (colour - below)
        else:
            mixed = below * (1 - share * (1 - colour / 255))
        part[there] = (mixed + 0.5).astype(np.uint8)


def _coverage(mark: Mark, scale: float) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Ink of a mark, 0..255, and the page position of its first pixel."""
    points = np.array(mark.points_mm, np.float64)
    if mark.kind in ("note", "stamp"):
        ink = _words(mark, max(4, round(mark.width_mm * scale)))
        return ink, points[0] - np.array(ink.shape[::-1]) / (2 * scale)
    reach = mark.width_mm * (1.3 if mark.kind == "stain" else 1.0) + 2 / scale
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    size = np.ceil((high - low) * scale).astype(int) + 1
    line: NDArray[Any] = np.zeros((size[1], size[0]), np.uint8)
    at = np.round((points - low) * scale * 2**_SHIFT).astype(np.int32)
    if mark.kind == "hole":
        radius = round(mark.width_mm * scale * 2**_SHIFT)
        cv2.circle(line, (int(at[0, 0]), int(at[0, 1])), radius, 255, -1, cv2.LINE_AA, _SHIFT)
    elif mark.kind == "stain":
        line = _blot(mark, line.shape, scale)
    else:
        thickness = max(1, round(mark.width_mm * scale))
        cv2.polylines(line, [at], False, 255, thickness, cv2.LINE_AA, _SHIFT)
        if mark.kind == "wear":
            rough = np.random.default_rng(mark.seed).uniform(0, 1, 997).astype(np.float32)
            ys, xs = np.nonzero(line)
            line[ys, xs] = (line[ys, xs] * rough[((xs + 3 * ys) // 2) % 997]).astype(np.uint8)
    return line, low


def _blot(mark: Mark, shape: tuple[int, ...], scale: float) -> NDArray[np.uint8]:
    rng = np.random.default_rng(mark.seed)
    small = max(1, round(min(shape) / 160))
    rows, columns = shape[0] // small + 1, shape[1] // small + 1
    y, x = np.mgrid[:rows, :columns].astype(np.float32) * small
    away = np.hypot(x - shape[1] / 2, y - shape[0] / 2) / (mark.width_mm * scale)
    angle = np.arctan2(y - shape[0] / 2, x - shape[1] / 2)
    for order in (2, 3, 5):
        away = away * (1 + 0.05 * rng.normal() * np.cos(order * angle + rng.uniform(0, 6)))
    edge = np.exp(-(((away - 0.94) / rng.uniform(0.02, 0.06)) ** 2))
    fill = rng.uniform(0.0, 0.7) / (1 + np.exp(np.minimum((away - 0.95) * 40, 50)))
    if rng.random() < 0.5:
        edge = edge * (0.5 + 0.5 * np.cos(angle - rng.uniform(0, 6)))
    laid = (255 * np.clip(edge + fill, 0, 1)).astype(np.uint8)
    return np.asarray(cv2.resize(laid, (shape[1], shape[0])), np.uint8)


def _words(mark: Mark, height_px: int) -> NDArray[np.uint8]:
    """A note in a script face, or a stamp in its frame; turned, with room for the turn."""
    ink: NDArray[Any]
    if mark.kind == "note":
        face, thickness = cv2.FONT_HERSHEY_SCRIPT_COMPLEX, max(1, height_px // 10)
        size = cv2.getFontScaleFromHeight(face, height_px, thickness)
        (width, height), below = cv2.getTextSize(mark.text, face, size, thickness)
        ink = np.zeros((height + below + 8, width + 8), np.uint8)
        cv2.putText(ink, mark.text, (4, height + 4), face, size, 255, thickness, cv2.LINE_AA)
    else:
        letters = text_coverage(mark.text, "DejaVuSans-Bold", height_px)
        pad = height_px // 2 + 2
        ink = np.pad(letters, pad)
        edge = max(1, height_px // 8)
        cv2.rectangle(ink, (edge, edge), (ink.shape[1] - edge, ink.shape[0] - edge), 255, edge)
        rng = np.random.default_rng(mark.seed)
        patchy = rng.uniform(0.3, 1.3, (6, 20)).astype(np.float32)
        patchy = cv2.resize(patchy, ink.shape[::-1], interpolation=cv2.INTER_CUBIC)
        ink = (ink * np.clip(patchy, 0, 1)).astype(np.uint8)
    side = int(np.hypot(*ink.shape)) + 2
    turn = cv2.getRotationMatrix2D((ink.shape[1] / 2, ink.shape[0] / 2), mark.angle_deg, 1.0)
    turn[:, 2] += (side - np.array(ink.shape[::-1])) / 2
    return np.asarray(cv2.warpAffine(ink, turn, (side, side)), np.uint8)
