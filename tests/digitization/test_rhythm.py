"""Which lead a rhythm strip shows, from its name and from what it is like."""

import numpy as np
import pytest

from digitization.rhythm import add_strips, lead_of_strip
from ecg.leads import LEAD_INDEX
from ecg.paper import PrintedLead

I1, II, III, V1, V5 = (LEAD_INDEX[lead] for lead in ("I", "II", "III", "V1", "V5"))


@pytest.mark.parametrize(
    ("lead", "named", "likenesses", "shown"),
    [
        pytest.param(II, True, {I1: 0.5, II: 0.98}, II, id="name and agreement"),
        pytest.param(I1, True, {I1: 0.5, II: 0.98}, II, id="a like name is easily misread"),
        pytest.param(III, True, {II: 0.9995, III: 0.966}, II, id="and alike leads are told apart"),
        pytest.param(III, True, {II: 0.993, III: 0.985}, III, id="by much, not by little"),
        pytest.param(I1, True, {I1: 0.917, II: 0.968}, II, id="nor by little of much"),
        pytest.param(III, True, {II: 0.885, III: 0.488}, II, id="by more where a line hides much"),
        pytest.param(V5, True, {I1: 0.1, V5: 0.002}, None, id="a line that is no trace"),
        pytest.param(V5, True, {I1: 0.9}, V5, id="whose short lead was not read"),
        pytest.param(V5, True, {I1: 0.92, V5: 0.4}, V5, id="no name is read as quite another"),
        pytest.param(V5, True, {I1: 0.995, V5: 0.4}, I1, id="but for all but the same samples"),
        pytest.param(II, False, {I1: 0.6, II: 0.96}, II, id="the usual one"),
        pytest.param(II, False, {V1: 0.97, II: 0.3}, V1, id="another by its samples"),
        pytest.param(II, False, {V5: 0.9995, II: 0.985}, V5, id="even one that is almost alike"),
        pytest.param(II, False, {V1: 0.8, II: 0.3}, None, id="none that agrees"),
        pytest.param(II, False, {V1: 0.5, II: 0.52}, None, id="nor the usual one"),
    ],
)
def test_lead_of_a_strip(lead, named, likenesses, shown):
    assert lead_of_strip(lead, named, likenesses) == shown


def test_leads_of_one_shape_are_told_apart_by_their_heights():
    beats = (np.sin(np.arange(5000) / 40) ** 21).astype(np.float32)
    signal = np.full((12, 5000), np.nan, np.float32)
    signal[II, :1250], signal[V5, 3750:] = beats[:1250], 1.4 * beats[3750:]
    strip = PrintedLead("II", 1, 3, 0, 0.0, 10.0, True)
    agreement, leads = add_strips(
        signal, np.zeros_like(signal), [(strip, 1.4 * beats, np.ones_like(beats))], (False,)
    )
    assert [lead.lead for lead in leads] == ["V5"]
    assert agreement == pytest.approx(1.0)
    np.testing.assert_array_equal(signal[V5], 1.4 * beats)


def test_a_strip_keeps_its_name_where_its_short_lead_was_misread():
    time = np.arange(5000) / 500
    beats = (np.sin(np.arange(5000) / 40) ** 21).astype(np.float32)
    wander = (3 * np.exp(-time / 2)).astype(np.float32)
    two = beats + wander
    strip = PrintedLead("II", 1, 3, 0, 0.0, 10.0, True)

    def shown(einthoven: float) -> list[str]:
        signal = np.full((12, 5000), np.nan, np.float32)
        signal[I1, :1250], signal[II, :1250] = 0.5 * beats[:1250] + wander[:1250], -wander[:1250]
        strips = [(strip, two, np.ones_like(two))]
        _, leads = add_strips(signal, np.zeros_like(signal), strips, (True,), einthoven)
        return [lead.lead for lead in leads]

    assert shown(einthoven=-0.2) == ["II"]
    assert shown(einthoven=0.99) == ["I"]


@pytest.mark.parametrize("hidden", [False, True])
def test_a_line_that_beats_when_no_lead_does_is_no_strip(hidden):
    """Its name is one that was read into print, and where its lead is there is no print."""
    beats = (np.sin(np.arange(5000) / 40) ** 21).astype(np.float32)
    signal = np.full((12, 5000), np.nan, np.float32)
    signal[II, :1250], signal[V5, 3750:] = beats[:1250], beats[3750:]
    steps = np.repeat(np.random.default_rng(0).normal(0, 0.4, 100), 50).astype(np.float32)
    line = steps if hidden else beats
    line = np.where(np.arange(5000) < 3750, line, np.nan).astype(np.float32)
    strip = PrintedLead("V5", 1, 3, 0, 0.0, 10.0, True)
    _, leads = add_strips(
        signal, np.zeros_like(signal), [(strip, line, np.ones_like(line))], (True,)
    )
    assert bool(leads) != hidden


def test_a_strip_that_was_seen_twice_is_one():
    beats = (np.sin(np.arange(5000) / 40) ** 21).astype(np.float32)
    signal = np.full((12, 5000), np.nan, np.float32)
    signal[II, :1250], signal[V5, 3750:] = beats[:1250], 0.98 * beats[3750:]
    strips = [
        (PrintedLead(lead, 1, row, 0, 0.0, 10.0, True), beats, np.ones_like(beats))
        for row, lead in ((3, "II"), (4, "V1"))
    ]
    _, leads = add_strips(signal, np.zeros_like(signal), strips, (True, False))
    assert [lead.lead for lead in leads] == ["II"]
