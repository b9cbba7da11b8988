"""Speed and gain: print before pulses, pulses before beats, and a word on what contradicts."""

import numpy as np
import pytest

from dataset_generation.calibration_text import calibration_line
from digitization.beats import Beats
from digitization.calibration import (
    Printed,
    decide,
    gains_by_rows,
    likely_speed,
    pulse_gain,
    pulse_speed,
    read_calibration,
)
from digitization.page_seen import PulseSeen, RowSeen
from digitization.pulses import PulseMeasured
from digitization.text_lines import TextLine, spell
from ecg.paper import GAINS_MM_PER_MV
from ecg.reading import PageRejected

ROWS = (RowSeen(50.0, 20.0, 270.0), RowSeen(80.0, 20.0, 270.0))


def _line(text, sure=0.99):
    spelled = spell(text)
    return TextLine(spelled, np.full(len(spelled), sure, np.float32))


def _pulse(left, height, foot=50.0):
    return PulseSeen(left, foot - height, left + 5, foot)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("25 mm/s", (25, None, None)),
        ("Speed: 50mm/sec", (50, None, None)),
        ("50mm/", (50, None, None)),
        ("at 50 mm", (None, None, None)),
        ("10 mm/", (None, None, None)),
        ("10mm/mV 25 mm/s 0.5-40 Hz", (25, 10, 10)),
        ("25.0 mm / s;  20.0 MM/MV", (25, 20, 20)),
        ("Limb: 10 mm/mV Chest: 5 mm/mV", (None, 10, 5)),
        ("limb 20 chest 10 mm/mV 50 mm/s", (50, 20, 10)),
        ("10/5 mm/mV", (None, 10, 5)),
        ("mV chest: 5 mm/mV 25 mm/s", (25, None, None)),
        ("x2.0 25mm/s", (25, 20, 20)),
        ("x1.0 x 0.5 mV per box", (None, 10, 10)),
        ("box 0.2 s x 0.5 mV", (None, None, None)),
        ("25 mm/s I-aVF 10 mm/mV V1-V6 5 mm/mV LP 40 Hz", (25, 10, 5)),
        ("C1-C6: 5 mm/mV", (None, None, None)),
        ("Limbs 10mm/mV V1-6: 5mm/mV", (None, 10, 5)),
        ("QRS 25 ms, axis 50 10 mV", (None, None, None)),
        ("125 mm/s 110 mm/mV 7 mm/mV", (None, None, None)),
        ("25.11.2005 10:31:00 V5", (None, None, None)),
    ],
)
def test_print_tells_speed_and_gain(text, told):
    printed = read_calibration([_line("Sinus rhythm 72"), _line(text)])
    found = (printed.speed_mm_per_s, printed.gain_mm_per_mv, printed.chest_gain_mm_per_mv)
    assert found == told


@pytest.mark.parametrize(
    "lines",
    [
        (("Limb: 10 mm/mV", 0.96), ("Chest: 5.0 mm/mV", 0.99)),
        (("25 mm/s 10 mm/mV 0.05-100 Hz", 0.99), ("Limb 10 mm/mV Chest 5 mm/mV", 0.7)),
        (("Chest: 5 mm/mV", 0.8), ("25 mm/s 10mm/mV", 0.99)),
    ],
)
def test_what_is_said_of_the_chest_leads_outweighs_what_is_said_of_all(lines):
    printed = read_calibration([_line(text, sure) for text, sure in lines])
    assert (printed.gain_mm_per_mv, printed.chest_gain_mm_per_mv) == (10, 5)


def test_of_two_gains_the_lower_is_that_of_the_chest_leads():
    """Words that stand far apart are read as lines of their own."""
    apart = ("10mm/mV", "Chest:", "5mm/mV", "25mm/s", "Limb:")
    printed = read_calibration([_line(text) for text in apart])
    assert (printed.gain_mm_per_mv, printed.chest_gain_mm_per_mv) == (10, 5)
    assert set(printed.quotes) == {"25mm/s", "10mm/mv", "5mm/mv"}
    doubtful = read_calibration([_line("10mm/mV"), _line("5mm/mV", 0.8)])
    assert (doubtful.gain_mm_per_mv, doubtful.chest_gain_mm_per_mv) == (10, 10)


def test_a_doubtful_word_on_the_chest_leads_does_not_count():
    printed = read_calibration([_line("Limb: 10 mm/mV"), _line("Chest: 5 mm/mV", 0.4)])
    assert (printed.gain_mm_per_mv, printed.chest_gain_mm_per_mv) == (10, 10)


def test_every_spelling_that_is_drawn_is_understood():
    rng = np.random.default_rng(0)
    for _ in range(300):
        speed, gain = float(rng.choice([25, 50])), float(rng.choice([5, 10, 20]))
        chest = float(rng.choice([5, 10, 20])) if rng.random() < 0.3 else None
        text = calibration_line(rng, speed, gain, chest)
        printed = read_calibration([_line(text)])
        expected = (speed, gain, chest or gain)
        found = (printed.speed_mm_per_s, printed.gain_mm_per_mv, printed.chest_gain_mm_per_mv)
        assert found == expected, text


def test_a_doubtful_digit_tells_nothing():
    line = _line("50 mm/s 10 mm/mV")
    line.sure[0] = 0.3
    printed = read_calibration([line])
    assert (printed.speed_mm_per_s, printed.gain_mm_per_mv) == (None, 10)


def test_the_surest_of_two_speeds_counts():
    printed = read_calibration([_line("50 mm/s", 0.7), _line("25 mm/s", 0.95)])
    assert printed.speed_mm_per_s == 25


@pytest.mark.parametrize(
    ("text", "option"), [("12.5 mm/s 10 mm/mV", "--speed"), ("25 mm/s 2.5 mm/mV", "--gain")]
)
def test_what_cannot_be_read_is_refused_with_the_option_that_helps(text, option):
    with pytest.raises(PageRejected, match=option):
        read_calibration([_line(text)])
    assert read_calibration([_line(text, 0.7)])  # not where it may be misread


@pytest.mark.parametrize(
    ("pulses", "gain"),
    [
        ([_pulse(14, 10.3)], 10),
        ([_pulse(14, 5)], 5),
        ([_pulse(271, 19.6)], 20),
        ([_pulse(14, 5), _pulse(130, 5)], 5),
        ([_pulse(130, 5)], None),
        ([_pulse(14, 7)], None),
        ([_pulse(14, 5), _pulse(14, 10), _pulse(14, 20)], 10),
        ([], None),
    ],
)
def test_gain_is_believed_from_pulses_that_stand_where_pulses_stand(pulses, gain):
    assert pulse_gain(pulses, ROWS[:1], GAINS_MM_PER_MV)[0] == gain


@pytest.mark.parametrize(
    ("width_mm", "speed"),
    [(10.0, 50), (7.5, 50), (5.0, 25), (2.5, None), (6.2, None), (None, None)],
)
def test_a_long_pulse_tells_a_fast_paper(width_mm, speed):
    assert pulse_speed(width_mm) == speed


def test_beats_that_make_no_sense_at_25_are_at_50():
    assert likely_speed(Beats(43.0, 0.63)) == 50
    assert likely_speed(Beats(21.0, 0.41)) == 25
    assert likely_speed(Beats(34.0, 0.42)) is None  # a slow heart with narrow complexes
    assert likely_speed(None) is None


FAST = Beats(43.0, 0.63)
SLOW = Beats(15.2, 0.34)
WIDE = PulseMeasured(10.0, 10.0)
USUAL = PulseMeasured(5.0, 10.0)


@pytest.mark.parametrize(
    ("printed", "measured", "beats", "given", "speed", "source"),
    [
        (Printed(50.0), [USUAL], None, 25.0, 25, "given"),
        (Printed(50.0), [], None, None, 50, "printed text"),
        (Printed(25.0), [], FAST, None, 25, "printed text"),
        (Printed(), [WIDE], None, None, 50, "calibration pulse"),
        (Printed(), [USUAL], FAST, None, 50, "plausibility"),
        (Printed(), [USUAL], Beats(50.8, 0.46), None, 25, "calibration pulse"),
        (Printed(), [WIDE], SLOW, None, 25, "plausibility"),
        (Printed(50.0), [WIDE], SLOW, None, 50, "printed text"),
        (Printed(), [None], FAST, None, 50, "plausibility"),
        (Printed(), [], None, None, 25, "usual"),
    ],
)
def test_the_strongest_source_decides_the_speed(printed, measured, beats, given, speed, source):
    pulses = [_pulse(14, 10)] * len(measured)
    calibration = decide(printed, pulses, ROWS, measured, beats, given)
    assert (calibration.speed_mm_per_s, calibration.speed_source) == (speed, source)
    assert calibration.evidence["speed"] == source


def test_beats_of_a_very_slow_heart_leave_a_doubt_unless_the_print_tells_the_speed():
    """Some recorders print pulses of 0.1 s, which at 50 mm/s are as wide as others at 25."""
    pulses = [_pulse(14, 10)]
    slow = Beats(50.8, 0.46)
    for beats in (FAST, slow):
        assert decide(Printed(), pulses, ROWS, [USUAL], beats).trust < 1
        assert decide(Printed(25.0), pulses, ROWS, [USUAL], beats).trust == 1
    assert decide(Printed(), pulses, ROWS, [WIDE], FAST).trust == 1
    assert decide(Printed(), pulses, ROWS, [USUAL], Beats(34.0, 0.42)).trust == 1


def test_print_and_pulses_that_agree_are_trusted():
    calibration = decide(Printed(25.0, 5.0, 5.0), [_pulse(14, 5)], ROWS, [None], None)
    assert (calibration.gain_mm_per_mv, calibration.gain_source) == (5, "printed text")
    assert calibration.trust == 1


def test_print_against_one_pulse_lowers_the_trust():
    low = PulseMeasured(3.0, 5.0)
    calibration = decide(Printed(25.0, 10.0, 10.0), [_pulse(14, 5)], ROWS, [low], None)
    assert calibration.gain_mm_per_mv == 10
    assert calibration.trust < 1
    seen_only = decide(Printed(25.0, 10.0, 10.0), [_pulse(14, 5)], ROWS, [None], None)
    assert (seen_only.gain_mm_per_mv, seen_only.trust) == (10, 1)
    against_width = decide(Printed(25.0), [_pulse(14, 10)], ROWS, [WIDE], None)
    assert against_width.speed_mm_per_s == 25
    assert against_width.trust < 1
    beats_agree = decide(Printed(25.0), [_pulse(14, 10)], ROWS, [WIDE], SLOW)
    assert (beats_agree.speed_mm_per_s, beats_agree.trust) == (25, 1)
    short = decide(Printed(50.0), [_pulse(14, 10)], ROWS, [USUAL], None)
    assert (short.speed_mm_per_s, short.trust) == (50, 1)


def test_print_against_several_pulses_is_refused():
    pulses = [_pulse(14, 5), _pulse(14, 5, foot=80.0)]
    low = [PulseMeasured(3.0, 5.0), PulseMeasured(3.0, 5.1)]
    with pytest.raises(PageRejected, match="--gain"):
        decide(Printed(25.0, 10.0, 10.0), pulses, ROWS, low, None)
    given = decide(Printed(25.0, 10.0, 10.0), pulses, ROWS, low, None, gain_mm_per_mv=20.0)
    assert (given.gain_mm_per_mv, given.trust) == (20, 1)


def test_a_measured_height_outweighs_the_seen_one():
    calibration = decide(Printed(), [_pulse(14, 11.5)], ROWS, [PulseMeasured(3.0, 20.3)], None)
    assert (calibration.gain_mm_per_mv, calibration.gain_source) == (20, "calibration pulse")


def test_pulses_that_were_measured_outweigh_those_that_were_not():
    """Parts of pulses, and complexes, are seen as low pulses; what is no pulse is not measured."""
    pulses = [_pulse(14, 8.5), _pulse(14, 4.5, foot=80.0), _pulse(255, 3.5), _pulse(5, 3.5)]
    measured = [PulseMeasured(1.8, 19.8), PulseMeasured(1.8, 18.5), None, None]
    calibration = decide(Printed(), pulses, ROWS, measured, None)
    assert (calibration.gain_mm_per_mv, calibration.gain_source) == (20, "calibration pulse")
    one_alone = decide(Printed(), pulses, ROWS, [measured[0], None, None, None], None)
    assert one_alone.gain_source == "usual"


def test_limb_and_chest_leads_may_have_gains_of_their_own():
    calibration = decide(Printed(25.0, 10.0, 5.0), [], ROWS, [], None)
    assert [calibration.gain_of(lead) for lead in ("I", "aVF", "V1", "V6")] == [10, 10, 5, 5]


def _twelve(limb_mm, chest_mm):
    rows = tuple(RowSeen(30.0 + 14 * k, 20.0, 270.0) for k in range(12))
    heights = [limb_mm] * 6 + [chest_mm] * 6
    pulses = [_pulse(14, mm, foot=row.y_mm) for mm, row in zip(heights, rows, strict=True)]
    return rows, pulses


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        (Printed(), (10, 5)),
        (Printed(25.0, 5.0, 5.0), (10, 5)),
        (Printed(25.0, 20.0, 20.0), (20, 20)),
    ],
)
def test_pulses_before_twelve_rows_tell_the_gain_of_the_chest_leads(printed, told):
    rows, pulses = _twelve(10.0, 5.0)
    calibration = decide(printed, pulses, rows, [None] * 12, None)
    assert (calibration.gain_mm_per_mv, calibration.chest_gain_mm_per_mv) == told


def test_a_gain_that_a_person_gives_is_that_of_all_leads():
    rows, pulses = _twelve(10.0, 5.0)
    calibration = decide(Printed(), pulses, rows, [None] * 12, None, None, 10.0)
    assert (calibration.gain_mm_per_mv, calibration.chest_gain_mm_per_mv) == (10, 10)


def test_pulses_of_one_size_tell_one_gain():
    rows, pulses = _twelve(10.0, 10.0)
    calibration = decide(Printed(), pulses, rows, [None] * 12, None)
    assert (calibration.gain_mm_per_mv, calibration.chest_gain_mm_per_mv) == (10, 10)
    assert gains_by_rows(pulses[:6], rows[:6]) is None


def test_widths_that_disagree_tell_no_speed():
    pulses = [_pulse(14, 10), _pulse(14, 10, foot=80.0)]
    calibration = decide(Printed(), pulses, ROWS, [WIDE, PulseMeasured(3.8, 10.0)], None)
    assert (calibration.speed_mm_per_s, calibration.speed_source) == (25, "usual")
