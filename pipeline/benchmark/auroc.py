"""An AUROC with its interval, as the MI figures state it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg.metrics import diagnosis as metrics
from pipeline.benchmark.table import Figure


def auroc_figure(
    case: str,
    truth: NDArray[np.bool_],
    chance: NDArray[np.float64],
    patients: NDArray[np.generic],
    data: str,
    seed: int,
    repeats: int,
    metric: str = "auroc",
) -> Figure:
    """AUROC of both routes together, with a bootstrap interval by patient.

    Args:
        case, data, metric: as of ``Figure``.
        truth: ``(n,)``, of both kinds.
        chance: ``(n,)`` probabilities.
        patients: ``(n,)`` whose they are.
        seed, repeats: of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    found = metrics.bootstrap(metrics.auroc, truth, chance, patients, rng, repeats=repeats)
    return Figure(case, metric, found.value, len(truth), "both", data, found.low, found.high)
