"""Scores of a diagnosis: discrimination, calibration, and their uncertainty by patient.

Labels are 0 or 1 (``(n,)``), probabilities lie in 0..1 (``(n,)``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Metric = Callable[[NDArray[np.int64], NDArray[np.float64]], float]


def auroc(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Area under the receiver operating characteristic; NaN with one class only."""
    y, p = _checked(labels, probabilities)
    if y.min() == y.max():
        return math.nan
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(y, p))


def auprc(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Average precision (area under precision over recall); NaN without positives."""
    y, p = _checked(labels, probabilities)
    if y.max() == 0:
        return math.nan
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(y, p))


def sensitivity_at_specificity(
    labels: ArrayLike, probabilities: ArrayLike, specificity: float = 0.9
) -> float:
    """The highest sensitivity of a threshold whose specificity is at least that asked for.

    A record is called positive when its probability is at or above the threshold. NaN with one
    class only.
    """
    y, p = _checked(labels, probabilities)
    if y.min() == y.max():
        return math.nan
    sensitivities, specificities = _operating_points(y, p)
    return float(sensitivities[specificities >= specificity - 1e-12].max())


def _operating_points(
    y: NDArray[np.int64], p: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sensitivity and specificity of every threshold there is, the last above all records."""
    thresholds = np.append(np.unique(p), np.inf)
    negatives, positives = np.sort(p[y == 0]), np.sort(p[y == 1])
    specificities = np.searchsorted(negatives, thresholds) / len(negatives)
    sensitivities = 1 - np.searchsorted(positives, thresholds) / len(positives)
    return sensitivities, specificities


def specificity_at_sensitivity(
    labels: ArrayLike, probabilities: ArrayLike, sensitivity: float = 0.9
) -> float:
    """The highest specificity of a threshold whose sensitivity is at least that asked for.

    A record is called positive when its probability is at or above the threshold. NaN with one
    class only.
    """
    y, p = _checked(labels, probabilities)
    if y.min() == y.max():
        return math.nan
    sensitivities, specificities = _operating_points(y, p)
    return float(specificities[sensitivities >= sensitivity - 1e-12].max())


def reliability(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = 10
) -> list[tuple[float, float, int]]:
    """Mean probability, observed rate and count of each of the bins of equal size."""
    y, p = _checked(labels, probabilities)
    order = np.argsort(p, kind="stable")
    parts = np.array_split(order, min(bins, len(p)))
    return [(float(p[part].mean()), float(y[part].mean()), len(part)) for part in parts]


def expected_calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = 10
) -> float:
    """Mean distance of mean probability and observed rate over equal-mass bins.

    Records are sorted by probability and cut into ``bins`` of equal size; each bin counts by
    its size. Equal probabilities that a cut would part share the rate of their group, so the
    order of the records does not matter.
    """
    y, p = _checked(labels, probabilities)
    values, group, counts = np.unique(p, return_inverse=True, return_counts=True)
    rates = np.bincount(group, weights=y) / counts
    order = np.argsort(p, kind="stable")
    p_sorted, y_sorted = values[group[order]], rates[group[order]]
    parts = np.array_split(np.arange(len(p)), min(bins, len(p)))
    gaps = [len(part) * abs(y_sorted[part].mean() - p_sorted[part].mean()) for part in parts]
    return float(math.fsum(gaps) / len(p))


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean squared distance of probability and label."""
    y, p = _checked(labels, probabilities)
    return float(np.mean((p - y) ** 2))


def calibration_slope(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Slope of a logistic regression of the label on the log-odds of the probability.

    1 is calibrated, below 1 overconfident. Unregularised, with an intercept (Cox 1958). NaN
    with one class only, without spread of the log-odds, or where the classes are separable.
    """
    y, p = _checked(labels, probabilities)
    p = np.clip(p, 1e-7, 1 - 1e-7)
    x = np.log(p / (1 - p))
    if y.min() == y.max() or np.ptp(x) < 1e-9:
        return math.nan
    scale = x.std()
    design = np.stack([np.ones_like(x), (x - x.mean()) / scale], axis=1)
    weights = np.zeros(2)
    for _ in range(100):
        fitted = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        spread = np.maximum(fitted * (1 - fitted), 1e-12)
        hessian = design.T @ (design * spread[:, None])
        step = np.linalg.solve(hessian, design.T @ (y - fitted))
        weights = weights + step * min(1.0, 5.0 / max(1e-12, float(np.abs(step).max())))
        if np.abs(weights).max() > 1e3:
            return math.nan
        if np.abs(step).max() < 1e-10:
            return float(weights[1] / scale)
    return math.nan


@dataclass(frozen=True)
class Interval:
    """An estimate with its bootstrap interval."""

    value: float
    low: float
    high: float
    n: int


def bootstrap(
    metric: Metric,
    labels: ArrayLike,
    probabilities: ArrayLike,
    patients: ArrayLike,
    rng: np.random.Generator,
    *,
    repeats: int = 1000,
    level: float = 0.95,
) -> Interval:
    """A metric with its percentile interval, patients drawn with replacement.

    Args:
        metric: takes labels and probabilities.
        labels: ``(n,)``.
        probabilities: ``(n,)``.
        patients: ``(n,)`` patient of each record; a patient's records are drawn together.
        rng: source of the draws.
        repeats: draws.
        level: coverage of the interval.
    """
    y, p = _checked(labels, probabilities)
    values = [metric(y[rows], p[rows]) for rows in _patient_draws(patients, len(y), rng, repeats)]
    return _interval(metric(y, p), values, level, len(y))


def bootstrap_difference(
    metric: Metric,
    labels: ArrayLike,
    probabilities_a: ArrayLike,
    probabilities_b: ArrayLike,
    patients: ArrayLike,
    rng: np.random.Generator,
    *,
    repeats: int = 1000,
    level: float = 0.95,
) -> Interval:
    """``metric(a) - metric(b)`` on the same records, with its paired bootstrap interval.

    Arguments as in ``bootstrap``, with the probabilities of two inputs or models.
    """
    y, a = _checked(labels, probabilities_a)
    _, b = _checked(labels, probabilities_b)
    values = [
        metric(y[rows], a[rows]) - metric(y[rows], b[rows])
        for rows in _patient_draws(patients, len(y), rng, repeats)
    ]
    return _interval(metric(y, a) - metric(y, b), values, level, len(y))


def _patient_draws(
    patients: ArrayLike, n: int, rng: np.random.Generator, repeats: int
) -> list[NDArray[np.intp]]:
    _, group = np.unique(np.asarray(patients), return_inverse=True)
    if group.shape != (n,):
        raise ValueError(f"{group.size} patients for {n} records")
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(group))[:-1])
    return [
        np.concatenate([members[k] for k in rng.integers(len(members), size=len(members))])
        for _ in range(repeats)
    ]


def _interval(value: float, values: list[float], level: float, n: int) -> Interval:
    defined = [v for v in values if not math.isnan(v)]
    if not defined:
        return Interval(value, math.nan, math.nan, n)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), n)


def _checked(
    labels: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    y, p = np.asarray(labels), np.asarray(probabilities, np.float64)
    if y.ndim != 1 or y.shape != p.shape or len(y) == 0:
        raise ValueError(f"labels and probabilities must be (n,), not {y.shape} and {p.shape}")
    if not np.isin(y, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("probabilities must lie in 0..1 (NaN is none)")
    return y.astype(np.int64), p
