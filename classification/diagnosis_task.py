"""What the training tasks of both MI routes share: loss and metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from classification.targets import TARGETS, WEIGHTS
from ecg.ptbxl import TRAINED_ON_PTBXL
from learning.training import ExampleDataset, Task

if TYPE_CHECKING:
    from classification.maps_examples import MapsExamples
    from classification.signal_examples import SignalExamples

FACTS = {
    "training_data": "PTB-XL 1.0.3, folds 1-8; chosen on fold 9",
    **TRAINED_ON_PTBXL,
}
BUDGET = {"weight_decay": 0.02, "warmup_steps": 200, "ema_decay": 0.998}
"""What ``learning.training.TrainingConfig`` takes beside a user's options."""
_FOCUS = 2.0
Loss = Literal["bce", "focal"]


class DiagnosisTask(Task):
    """MI and the other targets; a batch is the network's inputs and the targets.

    Args:
        examples: of training: the network's inputs, and ``(targets,)`` of ``targets.TARGETS``, NaN
            where not known.
        network_name: a registered network; the class's own where None.
        initial: a trained network to begin with, as the class says.
        network_arguments: arguments of the network.
        loss: binary cross-entropy, or focal loss (Lin et al. 2017, arXiv 1708.02002).
    """

    default_network: str
    facts: Mapping[str, Any] = {}
    """Further facts for the checkpoint."""

    def __init__(
        self,
        examples: ExampleDataset,
        network_name: str | None = None,
        initial: nn.Module | None = None,
        network_arguments: Mapping[str, Any] | None = None,
        loss: Loss = "bce",
    ) -> None:
        self.network_name = network_name or self.default_network
        self.initial = initial
        self.network_arguments = {"n_outputs": len(TARGETS), **(network_arguments or {})}
        self.metadata = {"classes": list(TARGETS), "loss": loss, **self.facts, **FACTS}
        self._examples = examples
        self._loss = loss
        self._weights = torch.tensor([WEIGHTS[name] for name in TARGETS])

    def train_dataset(self) -> ExampleDataset:
        """Returns the augmented training examples."""
        return self._examples

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """The weighted loss over the targets, each over the records that know it."""
        *inputs, targets = batch
        known = torch.isfinite(targets)
        truth = torch.where(known, targets, 0.0)
        logits = network(*inputs)
        each = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
        if self._loss == "focal":
            each = each * (torch.sigmoid(logits) - truth).abs() ** _FOCUS
        each = (each * known).sum(0) / known.sum(0).clamp(min=1)
        weights = self._weights.to(each.device)
        return (each * weights).sum() / weights.sum(), {"mi": float(each[0].detach())}


class RecordsTask(DiagnosisTask):
    """A task whose examples are made of whole records.

    Args:
        train_uv: ``(n, 12, samples)`` int16 microvolts at 100 Hz.
        train_targets: ``(n, targets)`` of ``targets.TARGETS``, NaN where not known.
        validation_uv, validation_targets: the same of other patients.
        more: as for ``DiagnosisTask``.
    """

    examples_of: ClassVar[type[SignalExamples] | type[MapsExamples]]
    """Makes the training examples of records and their targets."""

    def __init__(
        self,
        train_uv: NDArray[np.int16],
        train_targets: NDArray[np.float32],
        validation_uv: NDArray[np.int16],
        validation_targets: NDArray[np.float32],
        **more: Any,
    ) -> None:
        super().__init__(self.examples_of(train_uv, train_targets), **more)
        self._validation = (validation_uv, validation_targets)
