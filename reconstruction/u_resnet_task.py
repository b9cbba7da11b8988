"""The training task of the U-shaped residual reconstructor."""

from __future__ import annotations

from torch import Tensor

import reconstruction.u_resnet_network  # noqa: F401  (registers UResNet)
from reconstruction.regression_task import RegressionTask


class UResNetTask(RegressionTask):
    """Trains by the absolute error of the leads to be found.

    The original averaged over all twelve leads, those included that were given.
    """

    network_name = "UResNet"
    model = "u_resnet"

    def compare(self, estimate_mv: Tensor, truth_mv: Tensor) -> tuple[Tensor, dict[str, float]]:
        """The mean absolute error in mV."""
        error = (estimate_mv - truth_mv).abs().mean()
        return error, {"absolute_error_mv": float(error.detach())}
