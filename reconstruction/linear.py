"""The honest baseline: every lead as a sum of the given leads at a few lags, by least squares."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecg.leads import LEADS, LIMB_LEADS_FROM_I_II, derivable_leads
from ecg.metrics.reconstruction import high_pass_matrix
from learning.onnx import GraphInput
from learning.registry import register_network
from reconstruction.reconstructor import SAMPLES
from reconstruction.visible import lead_rows

LAGS = tuple(range(-12, 13, 2))
_RIDGE = 1e-6
_BATCH = 256


@register_network
class LinearLags(nn.Module):
    """Leads as weighted sums of the given leads at lags of up to 120 ms.

    Takes ``(batch, 12, samples)`` mV with NaN, answers ``(batch, 12, samples)`` mV. Given leads
    pass through; limb leads that follow from two that are given are exact, and with one given they
    follow from it and one that is estimated. Each given lead's mean is taken off for the sums.

    After Frank's dipole and the least-squares lead transforms that followed (Horacek et al. 2008,
    doi 10.1016/j.jelectrocard.2008.03.004), with lags.

    Args:
        leads: the leads that are given.
        lags: samples at 100 Hz.
    """

    def __init__(self, leads: list[str], lags: tuple[int, ...] = LAGS) -> None:
        super().__init__()
        self.rows = lead_rows(tuple(leads))
        self.lags = tuple(lags)
        self.graph_inputs = {"signal_mv": GraphInput((1, len(LEADS), SAMPLES))}
        self.weights = nn.Parameter(torch.zeros(len(LEADS), len(self.rows) * len(self.lags)))
        limb = len(LIMB_LEADS_FROM_I_II)
        known = [row for row in self.rows if row < limb]
        self.basis = (known + [row for row in range(2) if row not in known])[:2]
        relations = LIMB_LEADS_FROM_I_II @ np.linalg.inv(LIMB_LEADS_FROM_I_II[self.basis])
        self.register_buffer("relations", torch.from_numpy(relations.astype(np.float32)))

    relations: Tensor

    def forward(self, signal_mv: Tensor) -> Tensor:
        """Returns all leads in mV."""
        given = signal_mv[:, self.rows]
        found = torch.matmul(self.weights, self.lagged(given - given.mean(-1, keepdim=True)))
        leads = list(found.unbind(1))
        for place, row in enumerate(self.rows):
            leads[row] = given[:, place]
        limb = torch.matmul(self.relations, torch.stack([leads[row] for row in self.basis], 1))
        rest = [row for row in range(limb.shape[1]) if row not in self.rows]
        for row in rest:
            leads[row] = limb[:, row]
        return torch.stack(leads, dim=1)

    def lagged(self, given: Tensor) -> Tensor:
        """The given leads at every lag, ``(batch, leads * lags, samples)``; ends are held."""
        reach = max(abs(lag) for lag in self.lags)
        padded = nn.functional.pad(given, (reach, reach), mode="replicate")
        count = given.shape[-1]
        return torch.cat([padded[..., reach + lag : reach + lag + count] for lag in self.lags], 1)


def fit_linear(signals_uv: NDArray[np.int16], leads: tuple[str, ...]) -> LinearLags:
    """Fit the weights to records, high-passed as the score does, each lead in its own units.

    Every record counts the same for a lead, however tall its waves are, as it does in the score.

    Args:
        signals_uv: ``(n, 12, samples)`` int16 microvolts at 100 Hz.
        leads: the leads that are given.

    Raises:
        ValueError: the leads give all twelve.
    """
    if len(derivable_leads(leads)) == len(LEADS):
        raise ValueError(f"{', '.join(leads)} already give all twelve leads")
    network = LinearLags(list(leads))
    rows, size = network.rows, network.weights.shape[1]
    moments = np.zeros((len(LEADS), size, size))
    products = np.zeros((len(LEADS), size))
    high_pass = torch.from_numpy(high_pass_matrix(signals_uv.shape[-1]).copy())
    with torch.no_grad():
        for start in range(0, len(signals_uv), _BATCH):
            batch = torch.from_numpy(signals_uv[start : start + _BATCH].astype(np.float32)) / 1000
            quick = batch @ high_pass
            lagged = network.lagged(quick[:, rows])
            share = 1 / (quick.square().sum(-1) + 1e-3)  # (batch, 12)
            each = torch.matmul(lagged, lagged.transpose(1, 2)).numpy()
            moments += np.tensordot(share.numpy().T, each, axes=1)
            found = torch.matmul(lagged, quick.transpose(1, 2))  # (batch, size, 12)
            products += torch.einsum("bsl,bl->ls", found, share).numpy()
    ridge = _RIDGE * np.eye(size)
    weights = np.stack(
        [
            np.linalg.solve(moment + ridge * np.trace(moment) / size, product)
            for moment, product in zip(moments, products, strict=True)
        ]
    )
    with torch.no_grad():
        network.weights.copy_(torch.from_numpy(weights.astype(np.float32)))
    return network
