"""The training task of the signal classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional

from classification.printed_windows import PrintedWindows
from classification.signal_examples import SignalExamples
from classification.signal_network import NETWORK_RATE_HZ
from ecg.metrics.diagnosis import auroc
from learning.training import Task

CLASSES = ("MI", "NORM", "STTC", "CD", "HYP")
"""Sigmoid outputs: the product, and the PTB-XL superclasses that help to learn it."""


class SignalTask(Task):
    """MI and the other PTB-XL superclasses from signals; chosen by MI's AUROC.

    Args:
        train_uv: ``(n, 12, samples)`` int16 microvolts at 100 Hz.
        train_targets: ``(n, 5)`` of :data:`CLASSES`.
        validation_uv: the same of other patients.
        validation_targets: the same of other patients.
        network_arguments: arguments of ``SignalResNet``.
        metadata: facts for the checkpoint.
    """

    network_name = "SignalResNet"
    monitor = ("auroc_mi_mean", "max")

    def __init__(
        self,
        train_uv: NDArray[np.int16],
        train_targets: NDArray[np.float32],
        validation_uv: NDArray[np.int16],
        validation_targets: NDArray[np.float32],
        network_arguments: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.network_arguments = {"n_outputs": len(CLASSES), **(network_arguments or {})}
        self.metadata = {"classes": list(CLASSES), "rate_hz": NETWORK_RATE_HZ, **(metadata or {})}
        self._examples = SignalExamples(train_uv, train_targets)
        self._validation = (validation_uv, validation_targets)
        self._weights = torch.tensor([2.0] + [1.0] * (len(CLASSES) - 1))

    def train_dataset(self) -> SignalExamples:
        """Returns the augmented training examples."""
        return self._examples

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """Binary cross-entropy over the classes, MI counted twice."""
        signal_mv, targets = batch
        each = functional.binary_cross_entropy_with_logits(
            network(signal_mv), targets, reduction="none"
        ).mean(0)
        weights = self._weights.to(each.device)
        return (each * weights).sum() / weights.sum(), {"mi": float(each[0].detach())}

    def validation(self, network: nn.Module) -> dict[str, float]:
        """AUROC of MI on whole records and on 3x4 pages, and the mean over classes (whole)."""
        signals_uv, targets = self._validation
        whole = expit(signal_logits(network, signals_uv))
        page = expit(signal_logits(network, signals_uv, PrintedWindows("3x4")))
        each = [auroc(targets[:, k], whole[:, k]) for k in range(len(CLASSES))]
        page_auroc = auroc(targets[:, 0], page[:, 0])
        return {
            "auroc_mi_whole": each[0],
            "auroc_mi_3x4": page_auroc,
            "auroc_mi_mean": (each[0] + page_auroc) / 2,
            "auroc_classes_whole": float(np.mean(each)),
        }


def signal_logits(
    network: nn.Module,
    signals_uv: NDArray[np.int16],
    windows: PrintedWindows | None = None,
    batch_size: int = 128,
) -> NDArray[np.float32]:
    """Returns the logits ``(n, classes)`` of records, whole or as a page shows them."""
    device = next(network.parameters()).device
    logits = []
    with torch.inference_mode():
        for start in range(0, len(signals_uv), batch_size):
            batch = signals_uv[start : start + batch_size].astype(np.float32) / 1000
            if windows is not None:
                batch = np.stack([windows.show(signal, NETWORK_RATE_HZ) for signal in batch])
            logits.append(network(torch.from_numpy(batch).to(device)).cpu().numpy())
    return np.concatenate(logits)
