"""The one training task of all networks that learn against a discriminator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from reconstruction.adversarial_network import AdversarialNetwork
from reconstruction.cardiogan import CardioGAN
from reconstruction.cyclegan import CycleGAN
from reconstruction.ekgan import EKGAN
from reconstruction.pix2pix import Pix2Pix
from reconstruction.task import LeadSetTask

ADVERSARIAL_NETWORKS: dict[str, type[AdversarialNetwork]] = {
    "ekgan": EKGAN,
    "pix2pix": Pix2Pix,
    "cyclegan": CycleGAN,
    "cardiogan": CardioGAN,
}


class AdversarialTask(LeadSetTask):
    """Generators and discriminators, all moved by the same step, as EKGAN's own code does.

    The loss is the sum of all parts' losses, of which none reaches another part's weights (see
    ``AdversarialNetwork.losses``), so one optimizer serves them all. The weights that are kept are
    chosen by the generator's answers alone. EKGAN's paper trained at a rate of 1e-4 in batches
    of 32.

    Args:
        model: a name of ``ADVERSARIAL_NETWORKS``.
        train_uv, validation_uv, leads, network_arguments: see ``LeadSetTask``.
    """

    betas = (0.5, 0.999)

    def __init__(
        self,
        model: str,
        train_uv: NDArray[np.int16],
        validation_uv: NDArray[np.int16],
        leads: tuple[str, ...],
        network_arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.network_name = ADVERSARIAL_NETWORKS[model].__name__
        super().__init__(train_uv, validation_uv, leads, network_arguments)

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """The sum of all parts' losses, and each of them."""
        mark = getattr(network, "mark_forward_method", None)
        if mark is not None:  # Fabric's, for mixed precision and data-parallel training
            mark("losses")
        parts: dict[str, Tensor] = network.losses(batch)  # type: ignore[operator]
        total = torch.stack(list(parts.values())).sum()
        return total, {name: float(part.detach()) for name, part in parts.items()}
