"""The training task of the signal classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn

import classification.inception_network
import classification.leadwise_network
import classification.ribeiro_network
import classification.signal_network
import classification.xresnet_network  # noqa: F401  (all register their network)
from classification.diagnosis_task import RecordsTask
from classification.signal_examples import SignalExamples
from classification.signal_route import NETWORK_RATE_HZ
from classification.targets import ACUTE_INJURY, SUPERCLASSES, TARGETS, WALLS
from dataset_generation.printed_windows import PrintedWindows
from ecg.metrics.diagnosis import auroc
from learning.inference import TorchNetwork

Answers = TypeVar("Answers", np.float32, np.float64)


class SignalTask(RecordsTask):
    """MI and the other targets from signals; chosen by MI's AUROC.

    Its networks take ``(batch, 12, samples)`` mV with NaN; the initial one is of the same kind, and
    its outputs may differ. Arguments as of ``RecordsTask``.
    """

    default_network = "SignalResNet"
    examples_of = SignalExamples
    monitor = ("auroc_mi_mean", "max")
    facts: Mapping[str, Any] = {"rate_hz": NETWORK_RATE_HZ}

    def validation(self, network: nn.Module) -> dict[str, float]:
        """AUROC of MI on whole records and on 3x4 pages; of superclasses and walls (whole)."""
        signals_uv, targets = self._validation
        answer = TorchNetwork(network, device=str(next(network.parameters()).device))
        whole = expit(signal_logits(answer, signals_uv))
        page = expit(signal_logits(answer, signals_uv, PrintedWindows("3x4")))

        def mean_auroc(names: tuple[str, ...]) -> float:
            each = []
            for column in map(TARGETS.index, names):
                known = np.isfinite(targets[:, column])
                each.append(auroc(targets[known, column], whole[known, column]))
            return float(np.mean(each))

        mi_whole, mi_page = mean_auroc(("MI",)), auroc(targets[:, 0], page[:, 0])
        return {
            "auroc_mi_whole": mi_whole,
            "auroc_mi_3x4": mi_page,
            "auroc_mi_mean": (mi_whole + mi_page) / 2,
            "auroc_superclasses_whole": mean_auroc(SUPERCLASSES),
            "auroc_walls_whole": mean_auroc((*WALLS, ACUTE_INJURY)),
        }


def signal_logits(
    answer: Callable[[NDArray[np.float32]], NDArray[Answers]],
    signals_uv: NDArray[np.int16],
    windows: PrintedWindows | None = None,
    batch_size: int = 128,
) -> NDArray[Answers]:
    """Returns the logits ``(n, classes)`` of records, whole or as a page shows them."""
    logits = []
    for start in range(0, len(signals_uv), batch_size):
        batch = signals_uv[start : start + batch_size].astype(np.float32) / np.float32(1000)
        if windows is not None:
            batch = np.stack([windows.show(signal, NETWORK_RATE_HZ) for signal in batch])
        logits.append(answer(batch))
    return np.concatenate(logits)
