"""The training task of the maps classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn

import classification.picture_network  # noqa: F401  (registers its network)
from classification.diagnosis_task import DiagnosisTask
from classification.maps_examples import MapsExamples, clean_lead_maps
from classification.maps_network import MapsNet
from classification.signal_network import SignalResNet
from dataset_generation.printed_windows import PrintedWindows
from ecg.metrics.diagnosis import auroc


class MapsTask(DiagnosisTask):
    """MI and the other targets from lead maps drawn of records; chosen by MI's AUROC.

    Args:
        train_uv: ``(n, 12, samples)`` int16 microvolts at 100 Hz.
        train_targets: ``(n, targets)`` of ``targets.TARGETS``, NaN where not known.
        validation_uv, validation_targets: the same of other patients.
        network_name: a registered network that takes ink and presence.
        initial: a trained signal network whose weights the network along time begins with.
        more: as for ``DiagnosisTask``.
    """

    monitor = ("auroc_mi_3x4", "max")

    def __init__(
        self,
        train_uv: NDArray[np.int16],
        train_targets: NDArray[np.float32],
        validation_uv: NDArray[np.int16],
        validation_targets: NDArray[np.float32],
        network_name: str = "MapsNet",
        initial: SignalResNet | None = None,
        **more: Any,
    ) -> None:
        super().__init__(MapsExamples(train_uv, train_targets), **more)
        self.network_name = network_name
        self._initial = initial
        self._validation = (validation_uv, validation_targets)

    def prepare(self, network: nn.Module) -> None:
        """Takes over the signal network's weights, where there is one."""
        if self._initial is not None:
            assert isinstance(network, MapsNet)
            network.start_from(self._initial)

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
