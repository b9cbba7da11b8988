"""Heights become millivolts at the right times."""

from dataclasses import replace

import numpy as np

from digitization.traces import RowTrace, clean_heights, sample_window, sharpened, without_pulse


def _row(gap=(0, 0)):
    x = np.arange(0, 80, 0.125)
    y = 30 - 5 * np.sin(2 * np.pi * x / 25)
    confidence = np.ones(len(x), np.float32)
    confidence[gap[0] : gap[1]] = 0
    return clean_heights(x, y, confidence, confidence)


def test_a_sine_is_read_to_a_microvolt():
    signal, confidence = sample_window(_row(), 10.0, 2.5, 25.0, 10.0, 30.0)
    t = np.arange(len(signal)) / 500
    np.testing.assert_allclose(signal, 0.5 * np.sin(2 * np.pi * (t + 0.4)), atol=1e-3)
    assert (confidence > 0.99).all()


def test_short_breaks_are_bridged_and_long_ones_left_open():
    bridged, _ = sample_window(_row((200, 206)), 10.0, 2.5, 25.0, 10.0, 30.0)
    assert np.isfinite(bridged).all()
    opened, confidence = sample_window(_row((200, 300)), 10.0, 2.5, 25.0, 10.0, 30.0)
    assert 0.15 < np.isnan(opened).mean() < 0.25
    assert (confidence[np.isnan(opened)] == 0).all()


def test_the_inverted_lead_is_turned_back():
    up, _ = sample_window(_row(), 10.0, 1.0, 25.0, 10.0, 30.0)
    down, _ = sample_window(_row(), 10.0, 1.0, 25.0, 10.0, 30.0, sign=-1)
    np.testing.assert_allclose(up, -down)


def test_a_pulse_that_falls_where_the_row_begins_is_taken_out_and_a_beat_stays():
    row = _row()
    y = row.y_mm.copy()
    pulse = np.abs(row.x_mm - 40) < 0.3
    beat = np.abs(row.x_mm - 55) < 0.3
    y[pulse | beat] -= 8
    cleaned = without_pulse(replace(row, y_mm=y), 40.0)
    np.testing.assert_allclose(cleaned.y_mm[pulse], row.y_mm[pulse], atol=0.6)
    np.testing.assert_allclose(cleaned.y_mm[beat], y[beat])


def test_the_fall_of_a_pulse_into_the_first_lead_is_not_read_as_heart():
    x = np.arange(0, 40, 1 / 12)
    y = np.full(len(x), 50.0)
    y[(x > 5) & (x < 10.2)] = 40.0
    falls = (x >= 10.2) & (x < 10.9)
    y[falls] = 40.0 + 10 * (x[falls] - 10.2) / 0.7
    here = np.ones(len(x), np.float32)
    cleaned = without_pulse(clean_heights(x, y, here, here), 10.0)
    lead = cleaned.y_mm[(x >= 10) & (x < 30)]
    assert np.nanmax(np.abs(lead - 50)) < 2
    assert np.isfinite(lead).mean() > 0.93


def test_sharp_waves_are_given_back_what_was_blurred_of_them() -> None:
    x = np.arange(0, 40, 1 / 12)
    wave = 12 * np.maximum(0, 1 - np.abs(x - 20) / 0.5)
    blurred = np.convolve(wave, [0.25, 0.5, 0.25], "same")
    sure = np.ones(len(x), np.float32)
    trace = RowTrace(x, 30 - blurred, sure, sure)
    trace.y_mm[300:310] = np.nan
    sharper = 30 - sharpened(trace).y_mm
    assert blurred.max() < np.nanmax(sharper) < 1.05 * blurred.max()
    assert abs(np.nanmax(sharper) - 12) < abs(blurred.max() - 12)
    assert np.array_equal(np.isfinite(sharper), np.isfinite(trace.y_mm))
    assert np.abs(sharper[:100]).max() < 1e-6
