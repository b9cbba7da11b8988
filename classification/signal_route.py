"""The signal route: what several networks say of several views of an ECG, averaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dataset_generation.printed_windows import PrintedWindows
from learning.inference import RunningNetwork, open_network

SHIPPED = ("mi_signals", "mi_signals_leadwise")
"""The checkpoints that are asked."""
RATE_HZ = 100.0
SAMPLES = 1000
_WHOLE_SHARE = 0.95
_PAGE = PrintedWindows("3x4")
_TURNS = 4


class SignalRoute:
    """Networks that read signals, asked together.

    Their answers are averaged: networks of different build err differently (Lakshminarayanan et
    al. 2017, arXiv 1612.01474). A whole record is also shown to them as the four pages that show
    each lead's quarters in turn, and counts as much as these together.

    Args:
        networks: of ``classification.signal_task``, all of the same targets.

    Attributes:
        targets: what the answers are of.

    Raises:
        ValueError: there are none, or their targets differ.
    """

    def __init__(self, networks: Sequence[RunningNetwork]) -> None:
        each = {tuple(network.facts["classes"]) for network in networks}
        if len(each) != 1:
            raise ValueError("a signal route takes one network or several of the same targets")
        (self.targets,) = each
        self._networks = tuple(networks)

    @classmethod
    def load(cls, folders: Sequence[Path] = ()) -> SignalRoute:
        """Open checkpoints; those that ship where none are named.

        Raises:
            CheckpointError: one is missing or damaged.
        """
        import checkpoints

        # So small that a graphics card gains nothing.
        chosen = folders or [checkpoints.path(name) for name in SHIPPED]
        return cls([open_network(folder, "cpu") for folder in chosen])

    def logits(self, signals_mv: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mean logits ``(n, targets)`` of signals as they are, ``(n, 12, SAMPLES)`` mV."""
        answers = [network(signals_mv).astype(np.float64) for network in self._networks]
        mean: NDArray[np.float64] = np.mean(answers, axis=0)
        return mean

    def assess(self, signals_mv: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mean logits over the views of each ECG.

        Args:
            signals_mv: ``(n, 12, SAMPLES)`` mV at ``RATE_HZ``, NaN where nothing was measured.

        Returns:
            ``(n, targets)``.
        """
        found = self.logits(signals_mv)
        whole = np.isfinite(signals_mv).mean(axis=2).min(axis=1) >= _WHOLE_SHARE
        if whole.any():
            pages = np.zeros_like(found[whole])
            for turn in range(_TURNS):
                turned = np.roll(signals_mv[whole], turn * SAMPLES // _TURNS, axis=2)
                shown = np.stack([_PAGE.show(signal, RATE_HZ) for signal in turned])
                pages += self.logits(shown) / _TURNS
            found[whole] = (found[whole] + pages) / 2
        return found
