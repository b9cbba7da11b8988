"""The training task of completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import reconstruction.completion_network  # noqa: F401  (registers CompletionNet)
from ecg.leads import LEADS
from ecg.metrics.reconstruction import high_pass_matrix, score_reconstruction
from learning.training import ExampleDataset
from reconstruction.completion_examples import CompletionExamples
from reconstruction.reconstructor import SAMPLES
from reconstruction.task import FACTS, ReconstructionTask, answers, millivolts, shown_sets

_LEAST_POWER = 0.01**2  # mV^2; quieter leads count less
_LEAST_SAMPLES = 50


class CompletionTask(ReconstructionTask):
    """Completion of pages and of reduced leads; chosen by the mean of three correlations.

    Args:
        train_uv: ``(n, 12, 1000)`` int16 microvolts at 100 Hz.
        validation_uv: the same of other patients.
        network_arguments: arguments of ``CompletionNet``.
    """

    network_name = "CompletionNet"
    monitor = ("pearson", "max")

    def __init__(
        self,
        train_uv: NDArray[np.int16],
        validation_uv: NDArray[np.int16],
        network_arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.network_arguments = dict(network_arguments or {})
        self.metadata = {"model": "completion", "leads": [], **FACTS}
        self._examples = CompletionExamples(train_uv)
        self._validation_uv = validation_uv
        self._high_pass = torch.from_numpy(high_pass_matrix(SAMPLES).copy())

    def train_dataset(self) -> ExampleDataset:
        """Returns visible parts and whole records."""
        return self._examples

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """The relative squared error of the filled samples, and one less their correlation.

        Both as they are scored, on high-passed signals; the slow part counts a little, and the
        errors' scale is learned by the likelihood of a Laplace distribution, without a say in the
        estimate.
        """
        shown, truth = batch
        answer = network(shown)
        estimate, scale = answer[:, : len(LEADS)], answer[:, len(LEADS) :]
        wanted = torch.isnan(shown).to(truth.dtype)
        count = wanted.sum(-1)
        high_pass = self._high_pass.to(truth.device)
        quick_truth, quick = truth @ high_pass, estimate @ high_pass
        divisor = count.clamp(min=1)
        t = (quick_truth - _mean(quick_truth, wanted, divisor)) * wanted
        e = (quick - _mean(quick, wanted, divisor)) * wanted
        power = (t * t).sum(-1) / divisor + _LEAST_POWER
        spread = (e * e).sum(-1) / divisor + 1e-6
        correlation = (t * e).sum(-1) / divisor / (power * spread).sqrt()
        relative = ((quick - quick_truth) ** 2 * wanted).sum(-1) / divisor / power
        slow = (estimate - quick) - (truth - quick_truth)
        slow = (slow - _mean(slow, wanted, divisor)) * wanted
        slow_share = (slow * slow).sum(-1) / divisor / power
        miss = ((quick.detach() - quick_truth).abs() / scale + scale.log()) * wanted
        surprise = miss.sum(-1) / divisor
        # a lead that is missed by far does not outweigh the rest of a batch
        missed = torch.where(relative <= 1, relative, 1 + relative.clamp(min=1).log())
        each = (
            missed
            + 0.5 * (1 - correlation)
            + 0.05 * slow_share / (1 + slow_share)
            + 0.05 * surprise
        )
        counts = (count >= _LEAST_SAMPLES).to(each.dtype)
        total = counts.sum().clamp(min=1)
        loss = (each * counts).sum() / total
        mean_correlation = float((correlation.detach() * counts).sum() / total)
        return loss, {"correlation": mean_correlation}

    def validation(self, network: nn.Module) -> dict[str, float]:
        """Correlation of what is filled: from I+II+V3, from I, and on usual pages."""
        truth = millivolts(self._validation_uv)
        figures = {}
        for name, given in shown_sets(truth).items():
            estimate = answers(network, given)[:, : len(LEADS)]
            scores = score_reconstruction(truth, estimate, np.isnan(given))
            leads = slice(6, None) if name == "3x4_1" else slice(None)
            figures[f"pearson_{name}"] = float(
                np.nanmean(np.nanmean(scores.pearson[:, leads], axis=1))
            )
        return {"pearson": float(np.mean(list(figures.values()))), **figures}


def _mean(x: Tensor, weight: Tensor, divisor: Tensor) -> Tensor:
    return ((x * weight).sum(-1) / divisor).unsqueeze(-1)
