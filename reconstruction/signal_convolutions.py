"""Convolutions along time that halve and double, and the edges that they need."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from reconstruction.reconstructor import SAMPLES

_EDGE = (1024 - SAMPLES) // 2  # 1024 can be halved ten times


def with_edges(x: Tensor) -> Tensor:
    """Zeros on both sides: ``(..., 1000)`` becomes ``(..., 1024)``."""
    return functional.pad(x, (_EDGE, _EDGE))


def without_edges(x: Tensor) -> Tensor:
    """The 1000 samples of a record out of 1024."""
    return x[..., _EDGE:-_EDGE]


def normalization(kind: str, channels: int) -> nn.Module:
    """Normalisation of ``(batch, channels, samples)``.

    Args:
        kind: ``batch``; ``instance``, of each channel of a record; ``layer``, of all channels of
            a record together; ``none``.
        channels: how many there are.
    """
    if kind == "batch":
        return nn.BatchNorm1d(channels)
    if kind == "instance":
        return nn.InstanceNorm1d(channels, affine=True)
    if kind == "layer":
        return nn.GroupNorm(1, channels)
    if kind == "none":
        return nn.Identity()
    raise ValueError(f"normalisation is batch, instance, layer or none, not {kind!r}")


def shrinking(
    channels_in: int, channels: int, kernel: int, stride: int, norm: str, slope: float
) -> nn.Sequential:
    """A convolution that divides the length by its stride, normalisation and a leaky ReLU."""
    return nn.Sequential(
        nn.Conv1d(
            channels_in, channels, kernel, stride, (kernel - stride + 1) // 2, bias=norm == "none"
        ),
        normalization(norm, channels),
        nn.LeakyReLU(slope),
    )


def growing(channels_in: int, channels: int, kernel: int, stride: int, norm: str) -> nn.Sequential:
    """A transposed convolution that multiplies the length by its stride, normalisation, ReLU."""
    return nn.Sequential(
        nn.ConvTranspose1d(
            channels_in, channels, kernel, stride, (kernel - stride) // 2, bias=norm == "none"
        ),
        normalization(norm, channels),
        nn.ReLU(),
    )


def draw_small_weights(network: nn.Module) -> None:
    """Draws the weights of all convolutions from N(0, 0.02), as DCGAN and its kin begin."""
    for module in network.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d)):
            nn.init.normal_(module.weight, 0.0, 0.02)
