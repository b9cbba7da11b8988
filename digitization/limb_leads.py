"""What limb leads say of each other: three or more that are printed at once are read better.

Einthoven's and Goldberger's relations leave two of the six limb leads free. Where more than two
were read at the same instant, what contradicts the relations is error of reading, and the
nearest values that obey them have less of it (least squares onto their plane).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FROM_I_AND_II = np.array(
    [[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0], [-0.5, -0.5], [1.0, -0.5], [-0.5, 1.0]]
)
_LIMB = len(FROM_I_AND_II)
_DOUBTED_MM = 1.0
_LEAST_SAMPLES = 50


def reconcile(signal_mv: NDArray[np.float32], gain_mm_per_mv: float = 10.0) -> NDArray[np.float32]:
    """Bring limb leads read at the same instants to agree.

    A contradiction far above what reading a line costs is a lead read wrongly; it is left alone,
    as the others cannot tell which. So are constant offsets.

    Args:
        signal_mv: ``(12, n)`` in the order of ``ecg.leads.LEADS``, NaN where not read.
        gain_mm_per_mv: gain of the page; what reading costs is so many millimetres.

    Returns:
        The same with its limb leads corrected where more than two were read.
    """
    corrected = signal_mv.copy()
    limb = signal_mv[:_LIMB]
    patterns = np.isfinite(limb)
    for pattern in np.unique(patterns, axis=1).T:
        if pattern.sum() <= 2:
            continue
        at = np.flatnonzero((patterns == pattern[:, None]).all(axis=0))
        if len(at) < _LEAST_SAMPLES:
            continue
        plane = FROM_I_AND_II[pattern]
        against = np.eye(len(plane)) - plane @ np.linalg.pinv(plane)
        values = limb[np.ix_(pattern, at)].astype(np.float64)
        error = against @ values
        error -= np.median(error, axis=1, keepdims=True)
        size = np.abs(error).max(axis=0)
        error *= np.exp(-((size * gain_mm_per_mv / _DOUBTED_MM) ** 2))
        corrected[np.ix_(np.flatnonzero(pattern), at)] = values - error
    return corrected
