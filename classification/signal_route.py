"""The signal route: several networks that read signals, asked together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learning.inference import RunningNetwork, open_network

SHIPPED = ("mi_signals", "mi_signals_leadwise", "mi_signals_leadwise_2")
"""The checkpoints that are asked."""
NETWORK_RATE_HZ = 100.0
NETWORK_SAMPLES = 1000


class SignalRoute:
    """Networks whose log-odds are averaged.

    Networks of different build err differently (Lakshminarayanan et al. 2017, arXiv 1612.01474).

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

    def __call__(self, signals_mv: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mean log-odds of ECGs.

        Args:
            signals_mv: ``(n, 12, NETWORK_SAMPLES)`` mV at ``NETWORK_RATE_HZ``, NaN where
                nothing was measured.

        Returns:
            ``(n, targets)``.
        """
        answers = [network(signals_mv).astype(np.float64) for network in self._networks]
        mean: NDArray[np.float64] = np.mean(answers, axis=0)
        return mean
