"""The training task of the signal classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn

import classification.inception_network
import classification.ribeiro_network
import classification.signal_network
import classification.xresnet_network  # noqa: F401  (all register their network)
from classification.signal_channels import NETWORK_RATE_HZ
from classification.signal_examples import SignalExamples
from classification.superclass_task import CLASSES, SuperclassTask
from dataset_generation.printed_windows import PrintedWindows
from ecg.metrics.diagnosis import auroc


class SignalTask(SuperclassTask):
    """MI and the other superclasses from signals; chosen by MI's AUROC.

    Args:
        train_uv, train_targets, validation_uv, validation_targets, network_arguments: see
            ``SuperclassTask``.
        network_name: a registered network that takes ``(batch, 12, samples)`` mV with NaN.
    """

    monitor = ("auroc_mi_mean", "max")
    facts: Mapping[str, Any] = {"rate_hz": NETWORK_RATE_HZ}

    def __init__(
        self,
        train_uv: NDArray[np.int16],
        train_targets: NDArray[np.float32],
        validation_uv: NDArray[np.int16],
        validation_targets: NDArray[np.float32],
        network_arguments: Mapping[str, Any] | None = None,
        network_name: str = "SignalResNet",
    ) -> None:
        self.network_name = network_name
        super().__init__(
            train_uv, train_targets, validation_uv, validation_targets, network_arguments
        )

    def _make_examples(
        self, signals_uv: NDArray[np.int16], targets: NDArray[np.float32]
    ) -> SignalExamples:
        return SignalExamples(signals_uv, targets)

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
