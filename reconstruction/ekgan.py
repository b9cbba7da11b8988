"""EKGAN: a generator whose latent is pulled to that of an autoencoder of the given leads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from learning.registry import register_network
from reconstruction.adversarial_network import (
    AdversarialNetwork,
    fooling_loss,
    judged,
    telling_loss,
)
from reconstruction.signal_convolutions import growing, shrinking, with_edges, without_edges
from reconstruction.unet_generator import UNetGenerator

_KERNELS = (64, 32, 16, 8, 4)
_STRIDES = (4, 4, 4, 2, 2)
_SLOPE = 0.3


class SampleDiscriminator(nn.Module):
    """A U-Net along time that calls every sample of every lead real or generated.

    Kernels 64, 32, 16, 8 and 4 at strides 4, 4, 4, 2 and 2, mirrored. Mended: leads are channels;
    the seed judged each lead alone by shared weights, and could not tell V1 from V6.

    Args:
        conditions: leads that were given.
        candidates: leads that are judged.
        width: channels of the first stage; 32 in the paper.
    """

    def __init__(self, conditions: int, candidates: int, width: int = 32) -> None:
        super().__init__()
        widths = [width * 2**stage for stage in range(len(_KERNELS))]
        inputs = [conditions + candidates, *widths[:-1]]
        self.down = nn.ModuleList(
            shrinking(inputs[k], widths[k], _KERNELS[k], _STRIDES[k], "batch" if k else "none",
                      _SLOPE)
            for k in range(len(_KERNELS))
        )  # fmt: skip
        last = len(_KERNELS) - 1
        self.up = nn.ModuleList(
            growing((1 if k == last else 2) * widths[k], widths[k - 1], _KERNELS[k], _STRIDES[k],
                    "batch")
            for k in range(last, 0, -1)
        )  # fmt: skip
        self.last = nn.ConvTranspose1d(2 * width, candidates, _KERNELS[0], _STRIDES[0], 30)

    def forward(self, given: Tensor, candidate: Tensor) -> Tensor:
        """Returns logits ``(batch, candidates, 1000)``."""
        stages = [with_edges(torch.cat([given, candidate], dim=1))]
        for stage in self.down:
            stages.append(stage(stages[-1]))
        x = stages[-1]
        for stage, skip in zip(self.up, reversed(stages[1:-1]), strict=True):
            x = torch.cat([stage(x), skip], dim=1)
        return without_edges(self.last(x))


@register_network
class EKGAN(AdversarialNetwork):
    """Twelve leads from one by EKGAN (Joo et al. 2023, MICCAI, "Twelve-Lead ECG Reconstruction
    from Single-Lead Signals Using Generative Adversarial Networks").

    The inference generator is a U-Net with an L1 loss, a loss through a discriminator that judges
    every sample, and one that pulls its latent to that of the label generator, an autoencoder of
    the given leads without skips. The pull trains the inference generator alone.

    Mended beside what ``AdversarialNetwork`` says: the published head could not run (a string for
    the number of steps, no training loop), and its rate was lowered at single steps only; here
    ``learning.training.train`` trains it.

    Args:
        leads: the leads that are given.
        width: channels of the generators' first stage; the discriminator has half.
        l1_weight: weight of the mean absolute error in mV (lambda).
        latent_weight: weight of the mean absolute difference of the latents (alpha).
    """  # noqa: D205

    def __init__(
        self,
        leads: Sequence[str] = ("I",),
        width: int = 64,
        l1_weight: float = 50.0,
        latent_weight: float = 1.0,
    ) -> None:
        super().__init__(leads)
        self.l1_weight, self.latent_weight = l1_weight, latent_weight
        self.generator = UNetGenerator(self.n_given, self.n_found, width)
        self.label_generator = UNetGenerator(self.n_given, self.n_given, width, skips=False)
        self.discriminator = SampleDiscriminator(self.n_given, self.n_found, max(1, width // 2))

    def found(self, given_mv: Tensor) -> Tensor:
        """See ``AdversarialNetwork``."""
        answer: Tensor = self.generator(given_mv)
        return answer

    def losses_of(self, given_mv: Tensor, truth_mv: Tensor) -> dict[str, Tensor]:
        """See ``AdversarialNetwork``."""
        stages = self.generator.encode(given_mv)
        fake = self.generator.decode(stages)
        label_stages = self.label_generator.encode(given_mv)
        copied = self.label_generator.decode(label_stages)
        return {
            "l1": self.l1_weight * functional.l1_loss(fake, truth_mv),
            "latent": self.latent_weight
            * functional.l1_loss(stages[-1], label_stages[-1].detach()),
            "adversarial": fooling_loss(judged(self.discriminator, given_mv, fake)),
            "label": functional.l1_loss(copied, given_mv),
            "discriminator": telling_loss(
                self.discriminator(given_mv, truth_mv), self.discriminator(given_mv, fake.detach())
            ),
        }
