"""What the training tasks of all reconstruction networks share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ecg.leads import LEADS, derivable_leads, derive_limb_leads
from ecg.metrics.reconstruction import score_reconstruction
from ecg.ptbxl import TRAINED_ON_PTBXL
from learning.checkpoint import CheckpointError, read_checkpoint
from learning.training import ExampleDataset, Task
from reconstruction.reconstructor import RATE_HZ, SAMPLES
from reconstruction.visible import PAGE_3X4_1, show_leads

_BATCH = 64
FACTS = {
    "rate_hz": RATE_HZ,
    "samples": SAMPLES,
    "training_data": "PTB-XL 1.0.3, folds 1-8; chosen on fold 9",
    **TRAINED_ON_PTBXL,
}


class WholeRecords(ExampleDataset):
    """Whole records in mV, ``(12, samples)``.

    Args:
        signals_uv: ``(n, 12, samples)`` int16 microvolts at 100 Hz.
    """

    def __init__(self, signals_uv: NDArray[np.int16]) -> None:
        self.signals_uv = signals_uv

    def __len__(self) -> int:
        return len(self.signals_uv)

    def example(self, index: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Returns a record; nothing is drawn."""
        del rng
        return millivolts(self.signals_uv[index])


class ReconstructionTask(Task):
    """A task that may begin with the weights of another checkpoint of the same network.

    Attributes:
        start_from: folder of that checkpoint, or None.
    """

    start_from: Path | None = None

    def prepare(self, network: nn.Module) -> None:
        """Loads the weights to begin with.

        Raises:
            CheckpointError: the folder holds no checkpoint, or one of another network.
        """
        if self.start_from is None:
            return
        kept = read_checkpoint(self.start_from)
        stored, own = kept.network_arguments, self.network_arguments
        try:
            if (kept.network_name, stored.get("leads")) != (self.network_name, own.get("leads")):
                raise RuntimeError
            network.load_state_dict(kept.network.state_dict())
        except RuntimeError:
            raise CheckpointError(
                f"the weights in {self.start_from} are of {kept.network_name} with {dict(stored)}; "
                f"they do not fit {self.network_name} with {dict(own)}"
            ) from None


class LeadSetTask(ReconstructionTask):
    """Twelve leads from a set of leads; chosen by the correlation of the leads to be found.

    A batch is ``(n, 12, 1000)`` mV, whole. The network takes the same with NaN where a lead is not
    given, and answers ``(n, 12, 1000)`` mV.

    Args:
        train_uv: ``(n, 12, 1000)`` int16 microvolts at 100 Hz.
        validation_uv: the same of other patients.
        leads: the leads that are given.
        network_arguments: arguments of the network beside ``leads``.
    """

    monitor = ("pearson", "max")
    model: str

    def __init__(
        self,
        train_uv: NDArray[np.int16],
        validation_uv: NDArray[np.int16],
        leads: tuple[str, ...],
        network_arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.leads = leads
        self.wanted = [lead not in derivable_leads(leads) for lead in LEADS]
        if not any(self.wanted):
            raise ValueError(f"{', '.join(leads)} already give all twelve leads")
        self.network_arguments = {"leads": list(leads), **(network_arguments or {})}
        self.metadata = {"model": self.model, "leads": list(leads), **FACTS}
        self._examples = WholeRecords(train_uv)
        self._validation_uv = validation_uv

    def train_dataset(self) -> ExampleDataset:
        """Returns whole records."""
        return self._examples

    def validation(self, network: nn.Module) -> dict[str, float]:
        """Mean correlation and R2 of the leads that are neither given nor derivable."""
        truth = millivolts(self._validation_uv)
        shown = show_leads(truth, self.leads)
        estimate = answers(network, shown)[:, : len(LEADS)]
        scored = np.zeros(truth.shape, bool)
        scored[:, self.wanted] = True
        scores = score_reconstruction(truth, estimate, scored)
        return {
            "pearson": float(np.nanmean(np.nanmean(scores.pearson, axis=1))),
            "r2": float(np.nanmean(np.nanmean(scores.r2, axis=1))),
        }


def millivolts(signals_uv: NDArray[np.int16]) -> NDArray[np.float32]:
    """Microvolts as millivolts."""
    return signals_uv.astype(np.float32) * np.float32(0.001)


def answers(network: nn.Module, shown_mv: NDArray[np.float32]) -> NDArray[np.float32]:
    """The network's answers to ``(n, 12, samples)`` mV with NaN, in batches."""
    device = next(network.parameters()).device
    found = []
    with torch.inference_mode():
        for start in range(0, len(shown_mv), _BATCH):
            batch = torch.from_numpy(shown_mv[start : start + _BATCH]).to(device)
            found.append(network(batch).float().cpu().numpy())
    return np.concatenate(found)


def shown_sets(truth_mv: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """What the bars of completion show of records: I+II+V3, I, and usual pages; derived filled."""
    shown = {
        "i_ii_v3": show_leads(truth_mv, ("I", "II", "V3")),
        "i": show_leads(truth_mv, ("I",)),
        "3x4_1": np.stack([PAGE_3X4_1.show(record, RATE_HZ) for record in truth_mv]),
    }
    return {
        name: np.stack([derive_limb_leads(one) for one in given]) for name, given in shown.items()
    }
