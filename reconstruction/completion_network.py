"""The network that completes a record from whatever leads and windows were measured."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecg.leads import LEADS, LIMB_LEADS_FROM_I_II
from learning.onnx import GraphInput
from learning.registry import register_network
from learning.window_sum import window_sum
from reconstruction.reconstructor import RATE_HZ, SAMPLES

INDEPENDENT_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
_TOKEN_SAMPLES = 4
_WANDER_S = 2.0
_LEAST_DEVIATION_MV = 0.003
_DILATIONS = (1, 2, 4)


class _Block(nn.Module):
    """Two convolutions along time on a shortcut, weighed channel by channel by what is visible.

    After He et al. 2016 (doi 10.1109/CVPR.2016.90); the weights by which a lead set or a page
    chooses its channels after Hu et al. 2018 (arXiv 1709.01507). Nothing is normalised and the
    shortcut is linear, so that taller waves stay taller; with batch normalisation, whose means
    differ between lead sets, the network learned many times more slowly.
    """

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        padding = (0, dilation * (kernel // 2))
        first = nn.Conv2d(width, width, (1, kernel), 1, padding, (1, dilation))
        last = nn.Conv2d(width, width, (1, kernel), 1, padding, (1, dilation))
        for layer in (first, last):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
        with torch.no_grad():
            last.weight *= 0.3
        self.convolutions = nn.Sequential(first, nn.ReLU(inplace=True), last)
        self.weights = nn.Linear(_DESCRIPTION, width)

    def forward(self, x: Tensor, description: Tensor) -> Tensor:
        weights = 2 * torch.sigmoid(self.weights(description))[:, :, None, None]
        return x + weights * self.convolutions(x)


class _Attention(nn.Module):
    """Attention of every token to every other, so that beats may borrow from one another."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.queries_keys = nn.Linear(width, 2 * width)
        self.values = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.squeeze(2).transpose(1, 2)
        batch, count, width = tokens.shape
        shape = (batch, count, self.heads, width // self.heads)
        queries, keys = self.queries_keys(self.norm(tokens)).chunk(2, dim=-1)
        queries, keys, values = (
            part.reshape(shape).transpose(1, 2) for part in (queries, keys, self.values(tokens))
        )
        found = functional.scaled_dot_product_attention(queries, keys, values)
        found = self.outer(found.transpose(1, 2).reshape(batch, count, width))
        return x + found.transpose(1, 2).unsqueeze(2)


class _Lookup(nn.Module):
    """Finds, for every token, what each lead showed at like moments of the record.

    Tokens are the queries and every sample is a key. The weights are shared by all leads, but each
    lead is averaged over its own measured samples only, so that the beat of a lead that was printed
    elsewhere on the page is brought here, aligned to a sample. It is the template of the same beat,
    learned (after Nadaraya 1964 and Vaswani et al. 2017, arXiv 1706.03762).
    """

    def __init__(self, width: int, heads: int, key_width: int) -> None:
        super().__init__()
        self.heads, self.key_width = heads, key_width
        self.norm = nn.LayerNorm(width)
        self.queries = nn.Linear(width, heads * key_width)
        self.keys = nn.Linear(width, _TOKEN_SAMPLES * heads * key_width)

    def forward(self, tokens: Tensor, signal_mv: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Returns what was found and how surely.

        Args:
            tokens: ``(batch, tokens, width)``.
            signal_mv: ``(batch, leads, samples)``, zero where not measured.
            mask: ``(batch, leads, samples)``, one where measured.

        Returns:
            ``(batch, heads, tokens, samples of a token, leads)`` mV, zero where a lead was nowhere
            measured, and ``(batch, heads, tokens, leads)`` shares of the weight that fell on
            measured samples.
        """
        batch, count, _ = tokens.shape
        leads = mask.shape[1]
        normed = self.norm(tokens)
        queries = self.queries(normed).reshape(batch, count, self.heads, self.key_width)
        queries = queries / self.key_width**0.5
        keys = self.keys(normed).reshape(batch, count * _TOKEN_SAMPLES, self.heads, self.key_width)
        scores = torch.matmul(queries.transpose(1, 2), keys.permute(0, 2, 3, 1))
        weights = torch.softmax(scores, dim=-1)
        values = [_later(signal_mv, step) for step in range(_TOKEN_SAMPLES)]
        masks = [_later(mask, step) for step in range(_TOKEN_SAMPLES)]
        # (batch, 1, samples, 2 * samples of a token * leads)
        table = torch.cat(values + masks, dim=1).transpose(1, 2).unsqueeze(1)
        sums = torch.matmul(weights, table)
        sums = sums.reshape(batch, self.heads, count, 2, _TOKEN_SAMPLES, leads)
        total, support = sums[:, :, :, 0], sums[:, :, :, 1]
        return total / (support + 1e-4), support[:, :, :, 0]


def _later(x: Tensor, samples: int) -> Tensor:
    """Each sample replaced by the one so many samples later."""
    return x if samples == 0 else functional.pad(x[..., samples:], (0, samples))


_DESCRIPTION = 2 * len(LEADS)
"""Per lead: how much of it is visible, and whether any of it is."""


@register_network
class CompletionNet(nn.Module):
    """Twelve leads of ten seconds from any part of them.

    Takes ``(batch, 12, 1000)`` mV at 100 Hz, NaN where nothing was measured, and answers
    ``(batch, 24, 1000)``: the twelve leads in mV, then the scale of their errors in mV (of a
    Laplace distribution; see ``completion_task``). The limb leads are made from leads I and II, so
    they keep Einthoven's and Goldberger's relations.

    Tokens of 40 ms pass through residual convolutions; a lookup brings what each lead showed at
    like moments elsewhere in the record (``_Lookup``); further convolutions and attention make the
    answer. Masked training after Devlin et al. 2019 (arXiv 1810.04805) and, for ECGs, Gedon et
    al. 2021 (Computing in Cardiology).

    Args:
        width: channels of a token.
        before, after: residual blocks before and after the lookup; the last but one after it is
            followed by attention.
        kernel: tokens that a convolution spans; dilations go 1, 2, 4, 1, 2, 4 ...
        heads: heads of the lookup and of attention.
        key_width: features by which moments are compared in the lookup.
    """

    limb_leads: Tensor

    def __init__(
        self,
        width: int = 128,
        before: int = 3,
        after: int = 4,
        kernel: int = 5,
        heads: int = 2,
        key_width: int = 16,
    ) -> None:
        super().__init__()
        leads = len(LEADS)
        self.graph_inputs = {"signal_mv": GraphInput((1, leads, SAMPLES))}
        self.stem = nn.Conv2d(3 * leads * _TOKEN_SAMPLES, width, (1, 5), padding=(0, 2))
        dilations = [_DILATIONS[number % 3] for number in range(before + after)]
        self.before = nn.ModuleList(_Block(width, kernel, d) for d in dilations[:before])
        self.lookup = _Lookup(width, heads, key_width)
        self.found = nn.Conv2d(heads * leads * (_TOKEN_SAMPLES + 1), width, 1)
        self.after = nn.ModuleList(_Block(width, kernel, d) for d in dilations[before:])
        self.attention = _Attention(width, heads)
        outputs = len(INDEPENDENT_LEADS) + leads
        self.answer = nn.Conv2d(width, outputs * _TOKEN_SAMPLES, (1, 3), padding=(0, 1))
        self.gates = nn.Conv2d(width, heads * len(INDEPENDENT_LEADS), 1)
        relations = torch.from_numpy(LIMB_LEADS_FROM_I_II.astype(np.float32))
        self.register_buffer("limb_leads", relations)
        self.independent = [LEADS.index(lead) for lead in INDEPENDENT_LEADS]
        with torch.no_grad():
            for last in (self.answer, self.gates, self.attention.outer):
                last.weight *= 0.3

    def forward(self, signal_mv: Tensor) -> Tensor:
        """Returns ``(batch, 24, samples)`` mV; see the class.

        Args:
            signal_mv: ``(batch, 12, samples)`` mV, NaN where nothing was measured; samples a
                multiple of four.
        """
        measured = ~torch.isnan(signal_mv)
        mask = measured.to(signal_mv.dtype)
        quick, slow = _parted(torch.where(measured, signal_mv, 0.0), mask)
        share = mask.mean(-1)
        description = torch.cat([share, (share > 0).to(share.dtype)], dim=1) - 0.5
        x = _folded(torch.cat([quick, slow, mask - 0.5], dim=1))
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        for block in self.before:
            x = block(x, description)
        found, support = self.lookup(x.squeeze(2).transpose(1, 2), quick, mask)
        together = torch.cat([found, support.unsqueeze(3)], dim=3)
        batch, heads, count = together.shape[:3]
        together = together.permute(0, 1, 3, 4, 2).reshape(batch, -1, 1, count)
        x = x + self.found(together.contiguous(memory_format=torch.channels_last))
        for block in self.after[:-1]:
            x = block(x, description)
        x = self.after[-1](self.attention(x), description)
        answer = _unfolded(self.answer(x))
        gates = self.gates(x).reshape(batch, heads, -1, 1, count).permute(0, 1, 4, 3, 2)
        borrowed = (gates * found[..., self.independent]).sum(1)
        borrowed = borrowed.reshape(batch, count * _TOKEN_SAMPLES, -1).transpose(1, 2)
        independent = answer[:, : len(INDEPENDENT_LEADS)] + borrowed
        limb = torch.matmul(self.limb_leads, independent[:, :2])
        scales = functional.softplus(answer[:, len(INDEPENDENT_LEADS) :] - 3.0)
        return torch.cat([limb, independent[:, 2:], scales + _LEAST_DEVIATION_MV], dim=1)


def _folded(x: Tensor) -> Tensor:
    """``(batch, channels, samples)`` as tokens: ``(batch, channels * 4, 1, samples / 4)``."""
    batch, channels, samples = x.shape
    x = x.reshape(batch, channels, samples // _TOKEN_SAMPLES, _TOKEN_SAMPLES).transpose(2, 3)
    return x.reshape(batch, channels * _TOKEN_SAMPLES, 1, samples // _TOKEN_SAMPLES)


def _unfolded(x: Tensor) -> Tensor:
    """The way back of :func:`_folded`."""
    batch, channels, _, count = x.shape
    x = x.reshape(batch, channels // _TOKEN_SAMPLES, _TOKEN_SAMPLES, count).transpose(2, 3)
    return x.reshape(batch, channels // _TOKEN_SAMPLES, count * _TOKEN_SAMPLES)


def _parted(signal_mv: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Parts each lead into its quick and its slow part, over measured samples only.

    The lead's mean is taken off; the slow part is a moving average over two seconds.
    """
    mean = signal_mv.sum(-1, keepdim=True) / mask.sum(-1, keepdim=True).clamp(min=1.0)
    centred = (signal_mv - mean) * mask
    half = int(_WANDER_S * RATE_HZ) // 2
    slow = window_sum(centred, half) / window_sum(mask, half).clamp(min=1.0) * mask
    return (centred - slow).clamp(-8.0, 8.0), slow.clamp(-8.0, 8.0)
