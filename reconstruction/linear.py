"""The honest baseline: every lead as a sum of the given leads at a few lags, by least squares."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecg.leads import LEADS
from ecg.metrics.reconstruction import high_pass_matrix
from learning.onnx import GraphInput
from learning.registry import register_network
from reconstruction.lead_set import LeadSet
from reconstruction.reconstructor import SAMPLES

LAGS = tuple(range(-12, 13, 2))
_RIDGE = 1e-6
_BATCH = 256


@register_network
class LinearLags(nn.Module):
    """Leads as weighted sums of the given leads at lags of up to 120 ms.

    Takes ``(batch, 12, samples)`` mV with NaN, answers ``(batch, 12, samples)`` mV (see ``LeadSet``
    for what passes through and what follows). Each given lead's mean is taken off for the sums.

    General lead transforms by least squares have long served monitors (Nelwan et al. 2004, J.
    Electrocardiol. 37:11); the lags are added.

    Args:
        leads: the leads that are given.
        lags: samples at 100 Hz.
    """

    def __init__(self, leads: list[str], lags: tuple[int, ...] = LAGS) -> None:
        super().__init__()
        self.lags = tuple(lags)
        self.graph_inputs = {"signal_mv": GraphInput((1, len(LEADS), SAMPLES))}
        self.lead_set = LeadSet(leads)
        found, given = len(self.lead_set.predicted), len(self.lead_set.given)
        self.weights = nn.Parameter(torch.zeros(found, given * len(self.lags)))

    def forward(self, signal_mv: Tensor) -> Tensor:
        """Returns all leads in mV."""
        given = self.lead_set.pick(signal_mv)
        found = torch.matmul(self.weights, self.lagged(given - given.mean(-1, keepdim=True)))
        return self.lead_set.assemble(given, found)

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
    network = LinearLags(list(leads))
    wanted = network.lead_set.predicted
    size = network.weights.shape[1]
    moments = np.zeros((len(wanted), size, size))
    products = np.zeros((len(wanted), size))
    high_pass = torch.from_numpy(high_pass_matrix(signals_uv.shape[-1]).copy())
    with torch.no_grad():
        for start in range(0, len(signals_uv), _BATCH):
            batch = torch.from_numpy(signals_uv[start : start + _BATCH].astype(np.float32)) / 1000
            quick = batch @ high_pass
            lagged = network.lagged(network.lead_set.pick(quick))
            share = 1 / (quick[:, wanted].square().sum(-1) + 1e-3)  # (batch, leads)
            each = torch.matmul(lagged, lagged.transpose(1, 2)).numpy()
            moments += np.tensordot(share.numpy().T, each, axes=1)
            found = torch.matmul(lagged, quick[:, wanted].transpose(1, 2))
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
