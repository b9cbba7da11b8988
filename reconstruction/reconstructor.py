"""What every reconstructor offers, and the refusals that all of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEADS
from learning.checkpoint import CheckpointError
from learning.inference import RunningNetwork, open_network
from reconstruction.visible import lead_rows

RATE_HZ = 100.0
SAMPLES = 1000


class ReconstructionError(ValueError):
    """What is visible is not enough to reconstruct from; the message is for the user."""


@dataclass(frozen=True)
class Estimate:
    """Twelve leads of each record as a reconstructor sees them.

    Attributes:
        signal_mv: ``(n, 12, samples)`` mV at 100 Hz, finite, also where a lead was measured.
        deviation_mv: the same shape: half the width of the interval that holds the truth in 68 %
            of the samples.
    """

    signal_mv: NDArray[np.float32]
    deviation_mv: NDArray[np.float32]


class Reconstructor(Protocol):
    """Fills twelve leads from what is visible of them.

    Attributes:
        name: the model's name.
        needs: leads that must be visible whole; none where any part will do.
    """

    name: str
    needs: tuple[str, ...]

    def estimate(self, shown_mv: NDArray[np.float32]) -> Estimate:
        """Estimate all leads of records.

        Args:
            shown_mv: ``(n, 12, samples)`` mV at 100 Hz, NaN where nothing was measured.

        Raises:
            ReconstructionError: what the model needs is not visible.
        """


def check_shown(shown_mv: NDArray[np.float32], needs: tuple[str, ...] = ()) -> None:
    """Refuse records from which nothing can be reconstructed.

    Raises:
        ReconstructionError: the shape is wrong, a record shows nothing, or a lead that is needed
            is not visible whole.
    """
    if shown_mv.ndim != 3 or shown_mv.shape[1] != len(LEADS):
        raise ReconstructionError(f"records must be (n, 12, samples), not {shown_mv.shape}")
    visible = np.isfinite(shown_mv)
    if not visible.any(axis=(1, 2)).all():
        raise ReconstructionError("a record shows no lead at all: every sample is missing")
    for lead, row in zip(needs, (LEADS.index(lead) for lead in needs), strict=True):
        if not visible[:, row].all():
            raise ReconstructionError(
                f"lead {lead} is not measured over the whole record, and this model needs "
                f"{', '.join(needs)}; use the model completion, which takes any part"
            )


class NetworkReconstructor:
    """A trained network of this room.

    All of them take ``(n, 12, 1000)`` mV with NaN and answer ``(n, 12, 1000)`` mV, or
    ``(n, 24, 1000)`` with the scales of the errors of each sample below.

    Args:
        network: the network.
        facts: its checkpoint's metadata: ``model``, ``leads``, and ``deviation``: what its scales
            are multiplied by or, of a network without scales, the deviation of each lead in mV.
    """

    def __init__(self, network: RunningNetwork, facts: Mapping[str, Any]) -> None:
        self.name = str(facts["model"])
        self.needs = tuple(facts["leads"])
        self._network = network
        self._deviation = np.asarray(facts["deviation"], np.float32)

    @classmethod
    def open(cls, folder: Path, device: str = "auto") -> NetworkReconstructor:
        """Open a checkpoint that ``ecgphoto train reconstructor`` wrote.

        Raises:
            CheckpointError: it is none, or the training did not come to its end.
        """
        network = open_network(folder, device)
        if not {"model", "leads", "deviation"} <= network.facts.keys():
            raise CheckpointError(
                f"{folder} is no finished reconstructor; give the train command again, it goes on"
            )
        return cls(network, network.facts)

    def estimate(self, shown_mv: NDArray[np.float32]) -> Estimate:
        """See :class:`Reconstructor`."""
        check_shown(shown_mv, self.needs)
        answer = self._network(shown_mv.astype(np.float32, copy=False))
        signal, scale = answer[:, : len(LEADS)], answer[:, len(LEADS) :]
        if scale.shape[1]:
            return Estimate(signal, scale * self._deviation)
        deviation = np.broadcast_to(self._deviation[:, None], signal.shape).copy()
        deviation[:, lead_rows(self.needs)] = 0
        return Estimate(signal, deviation)
