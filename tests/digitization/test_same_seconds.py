"""Columns one time after another, or all at the same seconds: told by beats and limb leads."""

import numpy as np
import pytest

from digitization.same_seconds import show_same_seconds
from ecg.leads import LEAD_INDEX
from ecg.paper import LAYOUTS
from ecg.simulator import simulate

READ_ERROR_MV = 0.02


def _printed(layout, seed, same, heart_rate_bpm=None, order="standard", error_mv=READ_ERROR_MV):
    """The stretches of a page and what is read of them."""
    rng = np.random.default_rng(seed)
    record = simulate(rng, heart_rate_bpm=heart_rate_bpm)
    printed = LAYOUTS[layout].printed_leads(order, simultaneous=same)
    values = []
    for lead in printed:
        first, count = round(lead.start_s * 500), round(lead.duration_s * 500)
        one = record.signal_mv[LEAD_INDEX[lead.lead], first : first + count]
        values.append(one + error_mv * rng.standard_normal(count))
    return printed, values


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize("order", ["standard", "cabrera"])
@pytest.mark.parametrize("layout", ["3x4", "3x4+1", "6x2"])
def test_both_kinds_are_told(layout, order, same):
    told = [show_same_seconds(*_printed(layout, seed, same, order=order)) for seed in range(12)]
    # Where limb leads fill one column alone, beats must tell, and only where they are sure.
    assert sum(told) >= (8 if layout == "6x2" else 12) if same else not any(told)


@pytest.mark.parametrize("layout", ["3x4", "6x2"])
def test_a_rhythm_that_fits_the_columns_is_not_taken_for_the_same_seconds(layout):
    # 72 beats a minute: three in the 2.5 s of a column.
    told = [show_same_seconds(*_printed(layout, seed, False, 72.0)) for seed in range(12)]
    assert not any(told)


def test_leads_that_were_not_read_do_no_harm():
    printed, values = _printed("3x4", 1, True)
    values = [
        np.full_like(one, np.nan) if lead.lead in ("III", "aVF", "V6") else one
        for lead, one in zip(printed, values, strict=True)
    ]
    for one in values:
        one[300:340] = np.nan
    assert show_same_seconds(printed, values)


def test_flat_leads_and_single_columns_say_nothing():
    for layout in ("3x4", "6x2", "12x1", "strip"):
        printed, values = _printed(layout, 1, True)
        assert not show_same_seconds(printed, [np.zeros_like(one) for one in values])
        assert not show_same_seconds(printed, [np.full_like(one, np.nan) for one in values])
    assert not show_same_seconds(*_printed("12x1", 1, False))
