"""Text reader: the characters of a line of print on the page.

Speed and gain stand on most pages as a few words, in any order and spelling; a small network
without a dictionary reads the line letter by letter (connectionist temporal classification,
Graves et al. 2006, doi 10.1145/1143844.1143891). It learns from lines drawn directly, as the
lead-name recogniser does.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_letters
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dataset_generation.calibration_text import calibration_line, gain_text, speed_text
from dataset_generation.page_spec import date, sentence
from dataset_generation.text import FONTS, text_coverage
from digitization.text_lines import CHARACTERS, LINE_PX, STEP_PX, spell
from ecg.leads import LEADS
from learning.onnx import GraphInput
from learning.registry import register_network
from learning.training import ExampleDataset, Task
from segmentation.ink import normalise
from segmentation.lead_names import draw_grid, draw_trace, photograph_print, print_ink

WIDTH_PX = 288
_CAPITAL_PX = (9.0, 19.0)
_LONGEST = 40
_SPEEDS = (25.0, 50.0, 25.0, 50.0, 25.0, 50.0, 12.5, 100.0, 5.0, 10.0, 20.0, 30.0)
_GAINS = (5.0, 10.0, 20.0, 5.0, 10.0, 20.0, 5.0, 10.0, 20.0, 2.5, 2.0, 8.0, 15.0, 40.0)
_LETTERS = tuple("0123456789/.:,-=()~ " + ascii_letters)


@register_network
class TextLineNetwork(nn.Module):
    """Convolutions only, so that a line of any width is read, of ``(n, 1, 32, w)`` crops.

    Args:
        width: channels of the first block; each of the others has more.
        classes: characters and the blank, which comes first.
    """

    def __init__(self, width: int = 16, classes: int = len(CHARACTERS) + 1) -> None:
        super().__init__()
        self.graph_inputs = {"crops": GraphInput((2, 1, LINE_PX, WIDTH_PX), (0, 3))}
        channels = 2 * width
        # Height is halved five times, width twice: a step of four pixels.
        blocks: list[nn.Module] = [
            nn.Conv2d(1, channels, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        for factor, pool in ((3, (2, 2)), (4, (2, 1)), (6, (2, 1))):
            out = factor * width
            blocks += [
                nn.Conv2d(channels, out, 3, padding=1, bias=False),
                nn.BatchNorm2d(out),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(pool),
            ]
            channels = out
        self.features = nn.Sequential(*blocks)
        deep = 8 * width
        self.along = nn.Sequential(
            nn.Conv1d(2 * channels, deep, 5, padding=2, bias=False),
            nn.BatchNorm1d(deep),
            nn.ReLU(inplace=True),
            nn.Conv1d(deep, deep, 5, padding=2, bias=False),
            nn.BatchNorm1d(deep),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Conv1d(deep, classes, 1)

    def forward(self, crops: Tensor) -> Tensor:
        """Logits of each step, ``(n, w / 4, classes)``."""
        features = self.features(crops).flatten(1, 2)
        answer: Tensor = self.head(self.along(features)).transpose(1, 2)
        return answer


def draw_line(rng: np.random.Generator) -> tuple[NDArray[np.uint8], str]:
    """Draw a crop of a page about a line of text.

    Returns:
        ``(32, 288)`` uint8 grey and the text in it.
    """
    factor = 2
    height, width = LINE_PX * factor, WIDTH_PX * factor
    capital = rng.uniform(*_CAPITAL_PX) * factor
    scale = float(capital / rng.uniform(1.3, 3.8))  # pixels per mm
    words = "" if rng.random() < 0.03 else _words(rng).strip()[:_LONGEST]
    font = str(rng.choice(FONTS))
    drawn = text_coverage(words, font, round(capital)) if words else np.zeros((1, 1), np.uint8)
    while drawn.shape[1] > width - 2 * factor:
        words = words[:-1].rstrip()
        drawn = text_coverage(words, font, round(capital))
    stretch = float(rng.uniform(0.85, 1.15)) if drawn.shape[1] < 0.8 * width else 1.0
    paper = rng.uniform(110, 255)
    picture = np.full((height, width), paper, np.float32)
    if rng.random() < 0.8:
        draw_grid(picture, rng, scale)
    ink = rng.uniform(0.0, 0.5) * paper
    cover = np.zeros((height, width), np.uint8)
    room = width - drawn.shape[1] * stretch
    at_x = rng.uniform(0, min(room, 24 * factor)) if rng.random() < 0.7 else rng.uniform(0, room)
    at_y = (height - drawn.shape[0]) / 2 + rng.normal(0, 1.3 * factor)
    turn = np.array([[stretch, rng.normal(0, 0.05), at_x], [rng.normal(0, 0.006), 1.0, at_y]])
    cv2.warpAffine(drawn, turn, (width, height), cover, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    if rng.random() < 0.15:
        draw_trace(cover, rng, scale)
    if rng.random() < 0.2:
        _draw_dark_lines(cover, rng, scale)
    for side in (-1, 1):
        if rng.random() < 0.25:  # the line above or below
            other = text_coverage(_words(rng).strip()[:_LONGEST] or "-", font, round(capital))
            other = other[:, : width - 1]
            y = at_y + side * capital * rng.uniform(1.5, 2.2)
            move = np.array([[1.0, 0.0, rng.uniform(0, 30)], [0.0, 1.0, y]])
            cv2.warpAffine(
                other, move, (width, height), cover, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT
            )
    picture = print_ink(picture, cover, ink, (WIDTH_PX, LINE_PX))
    # Photos of few pixels per mm reach the reader enlarged.
    least = max(0.35, 6.0 * factor / capital)
    small = rng.uniform(least, 1.0) if rng.random() < 0.4 else None
    return photograph_print(picture, rng, small, most_blur=1.2), words


def _draw_dark_lines(cover: NDArray[np.uint8], rng: np.random.Generator, scale: float) -> None:
    """Lines of a grid as dark as the text, 5 mm apart."""
    height, width = cover.shape
    thickness = int(rng.integers(1, 5))
    if rng.random() < 0.8:
        for x in np.arange(rng.uniform(0, 5), width / scale, 5.0):
            cv2.line(cover, (round(x * scale), 0), (round(x * scale), height), 255, thickness)
    if rng.random() < 0.6:
        y = int(rng.integers(height))
        cv2.line(cover, (0, y), (width, y), 255, thickness)


def _words(rng: np.random.Generator) -> str:
    """What a line says: speed and gain, words of a header, or letters without sense."""
    speed, gain = float(rng.choice(_SPEEDS)), float(rng.choice(_GAINS))
    kind = rng.random()
    if kind < 0.2:
        return speed_text(rng, speed)
    if kind < 0.35:
        return gain_text(rng, gain)
    if kind < 0.6:
        chest = float(rng.choice(_GAINS)) if rng.random() < 0.3 else None
        return calibration_line(rng, speed, gain, chest)
    if kind < 0.65:
        return str(rng.choice(LEADS))
    if kind < 0.75:
        return date(rng)
    if kind < 0.9:
        return sentence(rng)
    return "".join(rng.choice(_LETTERS, int(rng.integers(2, 16))))


class TextLineExamples(ExampleDataset):
    """Endless drawn lines."""

    def __len__(self) -> int:
        return 100_000

    def example(
        self,
        index: int,  # noqa: ARG002  (every line is new)
        rng: np.random.Generator,
    ) -> tuple[Tensor, Tensor, int]:
        """One ``(1, 32, 288)`` crop, its characters' numbers (padded by 0) and their count."""
        crop, words = draw_line(rng)
        numbers = [CHARACTERS.index(letter) + 1 for letter in spell(words)]
        padded = np.zeros(_LONGEST, np.int64)
        padded[: len(numbers)] = numbers
        return torch.from_numpy(normalise(crop))[None], torch.from_numpy(padded), len(numbers)


class TextLineTask(Task):
    """Training of the text reader."""

    network_name = "TextLineNetwork"
    monitor = ("lines_right", "max")

    def __init__(
        self,
        train: Any = None,  # noqa: ARG002  (lines are drawn, no record is needed)
        validation: Any = None,  # noqa: ARG002
        arguments: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        self.network_arguments = {"width": 16, "classes": len(CHARACTERS) + 1}
        self.metadata = {
            "classes": ("", *CHARACTERS),
            "line_px": LINE_PX,
            "step_px": STEP_PX,
            "training_data": "drawn lines of print; no record and no photo",
            "input": "grey crop of a line, capitals about half of its height, paper at 0 and "
            "ink at -1",
        }
        examples = TextLineExamples()
        self._validation = self.collate(
            [examples.example(0, np.random.default_rng([9, i])) for i in range(600)]
        )

    def train_dataset(self) -> ExampleDataset:
        """Training lines."""
        return TextLineExamples()

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """Connectionist temporal classification."""
        crops, numbers, counts = batch
        steps = network(crops).log_softmax(dim=2).transpose(0, 1)
        lengths = torch.full((len(crops),), len(steps), dtype=torch.long)
        loss = nn.functional.ctc_loss(
            steps, numbers, lengths, counts, zero_infinity=True, reduction="sum"
        )
        return loss / counts.sum().clamp(min=1), {}

    def validation(self, network: nn.Module) -> dict[str, float]:
        """Share of drawn lines read without an error, and of those that hold a unit."""
        from digitization.text_lines import read_steps

        crops, numbers, counts = self._validation
        answers = network(crops).softmax(dim=2).cpu().numpy()
        right, units = [], []
        for answer, line, count in zip(answers, numbers.tolist(), counts.tolist(), strict=True):
            truth = "".join(CHARACTERS[number - 1] for number in line[:count])
            right.append(read_steps(answer).text == truth)
            if "mm/" in truth:
                units.append(right[-1])
        return {
            "lines_right": float(np.mean(right)),
            "lines_with_units_right": float(np.mean(units)),
        }
