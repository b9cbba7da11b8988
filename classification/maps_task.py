"""The training task of the maps classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional

from classification.maps_examples import MapsExamples, clean_lead_maps
from classification.maps_network import MapsNet
from classification.printed_windows import PrintedWindows
from classification.signal_network import SignalResNet
from classification.signal_task import CLASSES
from ecg.metrics.diagnosis import auroc
from learning.training import Task


class MapsTask(Task):
    """MI and the other PTB-XL superclasses from lead maps; chosen by MI's AUROC.

    Args:
        train_uv: ``(n, 12, samples)`` int16 microvolts at 100 Hz.
        train_targets: ``(n, 5)`` of ``signal_task.CLASSES``.
        validation_uv: the same of other patients.
        validation_targets: the same of other patients.
        initial: a trained signal network whose weights the network along time begins with.
        network_arguments: arguments of ``MapsNet``.
        metadata: facts for the checkpoint.
    """

    network_name = "MapsNet"
    monitor = ("auroc_mi_3x4", "max")

    def __init__(
        self,
        train_uv: NDArray[np.int16],
        train_targets: NDArray[np.float32],
        validation_uv: NDArray[np.int16],
        validation_targets: NDArray[np.float32],
        initial: SignalResNet | None = None,
        network_arguments: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.network_arguments = {"n_outputs": len(CLASSES), **(network_arguments or {})}
        self.metadata = {"classes": list(CLASSES), **(metadata or {})}
        self._examples = MapsExamples(train_uv, train_targets)
        self._validation = (validation_uv, validation_targets)
        self._initial = initial
        self._weights = torch.tensor([2.0] + [1.0] * (len(CLASSES) - 1))

    def prepare(self, network: nn.Module) -> None:
        """Takes over the signal network's weights, where there is one."""
        if self._initial is not None:
            assert isinstance(network, MapsNet)
            network.start_from(self._initial)

    def train_dataset(self) -> MapsExamples:
        """Returns the augmented training examples."""
        return self._examples

    def loss(self, network: nn.Module, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """Binary cross-entropy over the classes, MI counted twice."""
        ink, present, targets = batch
        each = functional.binary_cross_entropy_with_logits(
            network(ink, present), targets, reduction="none"
        ).mean(0)
        weights = self._weights.to(each.device)
        return (each * weights).sum() / weights.sum(), {"mi": float(each[0].detach())}

    def validation(self, network: nn.Module) -> dict[str, float]:
        """AUROC of MI on the maps of error-free 3x4 pages."""
        signals_uv, targets = self._validation
        logits = maps_logits(network, signals_uv, PrintedWindows("3x4"))
        return {"auroc_mi_3x4": auroc(targets[:, 0], expit(logits[:, 0]))}


def maps_logits(
    network: nn.Module,
    signals_uv: NDArray[np.int16],
    windows: PrintedWindows,
    batch_size: int = 32,
) -> NDArray[np.float32]:
    """Returns the logits ``(n, classes)`` of records from the maps of an error-free page."""
    device = next(network.parameters()).device
    logits = []
    with torch.inference_mode():
        for start in range(0, len(signals_uv), batch_size):
            signals_mv = signals_uv[start : start + batch_size].astype(np.float32) / 1000
            maps = [clean_lead_maps(signal, windows) for signal in signals_mv]
            ink = torch.from_numpy(np.stack([each.ink for each in maps])).to(device)
            present = torch.from_numpy(np.stack([each.present for each in maps])).to(device)
            logits.append(network(ink, present.float()).cpu().numpy())
    return np.concatenate(logits)
