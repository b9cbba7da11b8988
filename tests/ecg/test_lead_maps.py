from __future__ import annotations

import numpy as np
import pytest

from ecg.lead_maps import LeadMaps, draw_lead_maps


def test_a_flat_line_lies_at_its_voltage_with_its_width() -> None:
    maps = draw_lead_maps(np.full((12, 300), 0.5), 100.0, baselines_mv=0.0)
    column = maps.ink[0, :, 100].astype(float) / 255
    rows = np.arange(160)
    assert column.sum() == pytest.approx(0.35 * 4, abs=0.02)
    assert 2 - ((column * rows).sum() / column.sum() + 0.5) / 40 == pytest.approx(0.5, abs=1e-3)


def test_a_steep_stroke_is_connected_and_as_wide_as_the_pen() -> None:
    signal = np.where(np.arange(300) < 100, -1.0, 1.0)[None].repeat(12, 0)
    ink = draw_lead_maps(signal, 100.0, baselines_mv=0.0).ink[0].astype(float) / 255
    assert (ink[50:110].max(axis=1) > 0.5).all()
    assert ink[80].sum() == pytest.approx(1.4, abs=0.15)


def test_a_missing_window_is_not_present() -> None:
    signal = np.zeros((12, 1000))
    signal[4] = np.nan
    starts = np.zeros(12)
    starts[7] = np.nan
    maps = draw_lead_maps(signal, 100.0, starts)
    assert np.flatnonzero(~maps.present).tolist() == [4, 7]
    assert not maps.ink[[4, 7]].any()


def test_ink_on_a_missing_lead_is_refused() -> None:
    with pytest.raises(ValueError, match="zeros"):
        LeadMaps(np.ones((12, 160, 250), np.uint8), np.zeros(12, bool))
