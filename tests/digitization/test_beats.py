"""Beats are measured in millimetres of paper."""

import numpy as np
import pytest

from digitization.beats import measure_beats
from digitization.traces import RowTrace
from ecg.simulator import simulate


def _rows(speed_mm_per_s, seconds):
    record = simulate(np.random.default_rng(3))
    x = np.arange(0, seconds * speed_mm_per_s, 1 / 12)
    sure = np.ones(len(x), np.float32)
    time = np.arange(record.signal_mv.shape[1]) / record.rate_hz * speed_mm_per_s
    return [
        RowTrace(x, np.interp(x, time, -10 * record.signal_mv[lead]), sure, sure)
        for lead in (0, 1, 7)
    ]


def test_twice_the_speed_doubles_what_is_measured():
    slow, fast = measure_beats(_rows(25.0, 8.0)), measure_beats(_rows(50.0, 8.0))
    assert slow is not None
    assert fast is not None
    assert fast.interval_mm == pytest.approx(2 * slow.interval_mm, rel=0.05)
    assert fast.width_mm > 1.3 * slow.width_mm


def test_every_other_beat_may_be_wide():
    x = np.arange(0, 150, 1 / 12)
    sure = np.ones(len(x), np.float32)

    def beats(first_mm: float, width_mm: float) -> np.ndarray:
        away = (x[:, None] - np.arange(first_mm, 150, 30)) / width_mm
        return 20 * width_mm * np.exp(-(away**2)).sum(axis=1)

    narrow, wide = beats(10, 0.5), beats(25, 1.5)
    both = measure_beats([RowTrace(x, narrow + wide, sure, sure)])
    alone = measure_beats([RowTrace(x, narrow, sure, sure)])
    assert both is not None
    assert alone is not None
    assert both.interval_mm == pytest.approx(15.0, abs=1.5)
    assert both.width_mm == pytest.approx(alone.width_mm, rel=0.1)


def test_no_beats_are_no_measure():
    x = np.arange(0, 100, 1 / 12)
    sure = np.ones(len(x), np.float32)
    assert measure_beats([RowTrace(x, np.full(len(x), 5.0), sure, sure)]) is None
    assert measure_beats([RowTrace(x, np.full(len(x), np.nan), sure, sure)]) is None
