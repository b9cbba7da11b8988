"""Heart rate from whole records and from pages."""

from collections.abc import Callable

import numpy as np
import pytest

from ecg.heart_rate import measure_heart_rate
from ecg.reading import Reading

MakeReading = Callable[..., Reading]


@pytest.mark.parametrize("layout", ["3x4", "3x4+1", "6x2", "12x1"])
def test_rate_is_found_on_every_layout(make: MakeReading, layout: str) -> None:
    rate = measure_heart_rate(make(layout).signal_mv, 500)
    assert rate is not None
    assert rate.bpm == pytest.approx(72, abs=0.5)
    assert rate.most_bpm - rate.least_bpm < 3


@pytest.mark.parametrize("bpm", [35, 60, 110, 170])
def test_slow_and_fast_hearts(reading: Reading, bpm: float) -> None:
    time = np.arange(5000) / 500
    phase = np.mod(time + 0.3, 60 / bpm)
    qrs = np.exp(-(((phase - 0.15) / 0.012) ** 2))
    wave = 0.3 * np.exp(-(((phase - 0.30) / 0.03) ** 2))
    rate = measure_heart_rate(np.tile(qrs + wave, (12, 1)).astype(np.float32), 500)
    assert rate is not None
    assert rate.bpm == pytest.approx(bpm, rel=0.02)


def test_noise_does_not_change_it(reading: Reading) -> None:
    noise = np.random.default_rng(0).normal(0, 0.03, reading.signal_mv.shape)
    rate = measure_heart_rate(reading.signal_mv + noise.astype(np.float32), 500)
    assert rate is not None
    assert rate.bpm == pytest.approx(72, abs=1)


def test_no_beats_no_rate() -> None:
    assert measure_heart_rate(np.full((12, 5000), np.nan, np.float32), 500) is None
    assert measure_heart_rate(np.zeros((12, 5000), np.float32), 500) is None


def test_short_strip_has_too_few_beats(reading: Reading) -> None:
    short = reading.signal_mv.copy()
    short[:, 700:] = np.nan
    assert measure_heart_rate(short, 500) is None
