"""Lead-name recogniser: which lead does a small crop of the page name?

The layout look sees where lead names stand; this small network reads them. It learns from crops
drawn directly (a word in any of the generator's fonts over grid, strokes and dirt), thousands a
minute, because a whole photo a word would be wasteful.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dataset_generation.lead_name_styles import LEAD_NAME_STYLES, printed_name, word_before
from dataset_generation.text import FONTS, text_coverage
from digitization.names import CROP_PIXELS_PER_MM, CROP_PX
from ecg.leads import LEADS
from learning.onnx import GraphInput
from learning.registry import register_network
from learning.training import ExampleDataset, Task
from segmentation.ink import normalise

CLASSES = (*LEADS, "none")
PIXELS_PER_MM = CROP_PIXELS_PER_MM
SIZE = CROP_PX
"""Width and height of a crop in pixels: 13 by 7 mm about the name's centre."""
_OTHER_WORDS = (
    "10", "25", "mm/s", "Hz", "aV", "V", "VI", "L", "F", "R", "M", "bpm", "Vent", "ID", "Age",
    "ms", "1", "2", "l", "IV", "II:", "D", "DR", "Lead", "D4", "QRS", "PR",
    "40", "mV", "T", "Sex", "avg", "E", "N", "V7",
)  # fmt: skip


@register_network
class LeadNameNetwork(nn.Module):
    """A small convolutional classifier of ``(n, 1, 40, 80)`` normalised grey crops.

    Args:
        width: channels of the first block; each of the four blocks has more.
        classes: number of classes.
    """

    def __init__(self, width: int = 24, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.graph_inputs = {"crops": GraphInput((2, 1, SIZE[1], SIZE[0]))}
        widths = (width, 2 * width, 4 * width, 5 * width)
        blocks: list[nn.Module] = []
        channels = 1
        for out in widths:
            blocks += [
                nn.Conv2d(channels, out, 3, padding=1, bias=False),
                nn.BatchNorm2d(out),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
            ]
            channels = out
        self.features = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Dropout(0.2), nn.Linear(channels * 2 * 5, classes)
        )

    def forward(self, crops: Tensor) -> Tensor:
        """Logits of each crop, ``(n, classes)``."""
        answer: Tensor = self.head(self.features(crops))
        return answer


def draw_crop(rng: np.random.Generator) -> tuple[NDArray[np.uint8], int]:
    """Draw a crop of a page about a lead name or something else.

    Returns:
        ``(40, 80)`` uint8 grey and the class number.
    """
    width, height = SIZE
    factor = 2
    scale = PIXELS_PER_MM * factor
    w, h = width * factor, height * factor
    paper = rng.uniform(110, 255)
    picture = np.full((h, w), paper, np.float32)
    if rng.random() < 0.92:
        draw_grid(picture, rng, scale)
    ink = rng.uniform(0.0, 0.45) * paper
    cover = np.zeros((h, w), np.uint8)
    label = int(rng.integers(len(LEADS))) if rng.random() < 0.8 else len(LEADS)
    kind = rng.random()
    if label < len(LEADS) or kind < 0.55:
        style = "usual" if rng.random() < 0.5 else str(rng.choice(LEAD_NAME_STYLES))
        if label < len(LEADS):
            words = printed_name(LEADS[label], style)
        else:
            words = str(rng.choice(_OTHER_WORDS))
        if label == 3 and rng.random() < 0.1:
            words = f"-{words}"
        font, capital = str(rng.choice(FONTS)), rng.uniform(1.6, 3.8)
        capital_px = round(capital * scale / 2) * 2
        drawn = text_coverage(words, font, capital_px)
        at_x = w / 2 + rng.normal(0, 0.8 * scale) - drawn.shape[1] / 2
        at_y = h / 2 + rng.normal(0, 0.5 * scale) - drawn.shape[0] / 2
        turn = cv2.getRotationMatrix2D((0, 0), float(rng.normal(0, 2.0)), 1.0)
        turn[:, 2] += (at_x, at_y)
        turn[0, 1] += rng.normal(0, 0.05)
        cv2.warpAffine(drawn, turn, (w, h), cover, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
        if word_before(style):
            before = text_coverage(word_before(style), font, capital_px)
            turn[:, 2] -= turn[:, 0] * (before.shape[1] + rng.uniform(0.2, 0.6) * capital_px)
            cv2.warpAffine(before, turn, (w, h), cover, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    if rng.random() < 0.6:
        draw_trace(cover, rng, scale)
    if rng.random() < 0.25:
        x = int(w / 2 + rng.normal(0, 3 * scale))
        cv2.line(cover, (x, 0), (x, int(rng.integers(1, h))), 255, int(rng.integers(3, 9)))
    picture = print_ink(picture, cover, ink, SIZE)
    # Photos of few pixels per mm reach the recogniser enlarged.
    small = rng.uniform(0.4, 0.95) if rng.random() < 0.35 else None
    return photograph_print(picture, rng, small, most_blur=1.3), label


def print_ink(
    picture: NDArray[np.float32], cover: NDArray[np.uint8], ink: float, size: tuple[int, int]
) -> NDArray[np.float32]:
    """Ink laid on paper by its cover (0..255), shrunk to a size (width, height)."""
    share = cover.astype(np.float32) / 255
    inked = (picture * (1 - share) + ink * share).astype(np.float32)
    return cv2.resize(inked, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def photograph_print(
    picture: NDArray[np.float32], rng: np.random.Generator, small: float | None, most_blur: float
) -> NDArray[np.uint8]:
    """A crop as a photo shows it: enlarged, blurred, unevenly lit and noisy.

    Args:
        picture: ``(h, w)`` grey crop.
        rng: source of randomness.
        small: size relative to the crop's from which it is enlarged; None for one not enlarged.
        most_blur: largest blur in pixels.
    """
    height, width = picture.shape
    if small is not None:
        size = (round(width * small), round(height * small))
        shrunk = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR).astype(
            np.float32
        )
    blurred = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.2, most_blur)))
    light = 1 + rng.uniform(-0.25, 0.25) * np.linspace(-1, 1, width)[None, :]
    lit = blurred * light + rng.normal(0, rng.uniform(0, 8), blurred.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)


def draw_grid(picture: NDArray[np.float32], rng: np.random.Generator, scale: float) -> None:
    """Grid lines over a picture of so many pixels per mm, in place."""
    phase = rng.uniform(0, 5, 2)
    dots = rng.random() < 0.2
    for pitch, depth, thickness in (
        (1.0, rng.uniform(0, 0.25) * (rng.random() < 0.75), 1),
        (5.0, rng.uniform(0.05, 0.6), int(rng.integers(1, 5))),
    ):
        lines = np.zeros(picture.shape, np.uint8)
        for axis in (0, 1):
            length = picture.shape[1 - axis] / scale
            for at in np.arange(-phase[axis] % pitch, length, pitch):
                pixel = round(at * scale)
                if axis == 0:
                    lines[:, pixel : pixel + thickness] = 255
                else:
                    lines[pixel : pixel + thickness] = 255
        if dots:
            lines[:: max(2, round(scale / 2))] = 0
            lines[:, :: max(2, round(scale / 2))] = 0
        picture *= 1 - depth * lines.astype(np.float32) / 255


def draw_trace(cover: NDArray[np.uint8], rng: np.random.Generator, scale: float) -> None:
    """A stretch of ECG-like line through the crop, spikes included."""
    h, w = cover.shape
    x = np.arange(-4, w + 4, 2.0)
    level = h / 2 + rng.choice([-1, 1]) * rng.uniform(0.5, 6) * scale
    y = level + np.cumsum(rng.normal(0, 0.4, len(x)))
    for _ in range(int(rng.integers(0, 3))):
        middle, spread = rng.uniform(0, w), rng.uniform(1, 8)
        y += rng.normal(0, 6 * scale) * np.exp(-0.5 * ((x - middle) / spread) ** 2)
    points = np.round(np.stack([x, y], axis=-1) * 8).astype(np.int32)
    thickness = max(1, round(rng.uniform(0.15, 0.55) * scale))
    cv2.polylines(cover, [points], False, 255, thickness, cv2.LINE_AA, 3)


class LeadNameExamples(ExampleDataset):
    """Endless drawn crops."""

    def __len__(self) -> int:
        return 100_000

    def example(
        self,
        index: int,  # noqa: ARG002  (every crop is new)
        rng: np.random.Generator,
    ) -> tuple[Tensor, int]:
        """One ``(1, 40, 80)`` crop and its class."""
        crop, label = draw_crop(rng)
        return torch.from_numpy(normalise(crop))[None], label


class LeadNameTask(Task):
    """Training of the lead-name recogniser."""

    network_name = "LeadNameNetwork"
    monitor = ("accuracy", "max")

    def __init__(
        self,
        train: Any = None,  # noqa: ARG002  (crops are drawn, no record is needed)
        validation: Any = None,  # noqa: ARG002
        arguments: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        self.network_arguments = {"width": 24, "classes": len(CLASSES)}
        self.metadata = {
            "classes": CLASSES,
            "pixels_per_mm": PIXELS_PER_MM,
            "training_data": "drawn crops of words; no record and no photo",
            "input": "grey crop of 13 x 7 mm about a word, paper at 0 and ink at -1",
        }
        examples = LeadNameExamples()
        self._validation = self.collate(
            [examples.example(0, np.random.default_rng([9, i])) for i in range(1500)]
        )

    def train_dataset(self) -> ExampleDataset:
        """Training crops."""
        return LeadNameExamples()

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """Cross-entropy."""
        crops, labels = batch
        return nn.functional.cross_entropy(network(crops), labels), {}

    def validation(self, network: nn.Module) -> dict[str, float]:
        """Accuracy over drawn crops, and over those that name a lead."""
        crops, labels = self._validation
        found = network(crops).argmax(dim=1)
        named = labels < len(LEADS)
        return {
            "accuracy": float((found == labels).float().mean()),
            "accuracy_names": float((found == labels)[named].float().mean()),
            "false_names": float((found[~named] < len(LEADS)).float().mean()),
        }
