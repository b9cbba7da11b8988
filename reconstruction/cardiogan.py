"""CardioGAN: attention-gated skips, and discriminators of time and of frequency."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from learning.registry import register_network
from reconstruction.cycle_network import CycleNetwork
from reconstruction.signal_convolutions import (
    growing,
    normalization,
    shrinking,
    with_edges,
    without_edges,
)

_KERNEL = 16
_SLOPE = 0.2
_LIMIT_MV = 5.0
_FFT = 256
_LEAST_POWER_MV2 = 1e-4


class _Gate(nn.Module):
    """A skip, each of its values times a share between 0 and 1 that follows from itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.share = nn.Sequential(
            nn.Conv1d(channels, inner, 1), nn.ReLU(), nn.Conv1d(inner, channels, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        gated: Tensor = x * self.share(x)
        return gated


class GatedGenerator(nn.Module):
    """Six halvings of time and six doublings; gated skips are added; 16 taps throughout.

    Takes and makes ``(batch, leads, 1000)`` mV. Its tanh is scaled inside, to 5 mV either way.

    Args:
        channels_in: leads that it takes.
        channels_out: leads that it makes.
        width: channels of the first stage; 64 in the paper.
    """

    def __init__(self, channels_in: int, channels_out: int, width: int = 64) -> None:
        super().__init__()
        widths = [width * times for times in (1, 2, 4, 8, 8, 8)]
        self.down = nn.ModuleList(
            shrinking(a, b, _KERNEL, 2, "layer" if number else "none", _SLOPE)
            for number, (a, b) in enumerate(pairwise((channels_in, *widths)))
        )
        deepest = widths[-1]
        self.bottom = nn.Sequential(  # one tap less, for an even kernel would shift
            nn.Conv1d(deepest, deepest, _KERNEL - 1, 1, _KERNEL // 2 - 1, bias=False),
            normalization("layer", deepest),
            nn.ReLU(),
        )
        self.up = nn.ModuleList(
            growing(a, b, _KERNEL, 2, "layer") for a, b in pairwise(reversed(widths))
        )
        self.gates = nn.ModuleList(_Gate(channels) for channels in reversed(widths))
        self.last = nn.ConvTranspose1d(width, channels_out, _KERNEL, 2, (_KERNEL - 2) // 2)
        nn.init.normal_(self.last.weight, 0.0, 0.02)  # it begins near 0 mV

    def forward(self, x_mv: Tensor) -> Tensor:
        """Returns ``(batch, channels_out, 1000)`` mV."""
        x = with_edges(x_mv)
        skips = []
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        for stage, gate, skip in zip(
            (self.bottom, *self.up), self.gates, reversed(skips), strict=True
        ):
            x = stage(x) + gate(skip)
        return torch.tanh(without_edges(self.last(x)) / _LIMIT_MV) * _LIMIT_MV


class TimeDiscriminator(nn.Module):
    """Five convolutions of 16 taps along time, the first three halving; answers logits.

    Args:
        channels: leads that it sees.
        width: channels of the first stage; 64 in the paper.
    """

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            shrinking(channels, width, _KERNEL, 2, "none", _SLOPE),
            shrinking(width, 2 * width, _KERNEL, 2, "layer", _SLOPE),
            shrinking(2 * width, 4 * width, _KERNEL, 2, "layer", _SLOPE),
            shrinking(4 * width, 8 * width, _KERNEL, 1, "layer", _SLOPE),
            nn.Conv1d(8 * width, 1, _KERNEL, 1, _KERNEL // 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Returns logits ``(batch, 1, stretches)``."""
        logits: Tensor = self.stages(with_edges(x))
        return logits


class FrequencyDiscriminator(nn.Module):
    """Five 7 x 7 convolutions of stride two on the leads' spectrograms; answers logits.

    Args:
        channels: leads that it sees.
        width: channels of the first stage; 64 in the paper.
        hop: samples from one spectrum to the next.
    """

    def __init__(self, channels: int, width: int = 64, hop: int = 8) -> None:
        super().__init__()
        self.hop = hop
        stages: list[nn.Module] = []
        widths = [width * times for times in (1, 2, 4, 8)]
        for number, (a, b) in enumerate(pairwise((channels, *widths))):
            stages.append(nn.Conv2d(a, b, 7, 2, 3))
            if number:
                stages.append(nn.GroupNorm(1, b))
            stages.append(nn.LeakyReLU(_SLOPE))
        self.stages = nn.Sequential(*stages, nn.Conv2d(widths[-1], 1, 7, 2, 3))

    def forward(self, x_mv: Tensor) -> Tensor:
        """Returns logits ``(batch, 1, bands, times)``."""
        logits: Tensor = self.stages(spectrogram(x_mv, self.hop))
        return logits


def spectrogram(signal_mv: Tensor, hop: int = 8) -> Tensor:
    """Power over frequency and time as its decimal logarithm, with a gradient.

    Hann windows of 256 samples; the Nyquist frequency is left out.

    Args:
        signal_mv: ``(batch, leads, samples)`` mV.
        hop: samples from one spectrum to the next.

    Returns:
        ``(batch, leads, 128, 1 + samples // hop)``.
    """
    batch, leads, samples = signal_mv.shape
    flat = signal_mv.reshape(batch * leads, samples).float()
    window = torch.hann_window(_FFT, device=flat.device)
    spectrum = torch.stft(flat, _FFT, hop, window=window, return_complex=True)[:, : _FFT // 2]
    power = spectrum.real.square() + spectrum.imag.square()
    return torch.log10(power + _LEAST_POWER_MV2).reshape(batch, leads, *power.shape[1:])


@register_network
class CardioGAN(CycleNetwork):
    """Twelve leads from one by CardioGAN (Sarkar and Etemad 2021, arXiv 2010.00104).

    Made for pulse waves to ECG; EKGAN's baseline. Generators with gated skips, two discriminators
    for each direction, of the signal and of its spectrogram, and a loss there and back.

    Mended: the seed computed spectrograms outside the gradient, so that what they told never
    reached the generators (here ``torch.stft``); it took the leads one row off, with a row of
    padding and without V5 and V6; it re-flowed 129 x 129 values instead of resizing (here the
    spectrogram stays as it is); it wrote a batch of 32 into the code; its tanh needed data scaled
    outside, without a word how.

    Args:
        leads: the leads that are given.
        width: channels of the first stage of all networks.
        time_weight: weight of the loss through the discriminators of the signal.
        frequency_weight: weight of that through those of the spectrogram.
        cycle_weight: weight of the errors there and back.
        hop: samples from one spectrum to the next; 8 gives about as many as the paper's 128.
    """

    def __init__(
        self,
        leads: Sequence[str] = ("I",),
        width: int = 64,
        time_weight: float = 3.0,
        frequency_weight: float = 1.0,
        cycle_weight: float = 5.0,
        hop: int = 8,
    ) -> None:
        weights = {"time": time_weight, "frequency": frequency_weight}
        super().__init__(leads, weights, cycle_weight)
        every = self.n_given + self.n_found
        self.there = GatedGenerator(every, self.n_found, width)
        self.back = GatedGenerator(every, self.n_given, width)
        self.of_record, self.of_given = (
            nn.ModuleDict(
                {
                    "time": TimeDiscriminator(channels, width),
                    "frequency": FrequencyDiscriminator(channels, width, hop),
                }
            )
            for channels in (every, self.n_given)
        )
