"""Training on lead maps that were read from photos: a set of readings (``ecgphoto readings``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import nn

from classification.diagnosis_task import DiagnosisTask
from classification.maps_task import start_from_signals
from classification.targets import TARGETS
from dataset_generation.readings_folder import ReadingRow, ReadingsError, load_maps, read_readings
from ecg.metrics.diagnosis import auroc
from ecg.splits import split_of_fold
from learning.training import ExampleDataset

_MI, _NORMAL = TARGETS.index("MI"), TARGETS.index("NORM")


class ReadingsExamples(ExampleDataset):
    """Lead maps as they were read.

    Args:
        folder: the set of readings.
        rows: those of it to take; each has maps and a target.
    """

    def __init__(self, folder: Path, rows: Sequence[ReadingRow]) -> None:
        self.folder, self.rows = folder, list(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def example(
        self, index: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
        """Returns ink ``(12, 160, 250)`` uint8, presence ``(12,)`` and the targets."""
        del rng
        row = self.rows[index]
        maps = load_maps(self.folder, row)
        targets = np.full(len(TARGETS), np.nan, np.float32)
        targets[_MI], targets[_NORMAL] = row.target == "mi", row.target == "normal"
        return maps.ink, maps.present.astype(np.float32), targets


class ReadingsTask(DiagnosisTask):
    """MI from lead maps that were read; chosen by MI's AUROC on the readings of fold 9.

    Args:
        folder: the set of readings; only those that were kept and have a fold and a target count.
        least_quality: readings below it are left out of training, not of the validation.
        more: as for ``DiagnosisTask``; networks as of ``MapsTask``.

    Raises:
        ReadingsError: the set has no readings to train on, or none of both kinds to choose by.
    """

    default_network = "MapsNet"
    monitor = ("auroc_mi_readings", "max")

    def __init__(
        self,
        folder: Path,
        least_quality: float = 0.0,
        **more: Any,
    ) -> None:
        usable = [
            row
            for row in read_readings(folder)
            if row.status == "kept" and row.maps and row.target and row.fold is not None
        ]
        of_split = {
            split: [row for row in usable if row.fold and split_of_fold(row.fold) == split]
            for split in ("train", "validation")
        }
        training = [r for r in of_split["train"] if (r.quality or 0.0) >= least_quality]
        if not training or len({row.target == "mi" for row in of_split["validation"]}) < 2:
            raise ReadingsError(
                f"{folder} has {len(training)} readings of folds 1-8 with a target and quality "
                f"{least_quality:g} or more, and {len(of_split['validation'])} of fold 9; both are "
                "needed, fold 9 with and without infarction"
            )
        super().__init__(ReadingsExamples(folder, training), **more)
        self._validation = ReadingsExamples(folder, of_split["validation"])

    def prepare(self, network: nn.Module) -> None:
        """Takes over the signal network's weights, where there is one."""
        start_from_signals(network, self.initial)

    def validation(self, network: nn.Module) -> dict[str, float]:
        """AUROC of MI on the readings of fold 9."""
        device = next(network.parameters()).device
        truth, logits = [], []
        with torch.inference_mode():
            for number in range(len(self._validation)):
                ink, present, targets = self._validation[number]
                inputs = (torch.from_numpy(each)[None].to(device) for each in (ink, present))
                logits.append(float(network(*inputs)[0, _MI]))
                truth.append(bool(targets[_MI]))
        return {"auroc_mi_readings": auroc(np.array(truth), expit(np.array(logits)))}
