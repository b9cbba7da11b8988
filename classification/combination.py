"""The two routes made one calibrated probability, and the point where it says MI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CALIBRATED = ("MI", "NORM")
"""The targets whose logits are combined."""
OPERATING_SHARE = 0.9
UNSURE_SHARE = 0.05
"""Share of fold 9 about the operating point of which the answer is that it cannot be told."""


@dataclass(frozen=True)
class Calibration:
    """Logistic combination of the routes' logits.

    A network's own answer to whether the ECG is normal tells infarction from what else is abnormal
    better than its answer for infarction alone.

    Attributes:
        bias, mi_weight, normal_weight, maps_weight: of the logistic function.
        threshold: probability from which the decision is MI (0.9 specificity on fold 9).
        unsure: the probabilities about it from and below which it cannot be told.
        operating_points: thresholds by name: ``specificity_90`` (the one in use),
            ``sensitivity_90`` and ``max_f1``, all on fold 9.
        prevalence: share of infarctions among the records it was fitted on.
    """

    bias: float
    mi_weight: float
    normal_weight: float
    maps_weight: float
    threshold: float
    unsure: tuple[float, float]
    operating_points: Mapping[str, float]
    prevalence: float

    def probability(self, mi_logit: float, normal_logit: float, maps_logit: float = 0.0) -> float:
        """Probability of MI from one route's logits of MI and NORM, and the maps' of MI."""
        total = (
            self.bias
            + self.mi_weight * mi_logit
            + self.normal_weight * normal_logit
            + self.maps_weight * maps_logit
        )
        return float(1 / (1 + np.exp(-total)))

    def decide(self, probability: float) -> str:
        """``mi``, ``no_mi`` or ``cannot_tell``."""
        low, high = self.unsure
        if low <= probability < high:
            return "cannot_tell"
        return "mi" if probability >= self.threshold else "no_mi"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def fit_calibration(
    logits: NDArray[np.floating],
    maps_logits: NDArray[np.floating] | None,
    mi: NDArray[np.bool_],
) -> Calibration:
    """Fit the combination (Platt 1999) and its operating point on validation records.

    Lead maps that would count against what they say are left out: that is how two answers fit that
    say the same, not what either knows.

    Args:
        logits: ``(n, 2)`` logits of MI and NORM of one route.
        maps_logits: ``(n,)`` logits of MI of the maps route beside it; None for one route alone.
        mi: ``(n,)`` truth.
    """
    from sklearn.linear_model import LogisticRegression

    maps = np.zeros(len(logits)) if maps_logits is None else maps_logits
    features = np.column_stack([logits, maps])
    fitted = LogisticRegression(C=100.0).fit(features, mi)
    if fitted.coef_[0, 2] < 0:
        return fit_calibration(logits, None, mi)
    probabilities = fitted.predict_proba(features)[:, 1]
    points = {
        "specificity_90": float(np.quantile(probabilities[~mi], OPERATING_SHARE)),
        "sensitivity_90": float(np.quantile(probabilities[mi], 1 - OPERATING_SHARE)),
        "max_f1": _best_f1(probabilities, mi),
    }
    threshold = points["specificity_90"]
    weights = fitted.coef_[0]
    return Calibration(
        bias=float(fitted.intercept_[0]),
        mi_weight=float(weights[0]),
        normal_weight=float(weights[1]),
        maps_weight=float(weights[2]),
        threshold=threshold,
        unsure=_nearest(probabilities, threshold),
        operating_points=points,
        prevalence=float(mi.mean()),
    )


def _best_f1(probabilities: NDArray[np.floating], mi: NDArray[np.bool_]) -> float:
    """The threshold of the highest F1."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(mi, probabilities)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[int(np.argmax(f1[:-1]))])


def _nearest(probabilities: NDArray[np.floating], threshold: float) -> tuple[float, float]:
    """The bounds of the records nearest to the threshold by rank, as many on either side."""
    ordered = np.sort(probabilities)
    middle = int(np.searchsorted(ordered, threshold))
    half = round(UNSURE_SHARE / 2 * len(ordered))
    low, high = max(middle - half, 0), min(middle + half, len(ordered) - 1)
    return float(min(ordered[low], threshold)), float(max(ordered[high], threshold))
