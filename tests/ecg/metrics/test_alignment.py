import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve

from ecg.metrics.alignment import align, shifted
from ecg.simulator import simulate


def plain_best_shift(truth: np.ndarray, estimate: np.ndarray) -> tuple[float, int]:
    """The definition, written without any saving: (mV too high, samples late)."""
    low = min(np.nanmin(truth), np.nanmin(estimate))
    high = max(np.nanmax(truth), np.nanmax(estimate))

    def image(signal: np.ndarray) -> np.ndarray:
        columns = np.flatnonzero(np.isfinite(signal))
        levels = np.round(255 * (signal[columns] - low) / (high - low) + 1).astype(int)
        picture = np.zeros((256, len(signal)))
        picture[levels - 1, columns] = 1
        return gaussian_filter(picture, 0.5)

    correlation = fftconvolve(image(truth), image(estimate)[::-1, ::-1], mode="full")
    row, column = np.unravel_index(np.argmax(correlation), correlation.shape)
    return (255 - row) / 255 * (high - low), len(truth) - 1 - int(column)


@pytest.mark.parametrize("seed", range(6))
def test_shift_is_that_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = simulate(rng, 8, 250).signal_mv[seed].astype(float)
    truth = np.full_like(whole, np.nan)
    start = (0, 500, 1500)[seed % 3]
    truth[start : start + 500] = whole[start : start + 500]
    late = int(rng.integers(-60, 60))
    estimate = np.roll(truth, late) * rng.uniform(0.9, 1.1) + rng.normal(0, 0.2)
    estimate += rng.normal(0, 0.01, len(whole))
    estimate[start + 200 : start + 230] = np.nan
    found = align(truth, estimate, 250)
    assert found.accepted
    assert (found.shift_mv, found.shift_samples) == pytest.approx(plain_best_shift(truth, estimate))


def test_a_late_and_high_estimate_is_moved_back() -> None:
    truth = simulate(np.random.default_rng(3), 4, 500, noise=0).signal_mv[1].astype(float)
    found = align(truth, shifted(truth, -20) + 0.1, 500)
    assert found.shift_samples == 20
    assert found.shift_mv == pytest.approx(0.1, abs=0.01)
    assert np.isnan(found.estimate_mv[-20:]).all()
    np.testing.assert_allclose(found.estimate_mv[:-20], truth[:-20], atol=0.01)


def test_shifts_beyond_the_limits_are_not_applied() -> None:
    truth = np.full(2000, np.nan)
    truth[200:700] = simulate(np.random.default_rng(3), 1, 500).signal_mv[1]
    for moved in (shifted(truth, -251), shifted(truth, 0) + 1.05):
        found = align(truth, moved, 500)
        assert not found.accepted
        np.testing.assert_array_equal(found.estimate_mv, moved)
    assert align(truth, shifted(truth, -250), 500).shift_samples == 250


def test_equal_constants_need_no_shift() -> None:
    assert align(np.zeros(10), np.zeros(10), 500).shift_samples == 0


def test_nothing_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        align(np.zeros(10), np.full(10, np.nan), 500)


def test_shifted_both_ways() -> None:
    x = np.arange(4.0)
    np.testing.assert_array_equal(shifted(x, 1), [1, 2, 3, np.nan])
    np.testing.assert_array_equal(shifted(x, -1), [np.nan, 0, 1, 2])
    assert np.isnan(shifted(x, 9)).all()
