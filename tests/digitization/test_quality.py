"""What limb leads say of each other, however they are printed."""

import numpy as np
import pytest

from digitization.quality import limb_checks
from ecg.leads import LEAD_INDEX, goldberger

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


def test_leads_of_other_times_say_nothing():
    assert np.isnan(limb_checks(_page((("I",), ("II",), ("aVR", "aVL"))))).all()


def test_columns_of_the_other_order_contradict():
    signal = _page(COLUMNS["cabrera"])
    named = np.full_like(signal, np.nan)
    for theirs, ours in zip(COLUMNS["cabrera"], COLUMNS["standard"], strict=True):
        for a, b in zip(theirs, ours, strict=True):
            named[LEAD_INDEX[b]] = signal[LEAD_INDEX[a]]
    assert limb_checks(named)[1] < 0
