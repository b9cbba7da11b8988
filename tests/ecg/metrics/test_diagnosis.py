import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg.metrics import diagnosis as d


def calibrated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.02, 0.98, n)
    return (rng.random(n) < p).astype(int), p


def test_areas_by_hand() -> None:
    labels, p = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
    assert d.auroc(labels, p) == 0.75  # three of four pairs in order
    assert d.auprc(labels, p) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert math.isnan(d.auroc([1, 1], [0.1, 0.2]))
    assert math.isnan(d.auprc([0, 0], [0.1, 0.2]))


def test_sensitivity_at_specificity_by_hand() -> None:
    negatives = np.arange(10) / 20  # 0 .. 0.45
    p = np.concatenate([negatives, [0.1, 0.42, 0.43, 0.9]])
    y = np.array([0] * 10 + [1] * 4)
    # One negative of ten may be called positive: the threshold may sink to just above 0.4.
    assert d.sensitivity_at_specificity(y, p, 0.9) == 0.75
    assert d.sensitivity_at_specificity(y, p, 1.0) == 0.25
    assert d.sensitivity_at_specificity([0, 1], [0.5, 0.5]) == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=40))
def test_sensitivity_is_the_best_of_all_thresholds(data: list[tuple[bool, int]]) -> None:
    y, p = np.array([a for a, _ in data]), np.array([b / 8 for _, b in data])
    if y.all() or not y.any():
        return
    best = max(np.mean(p[y] >= t) for t in [*np.unique(p), 2] if np.mean(p[~y] < t) >= 0.7 - 1e-12)
    assert d.sensitivity_at_specificity(y.astype(int), p, 0.7) == pytest.approx(best)


def test_calibration_error_by_hand() -> None:
    # Two bins of two: |0.5 - 0.15| and |1 - 0.85|.
    labels, p = [0, 1, 1, 1], [0.1, 0.2, 0.8, 0.9]
    assert d.expected_calibration_error(labels, p, bins=2) == pytest.approx(0.25)
    assert d.brier(labels, p) == pytest.approx((0.01 + 0.64 + 0.04 + 0.01) / 4)


def test_calibration_error_does_not_depend_on_the_order() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 97), rng.integers(0, 5, 97) / 5
    order = rng.permutation(97)
    assert d.expected_calibration_error(y, p) == pytest.approx(
        d.expected_calibration_error(y[order], p[order])
    )


def test_calibration_slope() -> None:
    y, p = calibrated(20000)
    assert d.calibration_slope(y, p) == pytest.approx(1, abs=0.05)
    overconfident = 1 / (1 + (1 / p - 1) ** 2)  # log-odds doubled
    assert d.calibration_slope(y, overconfident) == pytest.approx(0.5, abs=0.03)
    assert d.expected_calibration_error(y, p) < 0.02
    assert d.expected_calibration_error(y, overconfident) > 0.05
    assert math.isnan(d.calibration_slope([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]))  # separable
    assert math.isnan(d.calibration_slope([0, 1], [0.5, 0.5]))


def test_calibration_slope_of_certain_probabilities_is_finite() -> None:
    y = np.array([0, 0, 0, 1, 1, 1, 0, 1])
    p = np.array([0.0, 0.1, 0.2, 1.0, 0.9, 0.4, 0.6, 0.5])
    assert math.isfinite(d.calibration_slope(y, p))


def test_bootstrap_covers_and_is_reproducible() -> None:
    y, p = calibrated(400)
    one, two = (
        d.bootstrap(d.brier, y, p, np.arange(400), np.random.default_rng(5), repeats=200)
        for _ in range(2)
    )
    assert one == two
    assert one.low < one.value < one.high
    # The standard error of a mean, by theory.
    error = np.std((p - y) ** 2) / math.sqrt(400)
    assert one.high - one.low == pytest.approx(2 * 1.96 * error, rel=0.2)


def test_records_of_a_patient_are_drawn_together() -> None:
    # Each patient's record stands four times over: the interval must not shrink.
    y, p = calibrated(100)
    single = d.bootstrap(d.brier, y, p, np.arange(100), np.random.default_rng(0), repeats=300)
    y4, p4, patients = np.tile(y, 4), np.tile(p, 4), np.tile([f"p{k}" for k in range(100)], 4)
    fourfold = d.bootstrap(d.brier, y4, p4, patients, np.random.default_rng(0), repeats=300)
    assert fourfold.high - fourfold.low == pytest.approx(single.high - single.low, rel=0.25)


def test_a_paired_difference_of_equals_is_zero_and_of_others_is_found() -> None:
    y, p = calibrated(500)
    patients = np.arange(500)
    rng = np.random.default_rng(0)
    same = d.bootstrap_difference(d.brier, y, p, p, patients, rng, repeats=50)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    worse = np.clip(p + rng.normal(0, 0.3, 500), 0, 1)
    found = d.bootstrap_difference(d.auroc, y, p, worse, patients, rng, repeats=100)
    assert 0 < found.low < found.value < found.high


@pytest.mark.parametrize(
    ("labels", "p"), [([0, 2], [0.1, 0.2]), ([0, 1], [0.1, np.nan]), ([0], [0.1, 0.2]), ([], [])]
)
def test_bad_input_is_refused(labels: list[int], p: list[float]) -> None:
    with pytest.raises(ValueError, match="must"):
        d.brier(labels, p)


def test_specificity_at_sensitivity_is_the_mirror():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 500)
    chance = np.clip(0.3 * labels + 0.7 * rng.random(500), 0, 1)
    mirrored = d.sensitivity_at_specificity(1 - labels, 1 - chance, 0.9)
    assert d.specificity_at_sensitivity(labels, chance, 0.9) == pytest.approx(mirrored, abs=0.01)
    assert d.specificity_at_sensitivity([0, 0, 1, 1], [0.1, 0.6, 0.7, 0.9]) == 1
    assert math.isnan(d.specificity_at_sensitivity([1, 1], [0.1, 0.2]))


def test_reliability_bins_hold_everyone_once():
    rng = np.random.default_rng(0)
    chance = rng.random(995)
    labels = (rng.random(995) < chance).astype(int)
    points = d.reliability(labels, chance)
    assert sum(count for *_, count in points) == 995
    for stated, observed, _ in points:
        assert observed == pytest.approx(stated, abs=0.15)
    assert [stated for stated, *_ in points] == sorted(stated for stated, *_ in points)
