"""The network that completes a record from whatever leads and windows were measured."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecg.leads import LEADS, LIMB_LEADS_FROM_I_II
from learning.onnx import GraphInput
from learning.registry import register_network
from reconstruction.reconstructor import RATE_HZ, SAMPLES

INDEPENDENT_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
_TOKEN_SAMPLES = 4
_WANDER_S = 2.0
_LEAST_DEVIATION_MV = 0.003


class _Mixing(nn.Module):
    """A depthwise convolution along time and a pointwise network, each on a shortcut.

    After Liu et al. 2022 (ConvNeXt, arXiv 2201.03545).
    """

    def __init__(self, width: int, kernel: int, expansion: int) -> None:
        super().__init__()
        self.along_time = nn.Conv2d(
            width, width, (1, kernel), padding=(0, kernel // 2), groups=width
        )
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, expansion * width)
        self.outer = nn.Linear(expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, tokens: Tensor) -> Tensor:
        mixed = self.along_time(tokens.transpose(1, 2).unsqueeze(2)).squeeze(2).transpose(1, 2)
        return tokens + self.scale * self.outer(functional.gelu(self.inner(self.norm(mixed))))


class _Attention(nn.Module):
    """Attention of every token to every other, so that beats may borrow from one another."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.outer = nn.Linear(width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, width = tokens.shape
        parts = self.queries_keys_values(self.norm(tokens))
        parts = parts.reshape(batch, count, 3, self.heads, width // self.heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind(0)
        found = functional.scaled_dot_product_attention(queries, keys, values)
        found = found.transpose(1, 2).reshape(batch, count, width)
        return tokens + self.scale * self.outer(found)


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


@register_network
class CompletionNet(nn.Module):
    """Twelve leads of ten seconds from any part of them.

    Takes ``(batch, 12, 1000)`` mV at 100 Hz, NaN where nothing was measured, and answers
    ``(batch, 24, 1000)``: the twelve leads in mV, then the scale of their errors in mV (of a
    Laplace distribution; see ``completion_task``). The limb leads are made from leads I and II, so
    they keep Einthoven's and Goldberger's relations.

    Tokens of 40 ms pass through convolutional mixing; a lookup brings what each lead showed at
    like moments elsewhere in the record (``_Lookup``); further mixing and attention make the
    answer. Masked training after Devlin et al. 2019 (arXiv 1810.04805) and, for ECGs, Gedon et
    al. 2021 (Computing in Cardiology).

    Args:
        width: features of a token.
        before, after: mixing blocks before and after the lookup; every second one after it is
            followed by attention.
        kernel: tokens that a mixing convolution spans.
        expansion: width of the pointwise networks, in widths of a token.
        heads: heads of the lookup and of attention.
        key_width: features by which moments are compared in the lookup.
    """

    def __init__(
        self,
        width: int = 160,
        before: int = 3,
        after: int = 5,
        kernel: int = 9,
        expansion: int = 2,
        heads: int = 2,
        key_width: int = 16,
    ) -> None:
        super().__init__()
        leads = len(LEADS)
        self.graph_inputs = {"signal_mv": GraphInput((1, leads, SAMPLES))}
        self.stem = nn.Conv1d(3 * leads, width, 16, _TOKEN_SAMPLES, padding=6)
        self.before = nn.Sequential(*(_Mixing(width, kernel, expansion) for _ in range(before)))
        self.lookup = _Lookup(width, heads, key_width)
        found = heads * leads * (_TOKEN_SAMPLES + 1)
        self.found_norm = nn.LayerNorm(width)
        self.found = nn.Linear(found, width)
        blocks: list[nn.Module] = []
        for number in range(after):
            blocks.append(_Mixing(width, kernel, expansion))
            if number % 2 == 1:
                blocks.append(_Attention(width, heads))
        self.after = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(width)
        outputs = len(INDEPENDENT_LEADS) + leads
        self.answer = nn.ConvTranspose1d(width, outputs, 12, _TOKEN_SAMPLES, padding=4)
        self.gates = nn.Linear(width, heads * len(INDEPENDENT_LEADS))
        self.register_buffer(
            "limb_leads", torch.from_numpy(LIMB_LEADS_FROM_I_II.astype(np.float32))
        )
        self.independent = [LEADS.index(lead) for lead in INDEPENDENT_LEADS]

    limb_leads: Tensor

    def forward(self, signal_mv: Tensor) -> Tensor:
        """Returns ``(batch, 24, samples)`` mV; see the class.

        Args:
            signal_mv: ``(batch, 12, samples)`` mV, NaN where nothing was measured; samples a
                multiple of four.
        """
        measured = ~torch.isnan(signal_mv)
        mask = measured.to(signal_mv.dtype)
        quick, slow = _parted(torch.where(measured, signal_mv, 0.0), mask)
        channels = torch.cat([quick, slow, mask - 0.5], dim=1)
        tokens = self.before(self.stem(channels).transpose(1, 2))
        found, support = self.lookup(tokens, quick, mask)
        together = torch.cat([found, support.unsqueeze(3)], dim=3)
        batch, heads, count = together.shape[:3]
        together = together.permute(0, 2, 1, 3, 4).reshape(batch, count, -1)
        tokens = self.after(tokens + self.found(together))
        tokens = self.norm(tokens)
        answer = self.answer(tokens.transpose(1, 2))
        gates = self.gates(tokens).reshape(batch, count, heads, 1, -1).permute(0, 2, 1, 3, 4)
        borrowed = (gates * found[..., self.independent]).sum(1)
        borrowed = borrowed.reshape(batch, count * _TOKEN_SAMPLES, -1).transpose(1, 2)
        independent = answer[:, : len(INDEPENDENT_LEADS)] + borrowed
        limb = torch.matmul(self.limb_leads, independent[:, :2])
        scales = functional.softplus(answer[:, len(INDEPENDENT_LEADS) :] - 3.0)
        return torch.cat([limb, independent[:, 2:], scales + _LEAST_DEVIATION_MV], dim=1)


def _parted(signal_mv: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Parts each lead into its quick and its slow part, over measured samples only.

    The lead's mean is taken off; the slow part is a moving average over two seconds.
    """
    mean = signal_mv.sum(-1, keepdim=True) / mask.sum(-1, keepdim=True).clamp(min=1.0)
    centred = (signal_mv - mean) * mask
    half = int(_WANDER_S * RATE_HZ) // 2
    slow = _window_sum(centred, half) / _window_sum(mask, half).clamp(min=1.0) * mask
    return (centred - slow).clamp(-8.0, 8.0), slow.clamp(-8.0, 8.0)


def _window_sum(x: Tensor, half: int) -> Tensor:
    """Sum over each sample and its neighbours within half a window."""
    total = functional.pad(x.cumsum(-1), (0, half), mode="replicate")
    total = functional.pad(total, (half + 1, 0))
    return total[..., 2 * half + 1 :] - total[..., : -(2 * half + 1)]
