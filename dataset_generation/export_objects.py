"""What is to be seen in a photo, as outlines: ink of leads and pulses, lead names, the paper.

Convention: outlines are ``(n, 2)`` points (x, y) on the edges of pixels, as COCO and YOLO have
them: (0, 0) is the left top corner of the first pixel, (width, height) that of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.masks import CLASSES, four_class_mask, lead_masks
from dataset_generation.stored import StoredSample
from dataset_generation.truth import PhotoTruth
from ecg.leads import LEAD_INDEX, LEADS

CATEGORIES = (*LEADS, "lead_name", "pulse", "paper")
"""Names of the kinds of objects."""

_SHIFT = 4  # OpenCV's fixed-point sub-pixel bits
_PAPER_STEP_MM = 5.0
_SLACK_PX = 0.4  # how far the outline of ink may leave its pixels


@dataclass(frozen=True, eq=False)
class PhotoObject:
    """One object.

    Attributes:
        category: of ``CATEGORIES``; a lead is one printed stretch of it.
        outlines: closed lines around its parts; holes are joined to them by a slit.
        attributes: what else is known of it.
    """

    category: str
    outlines: tuple[NDArray[np.float64], ...]
    attributes: dict[str, Any]

    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height."""
        points = np.concatenate(self.outlines)
        left, top = points.min(axis=0)
        width, height = points.max(axis=0) - (left, top)
        return float(left), float(top), float(width), float(height)

    def area(self) -> float:
        """Square pixels."""
        return sum(area_of(outline) for outline in self.outlines)


def checked_image(sample: StoredSample) -> NDArray[np.uint8]:
    """The photo, ``(height, width, 3)`` uint8 RGB.

    Raises:
        ValueError: if it is damaged or not of the size that its truth has.
    """
    image = sample.image()
    width, height = sample.truth.photo_size
    if image.shape[:2] != (height, width):
        raise ValueError(f"the picture of {sample.id} is not {width} x {height}")
    return image


def photo_objects(sample: StoredSample) -> list[PhotoObject]:
    """The objects of a photo: stretches, pulses, lead names and the paper, each if in sight.

    Raises:
        ValueError: if the masks are not of the photo's size.
    """
    truth = sample.truth
    leads, mask = sample.lead_masks(), sample.mask()
    if leads is None or mask is None:
        photo = sample.remake()
        leads = lead_masks(photo)
        mask = four_class_mask(photo, leads)
    width, height = truth.photo_size
    if not leads.shape == mask.shape == (height, width):
        raise ValueError(f"the masks of {sample.id} are not {width} x {height}")
    found = [
        PhotoObject(
            stretch.lead,
            _ink(truth, stretch.photo_points, leads, 1 << LEAD_INDEX[stretch.lead]),
            {
                "rhythm": stretch.is_rhythm,
                "row": stretch.row,
                "column": stretch.column,
                "sign": stretch.sign,
                "start_s": stretch.start_s,
                "duration_s": stretch.duration_s,
                "visible": stretch.visible,
            },
        )
        for stretch in truth.stretches
    ]
    traces = (mask == CLASSES.index("trace")).astype(np.uint16)
    found += [PhotoObject("pulse", _ink(truth, pulse, traces, 1), {}) for pulse in truth.pulses]
    for word in truth.words:
        if word.lead is not None:
            quad = _on_photo(word.photo_quad, truth.photo_size)
            found.append(PhotoObject("lead_name", quad, {"lead": word.lead, "text": word.text}))
    found.append(PhotoObject("paper", _on_photo(_page_edge(truth), truth.photo_size), {}))
    return [thing for thing in found if thing.outlines]


def area_of(outline: NDArray[np.float64]) -> float:
    """Square pixels within an outline."""
    x, y = (outline - outline[0]).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def joined(outlines: tuple[NDArray[np.float64], ...]) -> NDArray[np.float64]:
    """One outline of several: each is joined where it is nearest, by a slit of no width."""
    whole = outlines[0]
    for part in outlines[1:]:
        away = np.linalg.norm(whole[:, None] - part[None], axis=-1)
        at, first = np.unravel_index(int(away.argmin()), away.shape)
        loop = np.roll(part, -first, axis=0)
        whole = np.concatenate([whole[: at + 1], loop, loop[:1], whole[at:]])
    return whole


def _ink(
    truth: PhotoTruth, line: NDArray[np.float64], mask: NDArray[np.uint16], bit: int
) -> tuple[NDArray[np.float64], ...]:
    """Outlines of a mask's ink along a line; the search is a little wider than the pen."""
    reach = round(1.3 * truth.page_spec.trace_width_mm * truth.pixels_per_mm) + 1
    size = mask.shape[::-1]
    left, top = np.clip(np.floor(line.min(axis=0)) - reach, 0, size).astype(int)
    right, bottom = np.clip(np.ceil(line.max(axis=0)) + reach + 1, 0, size).astype(int)
    part = (mask[top:bottom, left:right] & bit).astype(bool).astype(np.uint8)
    if not part.any():
        return ()
    along = np.zeros_like(part)
    points = np.round(np.clip(line - (left, top), -1e5, 1e5) * 2**_SHIFT).astype(np.int32)
    cv2.polylines(along, [points], False, 1, reach, cv2.LINE_8, _SHIFT)
    return tuple(outline + (left, top) for outline in _outlines(part & along))


def _outlines(mask: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
    """Outlines of a mask's parts, along the edges of its pixels."""
    height, width = mask.shape
    # Twice the pixels and one: each pixel reaches over its edges, which then have places.
    edges = np.zeros((2 * height + 1, 2 * width + 1), np.uint8)
    edges[1::2, 1::2] = mask
    edges = cv2.dilate(edges, np.ones((3, 3), np.uint8))
    lines, tree = cv2.findContours(edges, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not lines:
        return []
    rings = [_simplified(line) for line in lines]
    holes: dict[int, list[NDArray[np.float64]]] = {}
    for ring, (_, _, _, parent) in zip(rings, tree[0], strict=True):
        if parent >= 0 and area_of(ring):
            holes.setdefault(int(parent), []).append(ring)
    return [
        joined((ring, *holes.get(number, ())))
        for number, ring in enumerate(rings)
        if tree[0][number][3] < 0
    ]


def _simplified(line: NDArray[np.int32]) -> NDArray[np.float64]:
    drawn = cv2.approxPolyDP(line, 2 * _SLACK_PX, True)
    kept = drawn if len(drawn) > 2 else line
    return np.asarray(kept[:, 0] / 2, np.float64)


def _page_edge(truth: PhotoTruth) -> NDArray[np.float64]:
    width, height = truth.page_size_mm
    x = np.linspace(0, width, round(width / _PAPER_STEP_MM) + 1)
    y = np.linspace(0, height, round(height / _PAPER_STEP_MM) + 1)
    sides = [
        np.stack([x, np.zeros_like(x)], axis=-1)[:-1],
        np.stack([np.full_like(y, width), y], axis=-1)[:-1],
        np.stack([x[::-1], np.full_like(x, height)], axis=-1)[:-1],
        np.stack([np.zeros_like(y), y[::-1]], axis=-1)[:-1],
    ]
    edge = truth.photo_from_page.photo_from_page(np.concatenate(sides))
    return np.asarray(edge, np.float64)


def _on_photo(
    points: NDArray[np.float64], photo_size: tuple[int, int]
) -> tuple[NDArray[np.float64], ...]:
    """The part of a polygon of photo points that lies on the photo (Sutherland, Hodgman 1974)."""
    outline = points + 0.5
    for axis, limit, sign in ((0, 0, 1), (0, photo_size[0], -1), (1, 0, 1), (1, photo_size[1], -1)):
        inside = sign * (outline[:, axis] - limit) >= 0
        kept = []
        for number, end in enumerate(outline):
            start = outline[number - 1]
            if inside[number] != inside[number - 1]:
                kept.append(start + (limit - start[axis]) / (end - start)[axis] * (end - start))
            if inside[number]:
                kept.append(end)
        if len(kept) < 3:
            return ()
        outline = np.array(kept)
    return (np.clip(np.round(outline, 2), 0, photo_size),)
