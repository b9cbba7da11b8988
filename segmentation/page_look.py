"""Page look: paper, grid, words and traces in a small version of the photo."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dataset_generation.photo import Photo
from ecg.paper import MAJOR_GRID_MM
from learning.training import ExampleDataset, Task
from segmentation.pages import RecordSource, sample_photo_of
from segmentation.replay import Replayed

CLASSES = ("paper", "grid_x", "grid_y", "text", "trace")
CROP = 384
PIXELS_PER_MM = (2.3, 6.5)
_LINE_PX = 2
_SHIFT = 4


def page_targets(photo: Photo, roi: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Draw what the page look should see in a region of a photo.

    ``grid_x`` are the 5 mm lines that look rather upright in the photo, ``grid_y`` the others.

    Args:
        photo: a photo with its truth.
        roi: left, top, width and height in photo pixels.

    Returns:
        ``(5, height, width)`` uint8, 255 where the class is.
    """
    left, top, width, height = roi
    page, camera = photo.page, photo.camera
    targets = np.zeros((len(CLASSES), height, width), np.uint8)

    def pixels(points_mm: NDArray[np.float64]) -> NDArray[np.int32]:
        at = camera.photo_from_page(points_mm) - [left, top]
        return np.round(np.clip(at, -2e5, 2e5) * 2**_SHIFT).astype(np.int32)

    size = (page.spec.width_mm, page.spec.height_mm)
    along = np.linspace(0, 1, 40)[:, None]
    corners = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]], [0, 0]])
    outline = np.concatenate([a + along * (b - a) for a, b in pairwise(corners)])
    cv2.fillPoly(targets[0], [pixels(outline)], 255, cv2.LINE_AA, _SHIFT)
    middle = np.array([[size[0] / 2, size[1] / 2], [size[0] / 2, size[1] / 2 + 1]])
    step = np.diff(camera.photo_from_page(middle), axis=0)[0]
    upright = abs(step[1]) >= abs(step[0])
    first, second = targets[1 if upright else 2], targets[2 if upright else 1]
    for left_mm, top_mm, right_mm, bottom_mm in page.spec.grid.boxes_mm:
        for x in np.arange(left_mm, right_mm + 1e-6, MAJOR_GRID_MM):
            line = np.stack([np.full(60, x), np.linspace(top_mm, bottom_mm, 60)], axis=-1)
            cv2.polylines(first, [pixels(line)], False, 255, _LINE_PX, cv2.LINE_AA, _SHIFT)
        for y in np.arange(top_mm, bottom_mm + 1e-6, MAJOR_GRID_MM):
            line = np.stack([np.linspace(left_mm, right_mm, 80), np.full(80, y)], axis=-1)
            cv2.polylines(second, [pixels(line)], False, 255, _LINE_PX, cv2.LINE_AA, _SHIFT)
    for word in page.texts:
        a, b, c, d = word.box_mm
        quad = np.array([[a, b], [c, b], [c, d], [a, d]])
        cv2.fillPoly(targets[3], [pixels(quad)], 255, cv2.LINE_AA, _SHIFT)
    for trace in page.traces:
        if len(trace.points_mm) > 1:
            points = pixels(trace.points_mm)
            cv2.polylines(targets[4], [points], False, 255, _LINE_PX, cv2.LINE_AA, _SHIFT)
    return targets


class PageLookExamples(ExampleDataset):
    """Crops of photos with what the page look should see in them."""

    def __init__(self, source: RecordSource) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def example(self, index: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """One ``(3, CROP, CROP)`` picture in 0..1 and its ``(5, CROP, CROP)`` targets."""
        low, high = np.log(PIXELS_PER_MM)
        scale = float(np.exp(rng.uniform(low, high)))
        photo = sample_photo_of(self.source.record(index), rng, scale, pages=self.source.pages)
        width, height = photo.spec.camera.photo_size
        left = int(rng.integers(-CROP // 8, max(width - CROP * 7 // 8, 1)))
        top = int(rng.integers(-CROP // 8, max(height - CROP * 7 // 8, 1)))
        roi = (left, top, CROP, CROP)
        image = photo.take(roi)
        targets = page_targets(photo, roi)
        if rng.random() < 0.5:
            image, targets = image[:, ::-1], targets[:, :, ::-1]
        return to_tensor(image), torch.from_numpy(targets.copy()).float().div_(255)


def to_tensor(image: NDArray[np.uint8]) -> Tensor:
    """``(h, w, 3)`` uint8 to ``(3, h, w)`` float32 in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float().div_(255)


def segmentation_loss(
    logits: Tensor, targets: Tensor, weights: Tensor, without_dice: int = 0
) -> Tensor:
    """Weighted cross-entropy plus soft Dice, averaged over the classes of ``(n, c, h, w)``.

    Args:
        logits, targets: what the network says and what is true.
        weights: weight of each class's positive pixels.
        without_dice: so many first classes are too rare for Dice, which would silence them.
    """
    entropy = nn.functional.binary_cross_entropy_with_logits(
        logits, targets, pos_weight=weights[:, None, None]
    )
    probability, targets = torch.sigmoid(logits[:, without_dice:]), targets[:, without_dice:]
    overlap = (probability * targets).sum(dim=(0, 2, 3))
    total = probability.sum(dim=(0, 2, 3)) + targets.sum(dim=(0, 2, 3))
    dice = 1 - (2 * overlap + 5) / (total + 5)
    return entropy + dice.mean()


def dice_by_class(
    network: nn.Module, batches: list[tuple[Tensor, Tensor]], classes: tuple[str, ...]
) -> dict[str, float]:
    """Dice and IoU of each class at probability one half over fixed batches."""
    hits = torch.zeros(len(classes))
    total = torch.zeros(len(classes))
    for images, targets in batches:
        seen = network(images).sigmoid() > 0.5
        truth = targets > 0.5
        hits += (seen & truth).sum(dim=(0, 2, 3))
        total += seen.sum(dim=(0, 2, 3)) + truth.sum(dim=(0, 2, 3))
    dice = ((2 * hits + 1e-6) / (total + 1e-6)).tolist()
    result = {f"dice_{name}": value for name, value in zip(classes, dice, strict=True)}
    result |= {f"iou_{n}": d / (2 - d) for n, d in zip(classes, dice, strict=True)}
    return result


class PageLookTask(Task):
    """Training of the page look."""

    network_name = "LookNetwork"
    monitor = ("dice_grid", "max")

    def __init__(
        self, train: RecordSource, validation: RecordSource, arguments: Mapping[str, Any]
    ) -> None:
        self.network_arguments = {**arguments, "in_channels": 3, "classes": len(CLASSES)}
        self.metadata = {
            "classes": CLASSES,
            "pixels_per_mm": PIXELS_PER_MM,
            "input": "RGB photo in 0..1, about 4 pixels per mm",
        }
        self._train = train
        examples = PageLookExamples(validation)
        drawn = [
            examples.example(i % len(validation), np.random.default_rng([9, i])) for i in range(48)
        ]
        self._batches = [self.collate(drawn[i : i + 8]) for i in range(0, len(drawn), 8)]
        self._weights = torch.tensor([1.0, 3.0, 3.0, 2.0, 3.0])

    def train_dataset(self) -> ExampleDataset:
        """Training examples, replayed."""
        return Replayed(PageLookExamples(self._train))

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """Loss of a batch."""
        images, targets = batch
        logits = network(images)
        return segmentation_loss(logits, targets, self._weights.to(logits.device)), {}

    def validation(self, network: nn.Module) -> dict[str, float]:
        """Figures on fixed validation examples."""
        result = dice_by_class(network, self._batches, CLASSES)
        result["dice_grid"] = (result["dice_grid_x"] + result["dice_grid_y"]) / 2
        return result
