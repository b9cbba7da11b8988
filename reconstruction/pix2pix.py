"""Pix2Pix along time: a U-Net against a discriminator of stretches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from learning.registry import register_network
from reconstruction.adversarial_network import (
    AdversarialNetwork,
    fooling_loss,
    judged,
    telling_loss,
)
from reconstruction.patch_discriminator import PatchDiscriminator
from reconstruction.unet_generator import UNetGenerator


@register_network
class Pix2Pix(AdversarialNetwork):
    """Twelve leads from one by Pix2Pix (Isola et al. 2017, arXiv 1611.07004), EKGAN's baseline.

    Args:
        leads: the leads that are given.
        width: channels of the first stage of generator and discriminator.
        l1_weight: weight of the mean absolute error in mV; Isola's 100 (the seed named none).
    """

    def __init__(
        self, leads: Sequence[str] = ("I",), width: int = 64, l1_weight: float = 100.0
    ) -> None:
        super().__init__(leads)
        self.l1_weight = l1_weight
        self.generator = UNetGenerator(self.n_given, self.n_found, width)
        self.discriminator = PatchDiscriminator(self.n_given + self.n_found, width)

    def found(self, given_mv: Tensor) -> Tensor:
        """See ``AdversarialNetwork``."""
        answer: Tensor = self.generator(given_mv)
        return answer

    def losses_of(self, given_mv: Tensor, truth_mv: Tensor) -> dict[str, Tensor]:
        """See ``AdversarialNetwork``."""
        fake = self.generator(given_mv)
        made, real = torch.cat([given_mv, fake], dim=1), torch.cat([given_mv, truth_mv], dim=1)
        return {
            "l1": self.l1_weight * functional.l1_loss(fake, truth_mv),
            "adversarial": fooling_loss(judged(self.discriminator, made)),
            "discriminator": telling_loss(
                self.discriminator(real), self.discriminator(made.detach())
            ),
        }
