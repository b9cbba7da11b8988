"""How far a trained network errs, stored with its checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ecg.leads import LEADS, derivable_leads
from ecg.metrics.reconstruction import END_S, high_pass_matrix
from learning.checkpoint import read_checkpoint, update_metadata
from reconstruction.reconstructor import RATE_HZ
from reconstruction.task import answers, millivolts, shown_sets
from reconstruction.visible import show_leads

_SHARE = 0.68
_RECORDS = 512


def store_deviation(
    folder: Path, validation_uv: NDArray[np.int16], device: str = "auto"
) -> float | list[float]:
    """Measures how far a checkpoint's network errs and stores it as its fact ``deviation``.

    On high-passed signals with their ends cut, as the score has them. A network of fixed leads
    gets the 68th percentile of the absolute error of each lead in mV, 0 where a lead is given or
    derivable. A network that tells its errors' scale gets one factor for it, the 68th percentile
    of the absolute errors in scales, over all that ``shown_sets`` hides.

    Args:
        folder: the checkpoint; its ``config.json`` and card are written again, each atomically.
        validation_uv: ``(n, 12, 1000)`` int16 microvolts at 100 Hz of patients not trained on; at
            most 512 of them, spread evenly, are looked at.
        device: where the network runs: ``auto`` (CUDA where there is any), or a name of torch's.

    Returns:
        What was stored, see ``NetworkReconstructor``.

    Raises:
        CheckpointError: no checkpoint there.
    """
    checkpoint = read_checkpoint(folder)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    network = checkpoint.network.to(device)
    chosen = np.unique(np.linspace(0, len(validation_uv) - 1, _RECORDS).round().astype(int))
    truth = millivolts(validation_uv[chosen])
    leads = tuple(checkpoint.metadata["leads"])
    deviation: float | list[float]
    if leads:
        answer = answers(network, show_leads(truth, leads))
        deviation = _by_lead(answer, truth, derivable_leads(leads))
    else:
        deviation = _factor(network, truth)
    update_metadata(folder, deviation=deviation)
    return deviation


def _by_lead(
    answer: NDArray[np.float32], truth: NDArray[np.float32], known: tuple[str, ...]
) -> list[float]:
    errors = _high_passed_errors(answer, truth)
    return [
        0.0 if lead in known else round(float(np.quantile(errors[:, row], _SHARE)), 5)
        for row, lead in enumerate(LEADS)
    ]


def _factor(network: nn.Module, truth: NDArray[np.float32]) -> float:
    ends = round(END_S * RATE_HZ)
    pooled = []
    for shown in shown_sets(truth).values():
        answer = answers(network, shown)
        signal, scale = answer[:, : len(LEADS)], answer[:, len(LEADS) :, ends:-ends]
        wanted = np.isnan(shown)[..., ends:-ends]
        pooled.append((_high_passed_errors(signal, truth) / scale)[wanted])
    return round(float(np.quantile(np.concatenate(pooled), _SHARE)), 5)


def _high_passed_errors(
    answer: NDArray[np.float32], truth: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Absolute errors in mV, ends cut."""
    ends = round(END_S * RATE_HZ)
    errors = np.abs((answer - truth) @ high_pass_matrix(truth.shape[-1]))[..., ends:-ends]
    return errors.astype(np.float32)
