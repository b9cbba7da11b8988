"""Sums over a moving window, by which networks take slow wander off a signal."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def window_sum(x: Tensor, half: int) -> Tensor:
    """Sum over each sample of the last axis and its neighbours within half a window.

    Args:
        x: ``(batch, channels, samples)``.
        half: samples on either side.
    """
    total = functional.pad(x.cumsum(-1), (0, half), mode="replicate")
    total = functional.pad(total, (half + 1, 0))
    return total[..., 2 * half + 1 :] - total[..., : -(2 * half + 1)]
