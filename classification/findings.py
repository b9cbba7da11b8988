"""What else the signals say beside infarction: its wall, acute injury, and the other superclasses.

Every probability is nested in the probability of infarction, so that the answers of a report
never contradict each other: mi, normal and other sum to one, and a wall is never likelier than
infarction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classification.targets import ACUTE_INJURY, WALLS

OTHERS = ("STTC", "CD", "HYP")
"""Superclasses beside MI and NORM; a record may have several."""
FINDINGS = ("NORM", *OTHERS, *WALLS, ACUTE_INJURY)


@dataclass(frozen=True)
class FindingCalibration:
    """Logistic function of a finding's own logit and of infarction's.

    Attributes:
        bias, own_weight, mi_weight: of the function.
    """

    bias: float
    own_weight: float
    mi_weight: float

    def probability(self, own_logit: float, mi_logit: float) -> float:
        """Probability of the finding, among the records on which the function was fitted."""
        total = self.bias + self.own_weight * own_logit + self.mi_weight * mi_logit
        return float(1 / (1 + np.exp(-total)))


@dataclass(frozen=True)
class Findings:
    """Probabilities beside the one of infarction, calibrated on PTB-XL fold 9.

    Attributes:
        classes: of ``mi``, ``normal`` and ``other``, which sum to one.
        superclasses: of ``STTC`` (ST or T changes), ``CD`` (conduction disturbance) and ``HYP``
            (hypertrophy), each for itself.
        walls: of infarction of the ``anterior``, ``inferior`` and ``lateral`` wall.
        acute_injury: of infarction with the pattern of acute injury.
    """

    classes: Mapping[str, float]
    superclasses: Mapping[str, float]
    walls: Mapping[str, float]
    acute_injury: float


def find(
    calibrations: Mapping[str, FindingCalibration],
    logits: Mapping[str, float],
    mi_probability: float,
) -> Findings:
    """Tell the findings of one ECG.

    Args:
        calibrations: by name of :data:`FINDINGS`.
        logits: of the signal network by target.
        mi_probability: the product's answer, in which walls and normality are nested.
    """
    chance = {name: calibrations[name].probability(logits[name], logits["MI"]) for name in FINDINGS}
    normal = (1 - mi_probability) * chance["NORM"]
    return Findings(
        {"mi": mi_probability, "normal": normal, "other": 1 - mi_probability - normal},
        {name: chance[name] for name in OTHERS},
        {wall: mi_probability * chance[wall] for wall in WALLS},
        mi_probability * chance[ACUTE_INJURY],
    )


def fit_findings(
    logits: NDArray[np.floating], targets: NDArray[np.floating], names: Sequence[str]
) -> dict[str, FindingCalibration]:
    """Fit every finding on validation records.

    NORM is fitted among records without infarction, walls and acute injury among those with it.

    Args:
        logits: ``(n, targets)`` of the signal network.
        targets: ``(n, targets)`` 0 or 1, NaN unknown.
        names: the targets' names in order.
    """
    from sklearn.linear_model import LogisticRegression

    column = {name: place for place, name in enumerate(names)}
    mi = targets[:, column["MI"]] > 0.5
    fitted = {}
    for name in FINDINGS:
        truth = targets[:, column[name]]
        among = np.isfinite(truth)
        if name == "NORM":
            among &= ~mi
        elif name not in OTHERS:
            among &= mi
        features = logits[among][:, [column[name], column["MI"]]]
        found = LogisticRegression(C=100.0).fit(features, truth[among] > 0.5)
        own, of_mi = found.coef_[0]
        fitted[name] = FindingCalibration(float(found.intercept_[0]), float(own), float(of_mi))
    return fitted
