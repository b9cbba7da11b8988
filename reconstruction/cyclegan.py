"""CycleGAN along time."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from learning.registry import register_network
from reconstruction.cycle_network import CycleNetwork
from reconstruction.patch_discriminator import PatchDiscriminator
from reconstruction.unet_generator import UNetGenerator


@register_network
class CycleGAN(CycleNetwork):
    """Twelve leads from one by CycleGAN (Zhu et al. 2017, arXiv 1703.10593), EKGAN's baseline.

    U-Nets and discriminators of stretches, both with instance normalisation; the discriminators'
    losses are halved. Mended: discriminators answer logits (the seed took a sigmoid twice); no
    part of it needs TensorFlow's add-ons.

    Args:
        leads: the leads that are given.
        width: channels of the first stage of all four networks.
        cycle_weight: weight of the errors there and back.
        identity_weight: weight of the errors on what is already of the kind to be made; the
            seed's 5 times one half.
    """

    def __init__(
        self,
        leads: Sequence[str] = ("I",),
        width: int = 64,
        cycle_weight: float = 10.0,
        identity_weight: float = 2.5,
    ) -> None:
        super().__init__(leads, {"stretches": 1.0}, cycle_weight, identity_weight)
        every = self.n_given + self.n_found
        self.there = UNetGenerator(every, self.n_found, width, "instance")
        self.back = UNetGenerator(every, self.n_given, width, "instance")
        self.of_record = nn.ModuleDict({"stretches": PatchDiscriminator(every, width, "instance")})
        self.of_given = nn.ModuleDict(
            {"stretches": PatchDiscriminator(self.n_given, width, "instance")}
        )
