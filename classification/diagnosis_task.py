"""What the training tasks of both MI routes share: loss and metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from classification.targets import TARGETS, WEIGHTS
from learning.training import ExampleDataset, Task

FACTS = {
    "training_data": "PTB-XL 1.0.3, folds 1-8; chosen on fold 9",
    "licence": "Apache-2.0; trained on PTB-XL, CC BY 4.0",
    "citation": "Wagner et al., Sci Data 7, 154 (2020), doi 10.1038/s41597-020-0495-6; "
    "PhysioNet doi 10.13026/kfzx-aw45",
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
        network_arguments: arguments of the network.
        loss: binary cross-entropy, or focal loss (Lin et al. 2017, arXiv 1708.02002).
    """

    facts: Mapping[str, Any] = {}
    """Further facts for the checkpoint."""

    def __init__(
        self,
        examples: ExampleDataset,
        network_arguments: Mapping[str, Any] | None = None,
        loss: Loss = "bce",
    ) -> None:
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
