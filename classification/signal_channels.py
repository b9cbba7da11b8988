"""What all signal classifiers see of a record, and how they gather what they found along time."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from classification.signal_route import NETWORK_RATE_HZ
from learning.window_sum import window_sum

_WANDER_S = 1.5


def signal_channels(signal_mv: Tensor) -> tuple[Tensor, Tensor]:
    """The channels of a network's first layer.

    Each lead's mean and its slow wander (a moving average of 1.5 s over what was measured) are
    taken off, so an unknown baseline does not matter. A missing sample is zero with its mask
    channel below zero.

    Args:
        signal_mv: ``(batch, leads, samples)`` mV, NaN where nothing was measured.

    Returns:
        ``(batch, 2 * leads, samples)``: leads and masks; and ``(batch, 1, samples)``: where any
        lead was measured.
    """
    measured = ~torch.isnan(signal_mv)
    mask = measured.to(signal_mv.dtype)
    clean = _without_wander(torch.where(measured, signal_mv, 0.0), mask)
    return torch.cat([clean.clamp(-5.0, 5.0), mask - 1.0], dim=1), mask.amax(1, keepdim=True)


def pooled(x: Tensor, printed: Tensor) -> Tensor:
    """Mean and highest value along time; where no lead was measured a position does not count.

    Args:
        x: ``(batch, channels, positions)``.
        printed: ``(batch, 1, samples)``.

    Returns:
        ``(batch, 2 * channels)``.
    """
    weight = functional.interpolate(printed, size=x.shape[-1], mode="linear") + 1e-3
    mean = (x * weight).sum(-1) / weight.sum(-1)
    peak = (x * weight.clamp(max=1.0)).amax(-1)
    return torch.cat([mean, peak], dim=1)


def _without_wander(signal_mv: Tensor, mask: Tensor) -> Tensor:
    """Takes off each lead's mean, then its moving average, both over measured samples only."""
    mean = signal_mv.sum(-1, keepdim=True) / mask.sum(-1, keepdim=True).clamp(min=1.0)
    centred = (signal_mv - mean) * mask
    half = int(_WANDER_S * NETWORK_RATE_HZ) // 2
    slow, share = window_sum(centred, half), window_sum(mask, half)
    return (centred - slow / share.clamp(min=1.0)) * mask
