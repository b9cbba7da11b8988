"""Two generators, there and back, each against discriminators: CycleGAN and CardioGAN."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from reconstruction.adversarial_network import (
    AdversarialNetwork,
    fooling_loss,
    judged,
    telling_loss,
)


class CycleNetwork(AdversarialNetwork):
    """From the given leads to the whole record (``there``) and from the record back to them.

    A whole record is ``(batch, given + found, samples)``. There and back again, both the given
    leads and the record must be as they were. So that ``there`` also takes a whole record, the
    given leads stand in the places of those that are to be found; ``there`` makes the latter,
    ``back`` the former, and what is given is taken as it is: discriminators see whether made and
    given leads go together.

    Args:
        leads: the leads that are given.
        weights: weight of the loss through the discriminators of each name.
        cycle_weight: weight of the mean absolute errors in mV after both generators.
        identity_weight: weight of those of ``there`` of a record, and ``back`` of given leads.

    Attributes:
        there: generator, given + found to found leads; a subclass sets all four.
        back: generator, given + found to given leads.
        of_given: discriminators of the given leads, by name.
        of_record: discriminators of the whole record, by the same names.
    """

    def __init__(
        self,
        leads: Sequence[str],
        weights: dict[str, float],
        cycle_weight: float,
        identity_weight: float = 0.0,
    ) -> None:
        super().__init__(leads)
        self.weights = weights
        self.cycle_weight, self.identity_weight = cycle_weight, identity_weight

    there: nn.Module
    back: nn.Module
    of_given: nn.ModuleDict
    of_record: nn.ModuleDict

    def found(self, given_mv: Tensor) -> Tensor:
        """See ``AdversarialNetwork``."""
        answer: Tensor = self.there(self._filled(given_mv))
        return answer

    def losses_of(self, given_mv: Tensor, truth_mv: Tensor) -> dict[str, Tensor]:
        """See ``AdversarialNetwork``."""
        filled, record = self._filled(given_mv), torch.cat([given_mv, truth_mv], dim=1)
        made = torch.cat([given_mv, self.there(filled)], dim=1)
        taken = self.back(record)
        cycle = functional.l1_loss(self.back(made), given_mv)
        cycle = cycle + functional.l1_loss(self.there(self._filled(taken)), truth_mv)
        parts = {"cycle": self.cycle_weight * cycle}
        if self.identity_weight:
            identity = functional.l1_loss(self.there(record), truth_mv)
            identity = identity + functional.l1_loss(self.back(filled), given_mv)
            parts["identity"] = self.identity_weight * identity
        for name, weight in self.weights.items():
            for domain, judges, real, fake in (
                ("record", self.of_record, record, made),
                ("given", self.of_given, given_mv, taken),
            ):
                judge = judges[name]
                parts[f"{name}_{domain}"] = weight * fooling_loss(judged(judge, fake))
                telling = telling_loss(judge(real), judge(fake.detach()))
                parts[f"discriminator_{name}_{domain}"] = 0.5 * telling
        return parts

    def _filled(self, given_mv: Tensor) -> Tensor:
        """The given leads, and again in the places of those that are to be found."""
        again = [given_mv[:, [k % self.n_given]] for k in range(self.n_found)]
        return torch.cat([given_mv, *again], dim=1)
