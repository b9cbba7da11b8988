"""Layout look: lead names, rows of traces and pulses on the rectified page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dataset_generation.photo import Photo
from digitization.find_page import LAYOUT_PIXELS_PER_MM
from digitization.rectify import rectify
from ecg.leads import LEADS
from ecg.page_geometry import PageGeometry
from learning.training import ExampleDataset, Task
from segmentation.page_look import dice_by_class, segmentation_loss, to_tensor
from segmentation.pages import RecordSource, sample_photo_of
from segmentation.replay import Replayed

CLASSES = (*(f"name_{lead}" for lead in LEADS), "trace", "baseline", "pulse")
PIXELS_PER_MM = LAYOUT_PIXELS_PER_MM
OUTPUT_PIXELS_PER_MM = 2.0
CROP = 384
_SHIFT = 4
_WOBBLES_APART_MM, _CREASES_APART_MM = 12.0, 6.0


def layout_targets(
    photo: Photo, left_mm: float, top_mm: float, quarter_turns: int, side_px: int = CROP
) -> NDArray[np.uint8]:
    """Draw what the layout look should see in a square of the flat page.

    The baseline of a stretch is the level of its median from its start to its end. On a page
    that is not upright no lead name is to be seen, so that names tell which way is up.

    Returns:
        ``(15, side_px / 2, side_px / 2)`` uint8 at ``OUTPUT_PIXELS_PER_MM``.
    """
    size = side_px // 2
    targets = np.zeros((len(CLASSES), size, size), np.uint8)
    page = photo.page

    def pixels(points_mm: NDArray[np.float64]) -> NDArray[np.int32]:
        # An output pixel is the middle of two input pixels.
        at = (points_mm - [left_mm, top_mm]) * OUTPUT_PIXELS_PER_MM - 0.25
        return np.round(np.clip(at, -1e5, 1e5) * 2**_SHIFT).astype(np.int32)

    trace_class, baseline_class, pulse_class = 12, 13, 14
    for word in page.texts:
        if word.lead is not None and quarter_turns == 0:
            a, b, c, d = word.box_mm
            quad = np.array([[a, b], [c, b], [c, d], [a, d]])
            plane = targets[LEADS.index(word.lead)]
            cv2.fillPoly(plane, [pixels(quad)], 255, cv2.LINE_AA, _SHIFT)
    for trace in page.traces:
        if len(trace.points_mm) < 2:
            continue
        points = trace.points_mm
        cv2.polylines(targets[trace_class], [pixels(points)], False, 255, 1, cv2.LINE_AA, _SHIFT)
        level = float(np.median(points[:, 1]))
        line = np.array([[points[0, 0], level], [points[-1, 0], level]])
        cv2.polylines(targets[baseline_class], [pixels(line)], False, 255, 3, cv2.LINE_AA, _SHIFT)
    for pulse in page.pulses:
        low, high = pulse.min(axis=0), pulse.max(axis=0)
        quad = np.array([low, [high[0], low[1]], high, [low[0], high[1]]])
        cv2.fillPoly(targets[pulse_class], [pixels(quad)], 255, cv2.LINE_AA, _SHIFT)
    return np.ascontiguousarray(np.rot90(targets, quarter_turns, axes=(1, 2)))


class LayoutLookExamples(ExampleDataset):
    """Squares of rectified photos with what the layout look should see in them."""

    def __init__(self, source: RecordSource) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def example(self, index: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """One ``(3, CROP, CROP)`` picture in 0..1 and its targets at half the size."""
        scale = float(np.exp(rng.uniform(np.log(2.6), np.log(9.0))))
        photo = sample_photo_of(self.source.record(index), rng, scale, pages=self.source.pages)
        side = CROP / PIXELS_PER_MM
        page = photo.page.spec
        left = float(rng.uniform(-0.15 * side, max(page.width_mm - 0.85 * side, 0.1)))
        top = float(rng.uniform(-0.15 * side, max(page.height_mm - 0.85 * side, 0.1)))
        found = as_found(photo.camera.geometry, rng)
        image = take_rectified(photo, found, left, top, (CROP, CROP), PIXELS_PER_MM)
        turns = int(rng.integers(1, 4)) if rng.random() < 0.15 else 0
        targets = layout_targets(photo, left, top, turns)
        image = np.rot90(image, turns)
        return to_tensor(image), torch.from_numpy(targets).float().div_(255)


def as_found(
    geometry: PageGeometry,
    rng: np.random.Generator,
    wobble_mm: float = 0.12,
    wiggle_mm: float = 0.0,
) -> PageGeometry:
    """The true map of a page with the small errors of one that was found.

    Args:
        geometry: the true map.
        rng: source of the errors.
        wobble_mm: standard deviation of the smooth error.
        wiggle_mm: standard deviation of the error between neighbouring creases.
    """
    rows, columns = geometry.photo_points.shape[:2]
    error_mm = np.zeros((rows, columns, 2))
    for size_mm, apart_mm in ((wobble_mm, _WOBBLES_APART_MM), (wiggle_mm, _CREASES_APART_MM)):
        if size_mm:
            nodes = [max(3, int(count * geometry.step_mm / apart_mm)) for count in (rows, columns)]
            coarse = rng.normal(0, size_mm, (*nodes, 2))
            error_mm += cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    points = geometry.photo_points + error_mm * geometry.pixels_per_mm()
    return replace(geometry, photo_points=points)


def take_rectified(
    photo: Photo,
    geometry: PageGeometry,
    left_mm: float,
    top_mm: float,
    size: tuple[int, int],
    pixels_per_mm: float | tuple[float, float],
) -> NDArray[np.uint8]:
    """Photograph and rectify a part of a page; only what is needed of the photo is rendered.

    Args:
        photo: the photo.
        geometry: the map of the page, true or ``as_found``.
        left_mm, top_mm: page position of the first pixel.
        size: width and height in pixels.
        pixels_per_mm: scale of the result, or its scales along x and y.
    """
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0], [0.5, 1], [0, 0.5], [1, 0.5]])
    there = geometry.photo_from_page(
        np.array([left_mm, top_mm]) + corners * np.array(size) / pixels_per_mm
    )
    low = np.floor(there.min(axis=0)).astype(int) - 6
    high = np.ceil(there.max(axis=0)).astype(int) + 6
    width, height = high - low
    part = photo.take((int(low[0]), int(low[1]), int(width), int(height)))
    local = replace(geometry, photo_points=geometry.photo_points - low)
    return rectify(part, local, left_mm, top_mm, size, pixels_per_mm)


class LayoutLookTask(Task):
    """Training of the layout look."""

    network_name = "LookNetwork"
    monitor = ("dice_layout", "max")

    def __init__(
        self, train: RecordSource, validation: RecordSource, arguments: Mapping[str, Any]
    ) -> None:
        self.network_arguments = {
            **arguments,
            "in_channels": 3,
            "classes": len(CLASSES),
            "output_stride": 2,
        }
        self.metadata = {
            "classes": CLASSES,
            "pixels_per_mm": PIXELS_PER_MM,
            "input": "rectified RGB page in 0..1 at 4 pixels per mm",
        }
        self._train = train
        examples = LayoutLookExamples(validation)
        drawn = [
            examples.example(i % len(validation), np.random.default_rng([9, i])) for i in range(48)
        ]
        self._batches = [self.collate(drawn[i : i + 8]) for i in range(0, len(drawn), 8)]
        # A name covers a thousandth of a picture: without this weight none is ever learnt.
        self._weights = torch.tensor([60.0] * 12 + [2.0, 2.0, 10.0])

    def train_dataset(self) -> ExampleDataset:
        """Training examples, replayed."""
        return Replayed(LayoutLookExamples(self._train))

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """Loss of a batch."""
        images, targets = batch
        logits = network(images)
        weights = self._weights.to(logits.device)
        return segmentation_loss(logits, targets, weights, without_dice=12), {}

    def validation(self, network: nn.Module) -> dict[str, float]:
        """Figures on fixed validation examples."""
        result = dice_by_class(network, self._batches, CLASSES)
        names = float(np.mean([result[f"dice_name_{lead}"] for lead in LEADS]))
        kept = {key: result[f"dice_{key}"] for key in ("trace", "baseline", "pulse")}
        return {
            "dice_names": names,
            **{f"dice_{key}": value for key, value in kept.items()},
            "dice_layout": (names + sum(kept.values())) / 4,
        }
