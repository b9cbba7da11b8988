"""Photographs: parts of those that libraries ship, surfaces, and a camera's noise."""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.background import background

Picture = NDArray[np.uint8]

_SURFACES = ("wood", "grain", "cloth", "plain", "paper", "papers")


def scene(rng: np.random.Generator) -> Picture:
    """A part of one of the libraries' photographs, mirrored, turned and enlarged."""
    pictures = _pictures()
    picture = pictures[int(rng.integers(len(pictures)))]
    height, width = picture.shape[:2]
    share = float(rng.uniform(0.4, 1.0))
    top = int(rng.integers(0, max(1, round(height * (1 - share)))))
    left = int(rng.integers(0, max(1, round(width * (1 - share)))))
    part = picture[top : top + round(height * share), left : left + round(width * share)]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    part = np.rot90(part, int(rng.integers(4)))
    factor = float(rng.uniform(1000, 1800)) / max(part.shape[:2])
    size = (round(part.shape[1] * factor), round(part.shape[0] * factor))
    return cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_CUBIC).astype(
        np.uint8
    )


def surface(rng: np.random.Generator) -> Picture:
    """A table, a cloth or a heap of papers."""
    size = (1500, 1100)
    kind = str(rng.choice(_SURFACES))
    return background(kind, int(rng.integers(2**31)), size, (0, 0, *size))


def noise(rng: np.random.Generator) -> Picture:
    """Nothing but noise, fine or coarse."""
    cell = int(rng.integers(1, 12))
    small = rng.integers(0, 256, (900 // cell, 1200 // cell, 3)).astype(np.uint8)
    return cv2.resize(small, (1200, 900), interpolation=cv2.INTER_NEAREST).astype(np.uint8)


@functools.cache
def _pictures() -> tuple[Picture, ...]:
    """The photographs of scikit-learn and matplotlib."""
    import matplotlib
    from PIL import Image
    from sklearn.datasets import load_sample_images

    samples = Path(matplotlib.get_data_path()) / "sample_data"
    with Image.open(samples / "grace_hopper.jpg") as file:
        portrait = np.asarray(file.convert("RGB"))
    return (*(np.asarray(image) for image in load_sample_images().images), portrait)
