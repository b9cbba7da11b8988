import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg.resampling import finite_runs, resample, resampled_length

RATES = [(500, 100), (100, 500), (500, 250), (360, 500), (257, 500), (1000, 500), (500, 1025)]


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_a_sine_below_the_band_limit_keeps_its_samples(from_hz: float, to_hz: float) -> None:
    t, t_new = (np.arange(10 * rate) / rate for rate in (from_hz, to_hz))
    frequency = 0.4 * min(from_hz, to_hz)
    new = resample(np.sin(2 * np.pi * frequency * t + 0.3), from_hz, to_hz)
    inside = slice(int(0.5 * to_hz), -int(0.5 * to_hz))
    np.testing.assert_allclose(
        new[inside], np.sin(2 * np.pi * frequency * t_new + 0.3)[inside], atol=5e-4
    )


def test_down_and_up_again_is_the_identity_for_a_band_limited_signal() -> None:
    t = np.arange(5000) / 500
    rng = np.random.default_rng(0)
    x = sum(
        rng.normal() * np.sin(2 * np.pi * f * t + rng.uniform(0, 6)) for f in rng.uniform(1, 38, 9)
    )
    back = resample(resample(x, 500, 100), 100, 500)
    np.testing.assert_allclose(back[250:-250], x[250:-250], atol=2e-3)


def test_nothing_aliases() -> None:
    t = np.arange(5000) / 500
    for frequency in (55, 70, 99, 130, 240):
        assert np.abs(resample(np.sin(2 * np.pi * frequency * t), 500, 100)[60:-60]).max() < 1e-3


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_lines_stay_lines_up_to_the_ends(from_hz: float, to_hz: float) -> None:
    t, t_new = (np.arange(3 * rate) / rate for rate in (from_hz, to_hz))
    np.testing.assert_allclose(resample(2 * t - 1, from_hz, to_hz), 2 * t_new - 1, atol=2e-3)


def test_gaps_stay_where_they_are_and_runs_do_not_mix() -> None:
    x = np.full((2, 5000), np.nan, np.float32)
    x[0, 1250:2502], x[0, 2503:3000], x[1] = 1.0, 5.0, 2.0
    new = resample(x, 500, 100)
    assert new.dtype == np.float32
    assert finite_runs(new[0]) == [(250, 600)]
    np.testing.assert_allclose(new[0, 250:501], 1, atol=1e-4)
    np.testing.assert_allclose(new[0, 501:600], 5, atol=1e-3)
    np.testing.assert_allclose(new[1], 2, atol=1e-4)
    x[0, 2500:2520] = np.nan  # wider than a new sample
    assert finite_runs(resample(x, 500, 100)[0]) == [(250, 500), (504, 600)]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 400),
    st.sampled_from([50.0, 99.5, 100.0, 128.0, 500.0]),
    st.sampled_from([40.0, 100.0, 256.0, 500.0]),
)
def test_length_is_rounded(n: int, from_hz: float, to_hz: float) -> None:
    new = resample(np.ones((3, n)), from_hz, to_hz)
    assert new.shape == (3, resampled_length(n, from_hz, to_hz))
    assert abs(new.shape[1] - n * to_hz / from_hz) <= 0.5
    np.testing.assert_allclose(new, 1, atol=2e-3)


def test_same_rate_gives_a_copy() -> None:
    x = np.array([1.0, np.nan, 3.0])
    y = resample(x, 500, 500)
    np.testing.assert_array_equal(x, y)
    assert y is not x


@pytest.mark.parametrize("rate", [0, -1, np.nan, np.inf])
def test_a_rate_must_be_positive(rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        resample(np.zeros(5), rate, 100)
