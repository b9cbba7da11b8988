"""The training task of the residual convolutional reconstructor."""

from __future__ import annotations

import torch
from torch import Tensor

import reconstruction.rescnn_network  # noqa: F401  (registers RescnnNet)
from reconstruction.regression_task import RegressionTask

_LEAST_POWER = 0.01**2  # mV^2; quieter leads count less
SMALL = {
    "width": 24,
    "lead_blocks": 1,
    "trunk_blocks": 3,
    "output_blocks": 1,
    "kernel": 5,
    "fold": 4,
    "norm": True,
}
"""Arguments of ``RescnnNet`` at a size that a CPU trains."""


class RescnnTask(RegressionTask):
    """Trains by R2, as "12 leads from 3" (npj Digital Medicine 2024) does, with its loss mended.

    The original's R2 was taken against the mean of a whole batch, which rewards knowing a
    record's offset, and over all chest leads, those included that were given. Here each record
    and lead is measured against its own mean, and only leads neither given nor derivable.
    """

    network_name = "RescnnNet"
    model = "rescnn"

    def compare(self, estimate_mv: Tensor, truth_mv: Tensor) -> tuple[Tensor, dict[str, float]]:
        """The mean of -R2, see :func:`negative_r2`."""
        each = negative_r2(estimate_mv, truth_mv)
        return each.mean(), {"r2_loss": float(each.detach().mean())}


class RescnnSmallTask(RescnnTask):
    """The same of the size that a CPU trains."""

    model = "rescnn_small"


def negative_r2(estimate_mv: Tensor, truth_mv: Tensor) -> Tensor:
    """-R2 of each record and lead, ``(n, leads)``, from ``(n, leads, samples)`` mV.

    A lead's power has a floor, so a (nearly) constant one does not divide by zero. An R2 below
    zero counts by the logarithm of the relative error, continued smoothly: one quiet lead that is
    missed by far does not outweigh the rest of a batch.
    """
    centred = truth_mv - truth_mv.mean(-1, keepdim=True)
    power = centred.square().mean(-1) + _LEAST_POWER
    relative = (estimate_mv - truth_mv).square().mean(-1) / power
    return torch.where(relative <= 1, relative - 1, relative.clamp(min=1).log())
