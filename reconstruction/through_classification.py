"""Reconstruction through classification: a detector has a say in what is reconstructed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ecg.metrics.diagnosis import auroc
from learning.training import ExampleDataset, Task
from reconstruction.regression_task import RegressionTask
from reconstruction.task import answers, millivolts
from reconstruction.visible import show_leads

_MI = 0
_BATCH = 64


class LabelledRecords(ExampleDataset):
    """Examples of another data set, each with its label.

    Args:
        examples: the records.
        labels: ``(n,)`` 0 or 1.
    """

    def __init__(self, examples: ExampleDataset, labels: NDArray[np.float32]) -> None:
        self.examples, self.labels = examples, labels.astype(np.float32)

    def __len__(self) -> int:
        return len(self.examples)

    def example(self, index: int, rng: np.random.Generator) -> tuple[Any, np.float32]:
        """Returns a record and its label."""
        return self.examples.example(index, rng), self.labels[index]


class ThroughClassificationTask(Task):
    """``alpha`` of a reconstructor's own loss, the rest by a frozen detector of MI.

    The detector reads the reconstructed record, given leads as they were, and the cross-entropy of
    its answer with the record's label flows back into the reconstructor. Its weights are part of
    neither the optimizer nor the checkpoint. Weights are chosen by the same mixture, of the mean
    correlation and the cross-entropy. After "12 leads from 3" (npj Digital Medicine 2024).

    Args:
        reconstruction: the reconstructor's own task.
        train_mi: ``(n,)`` 1 where a training record is of MI.
        validation_uv: ``(n, 12, 1000)`` int16 microvolts at 100 Hz.
        validation_mi: the labels of the validation records.
        detector: takes ``(n, 12, 1000)`` mV and answers logits, the first of them MI's.
        alpha: share of the reconstructor's own loss, 0 to 1.
    """

    monitor = ("mixture", "max")

    def __init__(
        self,
        reconstruction: RegressionTask,
        train_mi: NDArray[np.float32],
        validation_uv: NDArray[np.int16],
        validation_mi: NDArray[np.float32],
        detector: nn.Module,
        alpha: float,
    ) -> None:
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha is a share from 0 to 1, not {alpha}")
        self._reconstruction = reconstruction
        self.network_name = reconstruction.network_name
        self.network_arguments = reconstruction.network_arguments
        self.metadata = {**reconstruction.metadata, "alpha": alpha}
        self._train_mi = train_mi
        self._validation = (validation_uv, validation_mi.astype(np.float32))
        self._detector = detector.eval().requires_grad_(False)
        self._alpha = alpha

    def train_dataset(self) -> ExampleDataset:
        """Returns whole records with their labels."""
        return LabelledRecords(self._reconstruction.train_dataset(), self._train_mi)

    def prepare(self, network: nn.Module) -> None:
        """As the reconstructor's own task does."""
        self._reconstruction.prepare(network)

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """The mixture of both losses."""
        truth, mi = batch
        answer = network(self._reconstruction.show(truth)).float()
        own, figures = self._reconstruction.loss_of_answer(answer, truth)
        surprise = functional.binary_cross_entropy_with_logits(self._logits(answer), mi)
        loss = self._alpha * own + (1 - self._alpha) * surprise
        return loss, {**figures, "cross_entropy": float(surprise.detach())}

    def validation(self, network: nn.Module) -> dict[str, float]:
        """The reconstructor's own figures, and how well the detector does on its records."""
        signals_uv, mi = self._validation
        figures = self._reconstruction.validation(network)
        answer = answers(network, show_leads(millivolts(signals_uv), self._reconstruction.leads))
        device = next(network.parameters()).device
        with torch.inference_mode():
            logits = torch.cat(
                [
                    self._logits(torch.from_numpy(answer[start : start + _BATCH]).to(device)).cpu()
                    for start in range(0, len(answer), _BATCH)
                ]
            )
        surprise = float(functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(mi)))
        figures["cross_entropy"] = surprise
        figures["auroc_mi"] = auroc(mi, logits.sigmoid().numpy())
        mixture = self._alpha * figures["pearson"] - (1 - self._alpha) * surprise
        return {"mixture": mixture, **figures}

    def _logits(self, signal_mv: Tensor) -> Tensor:
        logits: Tensor = self._detector.to(signal_mv.device)(signal_mv)[:, _MI]
        return logits
