"""Examples shown more than once: drawing a photo costs as much as learning from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from learning.training import ExampleDataset


class Replayed(ExampleDataset):
    """Draws a share of the examples anew and shows the others again in another light.

    What a network sees depends on the number of workers (each keeps a pool of its own), so a
    run that must be repeated to the byte draws every example anew (``fresh`` = 1).

    Args:
        examples: dataset of (picture, target); the picture's first three channels are RGB.
        fresh: share of examples drawn anew.
        size: examples kept.
    """

    def __init__(self, examples: ExampleDataset, fresh: float = 0.3, size: int = 600) -> None:
        self.examples = examples
        self.fresh = fresh
        self.size = size
        self._pool: list[Any] = []

    def __len__(self) -> int:
        return len(self.examples)

    def example(self, index: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """A new example, or an old one with its light and noise changed."""
        if len(self._pool) < 24 or rng.random() < self.fresh:
            picture, target = self.examples.example(index, rng)
            kept = ((picture * 255).round().to(torch.uint8), target.half())
            if picture.shape[0] > 3:
                kept = (picture.half(), target if target.dim() == 1 else target.half())
            if len(self._pool) < self.size:
                self._pool.append(kept)
            else:
                self._pool[int(rng.integers(self.size))] = kept
            return picture, target
        stored, target = self._pool[int(rng.integers(len(self._pool)))]
        picture = stored.float() / 255 if stored.dtype == torch.uint8 else stored.float()
        colour = picture[:3]
        gain = torch.from_numpy(np.exp(rng.normal(0, 0.12, 3)).astype(np.float32))
        colour = (colour * gain[:, None, None] * float(rng.uniform(0.8, 1.15))).clamp(1e-4, 1)
        colour = colour ** float(np.exp(rng.normal(0, 0.2)))
        if rng.random() < 0.15:
            colour = colour.mean(dim=0, keepdim=True).expand(3, -1, -1)
        if rng.random() < 0.5:
            noise = rng.standard_normal(colour.shape[1:], np.float32) * rng.uniform(0, 0.03)
            colour = colour + torch.from_numpy(noise)
        picture = torch.cat([colour.clamp(0, 1), picture[3:]])
        return picture, target.float()
