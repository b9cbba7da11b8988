import math

import numpy as np
import pytest

from ecg.metrics import digitization as d
from ecg.metrics.alignment import shifted
from ecg.simulator import simulate

NAN = math.nan


def lead(seconds: float = 4, rate_hz: float = 500, row: int = 1) -> np.ndarray:
    return simulate(np.random.default_rng(8), seconds, rate_hz).signal_mv[row].astype(float)


def test_snr_by_hand() -> None:
    truth = np.array([1.0, -1.0, 2.0, NAN])
    # Powers 6/3 and 0.03/3 over three shared samples: 10 log10(200).
    assert d.snr_db(truth, truth + np.array([0.1, -0.1, 0.1, 0])) == pytest.approx(
        10 * math.log10(200)
    )
    # Only the first is shared: 10 log10(1 / 0.01) times a third.
    assert d.snr_db(truth, np.array([1.1, NAN, NAN, 5.0])) == pytest.approx(20 / 3)
    # The mean is not removed: an offset is noise, one of the truth is signal.
    assert d.snr_db(np.full(4, 1.0), np.full(4, 1.1)) == pytest.approx(20)


def test_undefined_ratios_are_nan_and_failures_zero() -> None:
    truth = lead()
    assert math.isnan(d.challenge_snr_db(truth, truth, 500))
    assert d.challenge_snr_db(truth, None, 500) == 0
    assert d.challenge_snr_db(truth, np.full_like(truth, NAN), 500) == 0
    assert math.isnan(d.challenge_snr_db(np.full(9, NAN), np.ones(9), 500))
    assert d.snr_db(np.array([1.0, NAN]), np.array([NAN, 1.0])) == 0


def test_challenge_snr_of_a_scaled_estimate() -> None:
    # 2 % too tall: 10 log10(1 / 0.02^2) = 34 dB, when no shift helps.
    truth = lead()
    assert d.challenge_snr_db(truth, 1.02 * truth, 500) == pytest.approx(33.98, abs=1.5)


@pytest.mark.parametrize("late", [-37, 0, 30])
def test_challenge_snr_forgives_a_small_shift_but_its_lost_samples(late: int) -> None:
    truth = lead()
    rng = np.random.default_rng(0)
    noisy = truth + rng.normal(0, 0.02, len(truth))
    expected = d.snr_db(truth, noisy) * (1 - abs(late) / len(truth))
    assert d.challenge_snr_db(truth, shifted(noisy, -late), 500) == pytest.approx(expected, abs=0.3)


def test_coverage_scales_the_ratio() -> None:
    truth = lead()
    noisy = truth + np.random.default_rng(0).normal(0, 0.02, len(truth))
    half = noisy.copy()
    half[::2] = NAN
    assert d.challenge_snr_db(truth, half, 500) == pytest.approx(
        d.challenge_snr_db(truth, noisy, 500) / 2, abs=0.5
    )


def test_simple_figures_by_hand() -> None:
    truth, estimate = np.array([0.0, 1.0, 2.0, NAN]), np.array([1.0, 3.0, 5.0, 7.0])
    assert d.pearson(truth, estimate) == pytest.approx(1)
    assert d.pearson(truth, -estimate) == pytest.approx(-1)
    assert d.pearson(truth, np.ones(4)) == 0
    assert d.rmse_uv(truth, estimate) == pytest.approx(1000 * math.sqrt((1 + 4 + 9) / 3))
    assert d.amplitude_error(truth, estimate) == pytest.approx(1)
    assert d.amplitude_error(truth, 0.95 * truth + 3) == pytest.approx(0.05)
    assert d.coverage(truth, np.array([1, NAN, 1, 1])) == pytest.approx(2 / 3)
    # Error (1, 2, 3) has variance 2/3, as has the truth.
    assert d.mean_removed_snr_db(truth, estimate) == pytest.approx(0)
    assert math.isnan(d.rmse_uv(np.array([NAN]), np.array([1.0])))


def test_kaggle_offset_is_free_and_shift_limited() -> None:
    truth = lead()
    signal, noise = d.kaggle_powers(truth, truth - 3.0, 500)
    assert signal == pytest.approx(np.sum(truth**2))
    assert noise == pytest.approx(0, abs=1e-9)
    for late in (-100, -7, 60, 100):
        _, noise = d.kaggle_powers(truth, shifted(truth, -late), 500)
        lost = truth[-late:] if late > 0 else truth[:-late]
        assert noise == pytest.approx(np.sum(lost**2), rel=0.35, abs=0.3)
    _, noise = d.kaggle_powers(truth, shifted(truth, -140), 500)
    assert noise > 0.3 * signal


def test_kaggle_by_hand() -> None:
    # An impulse read one sample late: the shift mends it, the lost sample counts as 0.
    truth = np.array([0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 2.0])
    late = np.array([0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0])
    assert d.kaggle_powers(truth, late, 10) == pytest.approx((20.0, 4.0))
    assert d.kaggle_ratio(np.stack([truth, truth]), np.stack([truth, late]), 10) == pytest.approx(
        10
    )


def test_kaggle_aggregate_is_the_mean_of_linear_ratios() -> None:
    assert d.kaggle_db([99.0, 1.0]) == pytest.approx(10 * math.log10(50))
    truth = np.tile(lead(2.5), (12, 1))
    assert d.kaggle_ratio(truth, truth, 500) == 1e6
    failed = d.kaggle_ratio(truth, None, 500)
    assert failed == pytest.approx(np.sum(truth**2) / np.sum((truth - truth.mean()) ** 2))
    assert d.kaggle_snr_db([truth, truth], [truth, None], 500) == pytest.approx(
        10 * math.log10((1e6 + failed) / 2)
    )
    assert math.isnan(d.kaggle_db([]))


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="one length"):
        d.pearson(np.zeros(3), np.zeros(4))
