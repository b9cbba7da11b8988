"""Heights of R peaks and of ST."""

import numpy as np
import pytest

from ecg.metrics.waves import find_beat_times, measure_waves

RATE_HZ = 100.0


def _record(qrs_mv=1.0, st_mv=0.2, wander_mv=0.0):
    """Beats a second apart: a triangle of 60 ms, then a level ST of 200 ms."""
    signal = np.zeros((12, 1000))
    for beat in range(50, 1000, 100):
        signal[:, beat - 3 : beat + 4] += qrs_mv * (1 - np.abs(np.arange(-3, 4)) / 3.5)
        signal[:, beat + 4 : beat + 24] += st_mv
    scale = np.linspace(-1, 1, 12)[:, None]
    return scale * signal + wander_mv * np.sin(np.arange(1000) / 150)


def test_heights_are_measured():
    record = _record()
    times = find_beat_times(record, RATE_HZ)
    assert times is not None
    waves = measure_waves(record, times)
    np.testing.assert_allclose(waves.r_mv, np.clip(np.linspace(-1, 1, 12), 0, 1), atol=0.01)
    np.testing.assert_allclose(waves.st_mv, 0.2 * np.linspace(-1, 1, 12), atol=0.01)


def test_wander_changes_little():
    record = _record(wander_mv=0.5)
    times = find_beat_times(record, RATE_HZ)
    assert times is not None
    waves = measure_waves(record, times)
    np.testing.assert_allclose(waves.st_mv, 0.2 * np.linspace(-1, 1, 12), atol=0.06)


def test_a_flat_record_has_no_beats():
    assert find_beat_times(np.zeros((12, 1000)), RATE_HZ) is None


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_shrunk_waves_measure_less(share):
    record = _record()
    times = find_beat_times(record, RATE_HZ)
    assert times is not None
    whole, shrunk = measure_waves(record, times), measure_waves(share * record, times)
    np.testing.assert_allclose(shrunk.r_mv, share * whole.r_mv, atol=1e-9)
