"""What limb leads say of each other, however they are printed; rows that are none."""

import numpy as np
import pytest

from digitization.quality import beats_together, flat_rows, limb_checks, limbs_go_on
from ecg.leads import LEAD_INDEX, LEADS, goldberger
from ecg.paper import LAYOUTS
from ecg.simulator import simulate

COLUMNS = {
    "standard": (("I", "II", "III"), ("aVR", "aVL", "aVF")),
    "cabrera": (("aVL", "I", "aVR"), ("II", "aVF", "III")),
    "together": (("I", "II", "III", "aVR", "aVL", "aVF"),),
}


def _page(columns):
    """Limb leads printed in consecutive columns of 2.5 s."""
    rng = np.random.default_rng(0)
    smooth = np.convolve(rng.normal(size=5000), np.hanning(40) / 20, "same")
    other = np.convolve(rng.normal(size=5000), np.hanning(40) / 20, "same")
    six = goldberger(smooth, other)
    signal = np.full((12, 5000), np.nan)
    for number, leads in enumerate(columns):
        window = slice(1250 * number, 1250 * (number + 1))
        for lead in leads:
            signal[LEAD_INDEX[lead], window] = six[LEAD_INDEX[lead], window]
    return signal


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
def test_true_leads_agree(columns):
    assert min(limb_checks(_page(columns))) > 0.999


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
def test_a_wrong_lead_disagrees(columns):
    signal = _page(columns)
    last = LEAD_INDEX[columns[-1][-1]]
    signal[last] = -signal[last]
    assert min(limb_checks(signal)) < 0.7


def test_multiples_of_what_leads_should_be_disagree():
    """Leads under wrong names may be like the right ones but for their height."""
    signal = _page(COLUMNS["standard"])
    signal[LEAD_INDEX["III"]] *= 3
    signal[LEAD_INDEX["aVF"]] *= 3
    assert max(limb_checks(signal)) < 0.7


def test_leads_of_other_times_say_nothing():
    assert np.isnan(limb_checks(_page((("I",), ("II",), ("aVR", "aVL"))))).all()


def test_columns_of_the_other_order_contradict():
    signal = _page(COLUMNS["cabrera"])
    named = np.full_like(signal, np.nan)
    for theirs, ours in zip(COLUMNS["cabrera"], COLUMNS["standard"], strict=True):
        for a, b in zip(theirs, ours, strict=True):
            named[LEAD_INDEX[b]] = signal[LEAD_INDEX[a]]
    assert limb_checks(named)[1] < 0


@pytest.mark.parametrize(
    ("layout", "flat", "count"),
    [
        ("3x4+1", (), 0),
        ("3x4+1", ("I", "aVR", "V1", "V4"), 1),
        ("3x4+1", ("I", "aVR", "V1"), 0),  # V4 beats
        ("6x2", ("II", "V2"), 1),
        ("12x1", ("I", "aVR", "V1", "V4"), 0),  # electrodes may be off
        ("3x4", LEADS, 0),  # nothing beats on the whole page
    ],
)
def test_a_row_without_a_heart_among_others_is_counted(layout, flat, count):
    signal = simulate(np.random.default_rng(0)).signal_mv.copy()
    for lead in flat:
        signal[LEAD_INDEX[lead]] = 0.01 * np.sin(np.arange(signal.shape[1]) / 9)
    assert flat_rows(signal, LAYOUTS[layout].printed_leads()) == count


@pytest.mark.parametrize("goes_on", [True, False])
def test_limb_leads_that_go_on_are_no_chest_leads(goes_on):
    record = simulate(np.random.default_rng(1), rate_hz=500).signal_mv
    printed = LAYOUTS["6x2"].printed_leads()
    shown = np.full_like(record, np.nan)
    shown[:6, :2500] = record[:6, :2500]
    shown[6:, 2500:] = record[:6, 2500:] if goes_on else record[6:, 2500:]
    assert limbs_go_on(shown, printed) == goes_on
    assert not limbs_go_on(shown, LAYOUTS["12x1"].printed_leads())


def test_a_strip_beats_when_the_leads_above_it_do():
    record = simulate(np.random.default_rng(1)).signal_mv
    page = np.full_like(record, np.nan)
    for lead in LAYOUTS["3x4"].printed_leads():
        window = slice(round(500 * lead.start_s), round(500 * (lead.start_s + lead.duration_s)))
        page[LEAD_INDEX[lead.lead], window] = record[LEAD_INDEX[lead.lead], window]
    for strip in ("II", "V1", "aVF"):
        assert beats_together(record[LEAD_INDEX[strip]], page) > 0.5
    rng = np.random.default_rng(0)
    steps = np.repeat(rng.normal(0, 0.4, 100), 50)  # letters and the edge of a sheet
    assert abs(beats_together(steps + rng.normal(0, 0.02, 5000), page)) < 0.15
    assert np.isnan(beats_together(np.where(np.arange(5000) < 300, steps, np.nan), page))
    assert beats_together(np.zeros(5000), page) == 0
