"""What a classifier may say, for tests of what is made of it."""

from classification.findings import Findings
from classification.mi import MiPrediction


def told(probability: float, decision: str, maps_probability: float | None = None) -> MiPrediction:
    """A prediction whose findings agree with its probability of infarction."""
    rest = 1 - probability
    findings = Findings(
        {"mi": probability, "normal": 0.7 * rest, "other": 0.3 * rest},
        {"STTC": 0.3, "CD": 0.2, "HYP": 0.1},
        {
            "anterior": 0.2 * probability,
            "inferior": 0.7 * probability,
            "lateral": 0.3 * probability,
        },
        0.1 * probability,
    )
    return MiPrediction(probability, probability, maps_probability, 0.31, decision, 0.25, findings)
