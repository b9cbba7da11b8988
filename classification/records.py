"""PTB-XL records as the classifiers learn them: whole folds at 100 Hz with their targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classification.targets import targets_of
from ecg.ptbxl import PtbXl

Split = tuple[NDArray[np.int16], NDArray[np.float32]]


def load_split(folder: Path, split: str) -> Split:
    """Load a split.

    Args:
        folder: PTB-XL in either layout that ``ecg.ptbxl`` reads.
        split: ``train``, ``validation`` or ``test``.

    Returns:
        ``(n, 12, 1000)`` int16 microvolts and targets of ``targets.TARGETS``.
    """
    ptbxl = PtbXl(folder, cached_shards=1)
    ids = ptbxl.select(split=split, rate_hz=100)
    return ptbxl.signals(ids, 100), targets_of(ptbxl.index.loc[ids])
