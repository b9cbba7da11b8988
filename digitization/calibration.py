"""Speed and gain of a page: what is printed, what the pulses show, what beats make likely.

A person's word counts most, then the print, then the calibration pulses, then, for the speed
alone, the beats; without any of them a page is taken for a usual one. Print and pulses that
contradict each other lower the quality of the reading, or the page is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from digitization.beats import Beats
from digitization.page_seen import PulseSeen, RowSeen
from digitization.pulses import PulseMeasured
from digitization.text_lines import TextLine
from ecg.leads import LEADS
from ecg.paper import GAINS_MM_PER_MV, SPEEDS_MM_PER_S
from ecg.reading import PageRejected

USUAL_SPEED_MM_PER_S = 25.0
USUAL_GAIN_MM_PER_MV = 10.0
PRINTED, PULSE, PLAUSIBILITY, USUAL, GIVEN = (
    "printed text", "calibration pulse", "plausibility", "usual", "given",
)  # fmt: skip

_NUMBER = r"(?<![\d.,])(\d{1,3}(?:[.,]\d{1,2})?)"
_MM = r"\s*m{1,2}\s*[/il1]\s*"
_SPEED = re.compile(_NUMBER + _MM + r"s")
# No gain is 25 or 50 mm/mV, so these are speeds without their last letter, too.
_CUT_SPEED = re.compile(r"(?<![\d.,])(25|50)\s*mm\s*/\s*$")
_GAIN_UNIT = _MM + r"m?v"
_LIMB_AND_CHEST = (
    re.compile(rf"limb\W*{_NUMBER}(?:{_GAIN_UNIT})?\W*chest\W*{_NUMBER}{_GAIN_UNIT}"),
    re.compile(rf"{_NUMBER}\s*/\s*{_NUMBER}{_GAIN_UNIT}"),
)
_CHEST = re.compile(rf"(?:chest|[vc]1\W{{1,3}}[vc]?6)\W*{_NUMBER}{_GAIN_UNIT}")
_GAIN = re.compile(_NUMBER + _GAIN_UNIT)
_TIMES_USUAL = re.compile(r"(?<![\w.])x\s?(0\.5|1\.0|2\.0)(?![\w.]|\s*m?v)")
_LEAST_SURE, _SURE = 0.5, 0.9
_VERY_SURE = 0.97
_OTHER_SPEEDS = (6.25, 12.5, 100.0)
_OTHER_GAINS = (2.5, 40.0)
_DOUBT = 0.7
_EXACT = 0.1
_SAME_WIDTH_MM = 0.6
_CHEST_LEADS = LEADS[6:]
_FEWEST_OF_HALF = 3
_BESIDE_ROW_MM = 10.0
_LONG_PULSE_MM = 6.7
_USUAL_PULSE_MM = (4.4, 5.8)
# Medians and spreads of the logarithms of interval and width of beats in mm at 25 and 50 mm/s,
# over records of PTB-XL's folds 1 to 8 printed as 3x4+1 and 6x2.
_BEATS = {25.0: ((3.076, 0.188), (-1.083, 0.146)), 50.0: ((3.766, 0.195), (-0.542, 0.137))}
_FREEDOM = 5.0
_LIKELIER = {50.0: 5.0, 25.0: 2.0}  # log-likelihood; the faster paper is the rarer
_DOUBTFUL_BEATS, _OUTWEIGHS_PULSES = 3.0, 7.0  # likewise


@dataclass(frozen=True)
class Printed:
    """What the print says; None where it says nothing.

    Attributes:
        speed_mm_per_s: paper speed.
        gain_mm_per_mv: gain of the limb leads, and of the others where it names no other.
        chest_gain_mm_per_mv: gain of V1 to V6.
        quotes: the words that say so.
    """

    speed_mm_per_s: float | None = None
    gain_mm_per_mv: float | None = None
    chest_gain_mm_per_mv: float | None = None
    quotes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calibration:
    """Speed and gains of a page, and where they come from.

    Attributes:
        speed_mm_per_s: paper speed.
        gain_mm_per_mv: gain of the limb leads.
        chest_gain_mm_per_mv: gain of V1 to V6; the same on nearly all pages.
        speed_source, gain_source: ``given``, ``printed text``, ``calibration pulse``,
            ``plausibility`` or ``usual``.
        trust: factor on the quality of the reading; below 1 where print and pulses differ.
        evidence: all that was seen, ready for JSON.
    """

    speed_mm_per_s: float
    gain_mm_per_mv: float
    chest_gain_mm_per_mv: float
    speed_source: str
    gain_source: str
    trust: float
    evidence: dict[str, Any]

    def gain_of(self, lead: str) -> float:
        """Gain of a lead in mm/mV."""
        return self.chest_gain_mm_per_mv if lead in _CHEST_LEADS else self.gain_mm_per_mv


def read_calibration(lines: Sequence[TextLine]) -> Printed:
    """Find speed and gain in the lines of print on a page.

    The surest of several counts; what is said of the chest leads outweighs what is said of all.
    Words that may be misread are left out.

    Raises:
        PageRejected: the page clearly names a speed or gain that cannot be read.
    """
    speeds: list[tuple[float, float, str]] = []
    gains: list[tuple[float, tuple[float, float], str]] = []
    chests: list[tuple[float, float, str]] = []
    for line in lines:
        for pattern in (_SPEED, _CUT_SPEED):
            for match in pattern.finditer(line.text):
                speeds.append((_sure(line, match), _value(match[1]), match[0]))
        of_chest = list(_CHEST.finditer(line.text))
        # The gain of the chest leads alone is not that of the page.
        ends = {match.end() for match in of_chest}
        for pattern in (*_LIMB_AND_CHEST, _GAIN, _TIMES_USUAL):
            found = list(pattern.finditer(line.text))
            if pattern is _GAIN:
                found = [match for match in found if match.end() not in ends]
            for match in found:
                values = [_value(number) for number in match.groups()]
                if pattern is _TIMES_USUAL:
                    values = [USUAL_GAIN_MM_PER_MV * values[0]]
                gains.append((_sure(line, match), (values[0], values[-1]), match[0]))
            if found:
                break
        for match in of_chest:
            chests.append((_sure(line, match), _value(match[1]), match[0]))
    quotes = []
    speed = gain = chest = None
    known = [
        item
        for item in speeds
        if item[0] > _LEAST_SURE
        and item[1] in SPEEDS_MM_PER_S
        and (item[1] == USUAL_SPEED_MM_PER_S or _is_spelled(item[2]))
    ]
    if known:
        _, speed, quote = max(known)
        quotes.append(quote)
    else:
        _refuse_others(speeds, _OTHER_SPEEDS, "speeds of 25 and 50 mm/s", "--speed")
    usable = [
        item
        for item in gains
        if item[0] > _LEAST_SURE
        and all(value in GAINS_MM_PER_MV for value in item[1])
        and (set(item[1]) == {USUAL_GAIN_MM_PER_MV} or _is_spelled(item[2]))
    ]
    if usable:
        _, (gain, chest), quote = max(usable, key=lambda item: ("chest" in item[2], item))
        quotes.append(quote)
        named = [item for item in chests if item[0] > _LEAST_SURE and item[1] in GAINS_MM_PER_MV]
        # Of two gains said surely, one half the other, the lower is that of the chest leads: the
        # words before it stood too far off to be read with it.
        both = {
            value: item[2]
            for item in sorted(usable)
            for value in item[1]
            if item[0] > _SURE and value in (gain, gain / 2, 2 * gain)
        }
        if named and "chest" not in quote:
            _, chest, quote = max(named)
            quotes.append(quote)
        elif len(both) == 2 and gain == chest:
            gain, chest = max(both), min(both)
            quotes = [*quotes[:-1], both[gain], both[chest]]
    else:
        _refuse_others(
            [(sure, value, quote) for sure, values, quote in gains for value in values],
            _OTHER_GAINS, "gains of 5, 10 and 20 mm/mV", "--gain",
        )  # fmt: skip
    return Printed(speed, gain, chest, tuple(quotes))


def _refuse_others(
    found: Iterable[tuple[float, float, str]], others: tuple[float, ...], known: str, option: str
) -> None:
    for sure, value, quote in found:
        if sure > _VERY_SURE and value in others:
            raise PageRejected(
                f'The page says "{quote.strip()}", but only {known} can be read; if it says '
                f"something else, give it with {option}.",
                "quality",
            )


def _is_spelled(quote: str) -> bool:
    """Whether a unit has its letters, or is none: what is unusual must be said clearly."""
    return any(part in quote for part in ("mm", "mv", "x"))


def _value(number: str) -> float:
    return float(number.replace(",", "."))


def _sure(line: TextLine, match: re.Match[str]) -> float:
    """How sure the words are: the least sure digit counts, the unit only on the whole."""
    digits = [k for number in range(1, match.re.groups + 1) for k in range(*match.span(number))]
    return float(min(line.sure[digits].min(), line.sure[match.start() : match.end()].mean()))


def exact_pulses(
    pulses: Sequence[PulseSeen], measured: Sequence[PulseMeasured | None]
) -> list[PulseSeen]:
    """The pulses with their heights as measured; where two were, the others count for nothing."""
    pairs = list(zip(pulses, measured, strict=True))
    clear = [pair for pair in pairs if pair[1] is not None]
    return [
        pulse if one is None else replace(pulse, top_mm=pulse.bottom_mm - one.height_mm)
        for pulse, one in (clear if len(clear) > 1 else pairs)
    ]


def pulse_gain(
    pulses: Sequence[PulseSeen],
    rows: Sequence[RowSeen],
    gains: Sequence[float] = GAINS_MM_PER_MV,
) -> tuple[float | None, float | None]:
    """Gain that the calibration pulses show.

    An unusual gain needs two pulses that agree, or one that stands at the end of a row: one that
    was half seen, or seen in a wide complex, must not double the ECG.

    Returns:
        The nearest usual gain in mm/mV and the pulses' median height in mm; None without any.
    """
    heights = [pulse.bottom_mm - pulse.top_mm for pulse in pulses]
    if not heights:
        return None, None
    height = float(np.median(heights))
    nearest = min(gains, key=lambda gain: abs(np.log(height / gain)))
    usual = nearest == USUAL_GAIN_MM_PER_MV
    tolerance = 0.2 if usual else 0.1
    agreeing = [
        pulse
        for pulse, own in zip(pulses, heights, strict=True)
        if abs(np.log(own / nearest)) < tolerance
    ]
    placed = any(at_an_end(pulse, row) for pulse in agreeing for row in rows)
    enough = len(agreeing) >= (1 if usual or (len(heights) == 1 and placed) else 2)
    if abs(np.log(height / nearest)) > tolerance or not enough:
        return None, height
    return float(nearest), height


def gains_by_rows(
    pulses: Sequence[PulseSeen], rows: Sequence[RowSeen]
) -> tuple[float, float] | None:
    """Gains of the limb leads and of the chest leads, where pulses before twelve rows show two.

    Returns:
        None where the pulses of the upper six rows do not all show one gain, and those of the
        lower six half of it.
    """
    if len(rows) != len(LEADS):
        return None
    middle = float(np.median([row.y_mm for row in rows]))
    shown = []
    for half in (
        [pulse for pulse in pulses if pulse.bottom_mm < middle],
        [pulse for pulse in pulses if pulse.bottom_mm >= middle],
    ):
        gains = {pulse_gain([pulse] * 2, rows)[0] for pulse in half}
        if len(half) < _FEWEST_OF_HALF or len(gains) > 1:
            return None
        shown.append(gains.pop())
    limb, chest = shown
    if limb is None or chest is None or chest != limb / 2:
        return None
    return limb, chest


def at_an_end(pulse: PulseSeen, row: RowSeen) -> bool:
    """Whether a pulse stands before or after a row."""
    beside = (
        abs(pulse.right_mm - row.left_mm) < _BESIDE_ROW_MM
        or abs(pulse.left_mm - row.right_mm) < _BESIDE_ROW_MM
    )
    return beside and pulse.top_mm - 2 < row.y_mm < pulse.bottom_mm + 4


def _shows(pulse: PulseMeasured, gain_mm_per_mv: float | None) -> bool:
    """Whether a pulse is as high as a gain makes it."""
    return gain_mm_per_mv is not None and abs(np.log(pulse.height_mm / gain_mm_per_mv)) < _EXACT


def _usual_width(
    pulses: Sequence[PulseSeen],
    rows: Sequence[RowSeen],
    measured: Sequence[PulseMeasured | None],
) -> float | None:
    """Length of the tops of the pulses, from two that agree or from one at the end of a row."""
    clear = [
        (pulse, one.width_mm)
        for pulse, one in zip(pulses, measured, strict=True)
        if one is not None and any(_shows(one, gain) for gain in GAINS_MM_PER_MV)
    ]
    if not clear:
        return None
    width = float(np.median([own for _, own in clear]))
    agreeing = sum(abs(own - width) < _SAME_WIDTH_MM for _, own in clear)
    alone = len(clear) == 1 and any(at_an_end(clear[0][0], row) for row in rows)
    return width if alone or agreeing > max(1, len(clear) / 2) else None


def pulse_speed(width_mm: float | None) -> float | None:
    """Paper speed that the top of a calibration pulse shows: it lasts 0.2 s at most.

    Shorter pulses are printed at any speed and show nothing.
    """
    if width_mm is None:
        return None
    if width_mm > _LONG_PULSE_MM:
        return 50.0
    return 25.0 if _USUAL_PULSE_MM[0] < width_mm < _USUAL_PULSE_MM[1] else None


def likely_speed(beats: Beats | None) -> float | None:
    """Paper speed at which the beats of a page make sense; None where both speeds do.

    At the wrong speed a heart seems to beat half as often, with complexes twice as wide. Of
    fold 9 at 50 mm/s five records in six are told, and one in a thousand is told to be at 25; at
    25 mm/s it is nine in ten, and two in a thousand.
    """
    faster = _likelier_fast(beats)
    if faster > _LIKELIER[50.0]:
        return 50.0
    return 25.0 if faster < -_LIKELIER[25.0] else None


def _likelier_fast(beats: Beats | None) -> float:
    """By how much (log-likelihood) beats are likelier on paper at 50 mm/s than at 25."""
    if beats is None:
        return 0.0
    seen = np.log([beats.interval_mm, beats.width_mm])

    def likelihood(speed: float) -> float:
        centre, spread = np.array(_BEATS[speed]).T
        far = ((seen - centre) / spread) ** 2 / _FREEDOM
        return float(-((_FREEDOM + 1) / 2 * np.log1p(far) + np.log(spread)).sum())

    return likelihood(50.0) - likelihood(25.0)


def decide(
    printed: Printed,
    pulses: Sequence[PulseSeen],
    rows: Sequence[RowSeen],
    measured: Sequence[PulseMeasured | None],
    beats: Beats | None,
    speed_mm_per_s: float | None = None,
    gain_mm_per_mv: float | None = None,
) -> Calibration:
    """Weigh all that a page shows of its speed and gain.

    Args:
        printed: what is printed.
        pulses: the calibration pulses.
        rows: the rows of traces.
        measured: the same pulses as measured on the picture, where that was possible.
        beats: the beats of the page.
        speed_mm_per_s, gain_mm_per_mv: what a person says.

    Raises:
        PageRejected: the print says one gain and the pulses another.
    """
    trust = 1.0
    pulse_width_mm = _usual_width(pulses, rows, measured)
    by_width = pulse_speed(pulse_width_mm)
    by_beats = likely_speed(beats)
    faster = _likelier_fast(beats)
    contradicted = by_beats not in (None, by_width) and not 0 < faster < _OUTWEIGHS_PULSES
    told = {
        GIVEN: speed_mm_per_s,
        PRINTED: printed.speed_mm_per_s,
        # Lines beside a pulse may be taken for its edge, and some recorders print pulses of 0.1 s:
        # hearts that beat as they do at the other speed outweigh them.
        PULSE: None if contradicted else by_width,
        PLAUSIBILITY: by_beats,
        USUAL: USUAL_SPEED_MM_PER_S,
    }
    speed_source, speed = _first(told)
    # A short pulse may be printed at any speed, a long one only at the faster.
    if speed_source == PRINTED and speed < (told[PULSE] or 0.0):
        trust *= _DOUBT
    # So slow a heart is rare: nobody but the print, or a person, may say so without a doubt.
    told_otherwise = speed_source in (GIVEN, PRINTED) or (speed, by_width) == (50.0, 50.0)
    if faster > _DOUBTFUL_BEATS and not told_otherwise:
        trust *= _DOUBT
    exact = exact_pulses(pulses, measured)
    shown, height = pulse_gain(exact, rows)
    by_rows = None if gain_mm_per_mv else gains_by_rows(exact, rows)
    gains = {
        GIVEN: gain_mm_per_mv,
        PRINTED: printed.gain_mm_per_mv,
        PULSE: by_rows[0] if by_rows else shown,
        USUAL: USUAL_GAIN_MM_PER_MV,
    }
    gain_source, gain = _first(gains)
    chest = gain
    if by_rows and gain in by_rows:
        gain, chest = by_rows
    elif gain_source == PRINTED:
        chest = printed.chest_gain_mm_per_mv or gain
    if gain_source == PRINTED and shown not in (None, gain, chest):
        if sum(one is not None and _shows(one, shown) for one in measured) > 1:
            raise PageRejected(
                f"The page says {gain:g} mm/mV, but its calibration pulses are {height:.1f} mm "
                "high; give the right gain with --gain.",
                "quality",
            )
        if any(one is not None for one in measured):
            trust *= _DOUBT
    evidence = {
        "speed": speed_source,
        "gain": gain_source,
        "chest_gain_mm_per_mv": chest,
        "printed": list(printed.quotes),
        "pulse_mm": None if height is None else round(height, 2),
        "pulse_width_mm": None if pulse_width_mm is None else round(pulse_width_mm, 2),
        "pulse_gain_mm_per_mv": shown,
        "pulse_speed_mm_per_s": by_width,
        "likely_speed_mm_per_s": by_beats,
        "beat_interval_mm": None if beats is None else round(beats.interval_mm, 1),
        "beat_width_mm": None if beats is None else round(beats.width_mm, 2),
        "trust": trust,
    }
    return Calibration(speed, gain, chest, speed_source, gain_source, trust, evidence)


def _first(told: dict[str, float | None]) -> tuple[str, float]:
    """The first source that says anything, and what it says."""
    return next((source, value) for source, value in told.items() if value is not None)
