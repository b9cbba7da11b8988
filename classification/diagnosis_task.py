"""What the training tasks of both MI routes share: targets, loss and metadata."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from learning.training import ExampleDataset, Task

CLASSES = ("MI", "NORM", "STTC", "CD", "HYP")
"""Sigmoid outputs: the product, and the PTB-XL superclasses that help to learn it."""
FACTS = {
    "training_data": "PTB-XL 1.0.3, folds 1-8; chosen on fold 9",
    "licence": "Apache-2.0; trained on PTB-XL, CC BY 4.0",
    "citation": "Wagner et al., Sci Data 7, 154 (2020), doi 10.1038/s41597-020-0495-6; "
    "PhysioNet doi 10.13026/kfzx-aw45",
}
BUDGET = {"weight_decay": 0.02, "warmup_steps": 200, "ema_decay": 0.998}
"""What ``learning.training.TrainingConfig`` takes beside a user's options."""


class SuperclassTask(Task):
    """MI and the other PTB-XL superclasses; a batch is the network's inputs and the targets.

    Args:
        train_uv: ``(n, 12, samples)`` int16 microvolts at 100 Hz.
        train_targets: ``(n, 5)`` of :data:`CLASSES`.
        validation_uv: the same of other patients.
        validation_targets: the same of other patients.
        network_arguments: arguments of the network.
    """

    facts: Mapping[str, Any] = {}
    """Further facts for the checkpoint."""

    def __init__(
        self,
        train_uv: NDArray[np.int16],
        train_targets: NDArray[np.float32],
        validation_uv: NDArray[np.int16],
        validation_targets: NDArray[np.float32],
        network_arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.network_arguments = {"n_outputs": len(CLASSES), **(network_arguments or {})}
        self.metadata = {"classes": list(CLASSES), **self.facts, **FACTS}
        self._examples = self._make_examples(train_uv, train_targets)
        self._validation = (validation_uv, validation_targets)
        self._weights = torch.tensor([2.0] + [1.0] * (len(CLASSES) - 1))

    @abstractmethod
    def _make_examples(
        self, signals_uv: NDArray[np.int16], targets: NDArray[np.float32]
    ) -> ExampleDataset:
        """The augmented examples of records."""

    def train_dataset(self) -> ExampleDataset:
        """Returns the augmented training examples."""
        return self._examples

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """Binary cross-entropy over the classes, MI counted twice."""
        *inputs, targets = batch
        each = functional.binary_cross_entropy_with_logits(
            network(*inputs), targets, reduction="none"
        ).mean(0)
        weights = self._weights.to(each.device)
        return (each * weights).sum() / weights.sum(), {"mi": float(each[0].detach())}
