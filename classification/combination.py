"""The two routes made one calibrated probability, and the point where it says MI."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

OPERATING_SPECIFICITY = 0.9


@dataclass(frozen=True)
class Calibration:
    """Logistic combination of the routes' logits.

    Attributes:
        bias, signal_weight, maps_weight: of the logistic function.
        threshold: probability from which the decision is MI (0.9 specificity on fold 9).
    """

    bias: float
    signal_weight: float
    maps_weight: float
    threshold: float

    def probability(self, signal_logit: float, maps_logit: float) -> float:
        """Probability of MI from the two logits."""
        total = self.bias + self.signal_weight * signal_logit + self.maps_weight * maps_logit
        return float(1 / (1 + np.exp(-total)))

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def fit_calibration(
    signal_logits: NDArray[np.floating],
    maps_logits: NDArray[np.floating] | None,
    mi: NDArray[np.bool_],
) -> Calibration:
    """Fit the combination (Platt 1999) and its operating point on validation records.

    Args:
        signal_logits: ``(n,)`` logits of the signal route.
        maps_logits: ``(n,)`` logits of the maps route; None calibrates the signal route alone.
        mi: ``(n,)`` truth.
    """
    from sklearn.linear_model import LogisticRegression

    maps = np.zeros_like(signal_logits) if maps_logits is None else maps_logits
    features = np.stack([signal_logits, maps], axis=-1)
    fitted = LogisticRegression(C=100.0).fit(features, mi)
    probabilities = fitted.predict_proba(features)[:, 1]
    threshold = float(np.quantile(probabilities[~mi], OPERATING_SPECIFICITY))
    weights = fitted.coef_[0]
    return Calibration(float(fitted.intercept_[0]), float(weights[0]), float(weights[1]), threshold)
