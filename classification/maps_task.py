"""The training task of the maps classifier."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn

import classification.picture_network  # noqa: F401  (registers its network)
from classification.diagnosis_task import RecordsTask
from classification.leadwise_network import LeadwiseResNet
from classification.maps_examples import MapsExamples, clean_lead_maps
from classification.maps_network import MapsNet
from dataset_generation.printed_windows import PrintedWindows
from ecg.metrics.diagnosis import auroc


class MapsTask(RecordsTask):
    """MI and the other targets from lead maps drawn of records; chosen by MI's AUROC.

    Its networks take ink and presence; the initial one is a trained ``LeadwiseResNet``, whose
    weights the network along time begins with. Arguments as of ``RecordsTask``.
    """

    default_network = "MapsNet"
    examples_of = MapsExamples
    monitor = ("auroc_mi_3x4", "max")

    def prepare(self, network: nn.Module) -> None:
        """Takes over the signal network's weights, where there is one."""
        start_from_signals(network, self.initial)

    def validation(self, network: nn.Module) -> dict[str, float]:
        """AUROC of MI on the maps of error-free 3x4 pages."""
        signals_uv, targets = self._validation
        logits = maps_logits(network, signals_uv, PrintedWindows("3x4"))
        return {"auroc_mi_3x4": auroc(targets[:, 0], expit(logits[:, 0]))}


def start_from_signals(network: nn.Module, initial: nn.Module | None) -> None:
    """Gives a ``MapsNet`` the weights of a signal network, where there is one."""
    if initial is not None:
        assert isinstance(network, MapsNet)
        assert isinstance(initial, LeadwiseResNet)
        network.start_from(initial)


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
