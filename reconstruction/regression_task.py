"""What the tasks of networks share that are trained on their errors alone."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from ecg.leads import LEADS
from ecg.metrics.reconstruction import END_S, high_pass_matrix
from reconstruction.reconstructor import RATE_HZ, SAMPLES
from reconstruction.task import LeadSetTask

_SLOW_WEIGHT = 0.2  # a millivolt


class RegressionTask(LeadSetTask):
    """A loss on the leads neither given nor derivable, as the score looks at them.

    Estimate and truth are high-passed and their ends cut. What lies below 0.5 Hz, mostly wander
    that nobody can know, counts a little, so that it does not run away.
    """

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """See :meth:`loss_of_answer`."""
        return self.loss_of_answer(network(self.show(batch)), batch)

    def show(self, truth_mv: Tensor) -> Tensor:
        """What the network is given of ``(n, 12, samples)`` mV: NaN where a lead is not given."""
        given = torch.tensor([lead in self.leads for lead in LEADS], device=truth_mv.device)
        return truth_mv.masked_fill(~given[:, None], torch.nan)

    def loss_of_answer(
        self, answer_mv: Tensor, truth_mv: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss of an answer ``(n, 12, samples)`` mV, and figures to log."""
        wanted = torch.tensor(self.wanted, device=truth_mv.device)
        estimate, truth = answer_mv[:, wanted].float(), truth_mv[:, wanted]
        high_pass = torch.from_numpy(high_pass_matrix(SAMPLES).copy()).to(truth.device)
        with torch.autocast(truth.device.type, enabled=False):
            quick, quick_truth = estimate @ high_pass, truth @ high_pass
        ends = slice(round(END_S * RATE_HZ), -round(END_S * RATE_HZ))
        slow = (estimate - quick) - (truth - quick_truth)
        slow = slow - slow.mean(-1, keepdim=True)
        loss, figures = self.compare(quick[..., ends], quick_truth[..., ends])
        return loss + _SLOW_WEIGHT * slow[..., ends].abs().mean(), figures

    @abstractmethod
    def compare(self, estimate_mv: Tensor, truth_mv: Tensor) -> tuple[Tensor, dict[str, float]]:
        """The loss between ``(n, leads, samples)`` mV and figures to log."""
