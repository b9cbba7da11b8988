"""What the networks that are trained against a discriminator share, and their losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from ecg.leads import LEADS
from learning.onnx import GraphInput
from learning.window_sum import window_sum
from reconstruction.lead_set import LeadSet
from reconstruction.reconstructor import RATE_HZ, SAMPLES

_WANDER_S = 2.0


class AdversarialNetwork(nn.Module, ABC):
    """Generators and discriminators in one module, which answers as the generator alone.

    Takes ``(batch, 12, 1000)`` mV at 100 Hz, NaN where a lead is not given, and answers
    ``(batch, 12, 1000)`` mV. Inside, all of them see leads less their moving average over two
    seconds, for nobody can know another electrode's wander; leads are channels. The seed's nets
    (EKGAN's repository) worked on 16 image rows: the one lead repeated twelve times, and padding.

    Mended for all of them: a lead is not repeated twelve times for no information; given leads
    pass through unchanged, and the limb leads that follow from others are computed and not
    generated (see ``LeadSet``); no loss counts padding or a lead that was given.

    Args:
        leads: the leads that are given.
    """

    def __init__(self, leads: Sequence[str]) -> None:
        super().__init__()
        self.graph_inputs = {"signal_mv": GraphInput((1, len(LEADS), SAMPLES))}
        self.lead_set = LeadSet(leads)
        self.n_given = len(self.lead_set.given)
        self.n_found = len(self.lead_set.predicted)

    def forward(self, signal_mv: Tensor) -> Tensor:
        """Returns twelve leads ``(batch, 12, 1000)`` mV; see the class."""
        given = torch.nan_to_num(self.lead_set.pick(signal_mv))
        return self.lead_set.assemble(given, self.found(without_wander(given)))

    def losses(self, truth_mv: Tensor) -> dict[str, Tensor]:
        """Returns the losses of all parts, weighted; one step lowers their sum.

        No part trains another's weights: discriminators see generated leads detached, and judge
        for the generators with fixed weights (``judged``). The names of discriminators' losses
        begin with ``discriminator``.

        Args:
            truth_mv: ``(batch, 12, 1000)`` mV, whole records.
        """
        given = without_wander(self.lead_set.pick(truth_mv))
        return self.losses_of(given, without_wander(truth_mv[:, self.lead_set.predicted]))

    @abstractmethod
    def found(self, given_mv: Tensor) -> Tensor:
        """Returns the leads to be found ``(batch, found, 1000)`` from those given, both in mV."""

    @abstractmethod
    def losses_of(self, given_mv: Tensor, truth_mv: Tensor) -> dict[str, Tensor]:
        """Returns ``losses`` from the given leads and the truth of those to be found."""


def without_wander(signal_mv: Tensor) -> Tensor:
    """Each lead of ``(batch, leads, samples)`` less its moving average over two seconds."""
    half = int(_WANDER_S * RATE_HZ) // 2
    # Less the mean first: the sums below lose less to rounding.
    centred = signal_mv - signal_mv.mean(-1, keepdim=True)
    slow = window_sum(centred, half) / window_sum(torch.ones_like(centred[:1, :1]), half)
    return centred - slow


def judged(discriminator: nn.Module, *inputs: Tensor) -> Any:
    """A discriminator's answer as of a fixed function: the gradient reaches the inputs alone."""
    fixed = {name: tensor.detach() for name, tensor in discriminator.named_parameters()}
    fixed |= {name: tensor.clone() for name, tensor in discriminator.named_buffers()}
    return functional_call(discriminator, fixed, inputs)


def fooling_loss(logits: Tensor) -> Tensor:
    """A generator's loss: cross-entropy of what it made being called real."""
    return functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))


def telling_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """A discriminator's loss: cross-entropy of the real called real, of the generated called so."""
    fake = functional.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return fooling_loss(real_logits) + fake
