"""What speaks for and against: each lead's share of an answer, and each wave's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg.heart_rate import measure_heart_rate
from ecg.leads import LEADS

SEGMENTS = ("P", "QRS", "ST", "T")
_SEGMENT_S = ((-0.24, -0.06), (-0.06, 0.07), (0.07, 0.16), (0.16, 0.42))
"""From the R peak."""
_MASKS = 96
_MOST_REMOVED = 0.6  # of the leads that are there
_NEARNESS = 0.35
_RIDGE = 0.3
_BATCH = 32

LogitsOf = Callable[[NDArray[np.float32], NDArray[np.bool_]], NDArray[np.floating]]
"""Log-odds ``(n,)`` of signals ``(n, 12, samples)`` mV of which leads ``(n, 12)`` are kept."""


@dataclass(frozen=True)
class SegmentMark:
    """One wave of one beat in one lead.

    Attributes:
        lead: its lead.
        start, stop: its samples at the rate explained at.
        log_odds: what the wave adds in this lead, over all beats; above 0 speaks for.
    """

    lead: str
    start: int
    stop: int
    log_odds: float


@dataclass(frozen=True)
class Explanation:
    """What an answer rests on.

    Attributes:
        leads: log-odds that each lead adds, by name; leads that are missing are left out.
        waves: log-odds that each wave of each lead adds over all its beats, by (lead, wave);
            empty where no beats are clear.
        marks: where the waves stand.
        rate_hz: rate of the marks.
    """

    leads: dict[str, float]
    waves: dict[tuple[str, str], float]
    marks: tuple[SegmentMark, ...]
    rate_hz: float

    def foremost(self, count: int = 3) -> tuple[str, ...]:
        """The leads that speak for it most."""
        ordered = sorted(self.leads, key=lambda lead: -self.leads[lead])
        return tuple(lead for lead in ordered[:count] if self.leads[lead] > 0)

    def foremost_waves(self, count: int = 3) -> tuple[tuple[str, str], ...]:
        """The waves that speak for it most, as (lead, wave)."""
        ordered = sorted(self.waves, key=lambda wave: -self.waves[wave])
        return tuple(wave for wave in ordered[:count] if self.waves[wave] > 0)


def explain(
    logits_of: LogitsOf, signal_mv: NDArray[np.float32], rate_hz: float, seed: int = 0
) -> Explanation:
    """Explain an answer by what it becomes without parts of the signal.

    Leads: a linear surrogate (Ribeiro et al. 2016, doi 10.1145/2939672.2939778) fitted to the
    answers without random leads, near ones counting more. Waves: the loss when a wave is drawn
    straight in all beats of a lead (occlusion; Zeiler and Fergus 2014, arXiv 1311.2901).

    Args:
        logits_of: the classifier.
        signal_mv: ``(12, samples)`` mV, NaN where nothing was measured.
        rate_hz: samples a second.
        seed: of the random leads.
    """
    present = np.flatnonzero(np.isfinite(signal_mv).any(axis=1))
    everything = np.zeros((1, len(LEADS)), bool)
    everything[:, present] = True
    if not len(present):
        return Explanation({}, {}, (), rate_hz)
    masks = np.concatenate([everything, _random_masks(present, seed)])
    answers = _batched(logits_of, [signal_mv] * len(masks), masks)
    leads = _surrogate(masks[:, present], answers)
    contributions = {LEADS[row]: float(value) for row, value in zip(present, leads, strict=True)}
    marks, flattened = _flattened(signal_mv, rate_hz)
    if not flattened:
        return Explanation(contributions, {}, (), rate_hz)
    keys = list(flattened)
    without = _batched(
        logits_of, [flattened[key] for key in keys], np.repeat(everything, len(keys), axis=0)
    )
    waves = {key: float(answers[0] - value) for key, value in zip(keys, without, strict=True)}
    found = tuple(
        SegmentMark(lead, start, stop, waves[lead, wave]) for lead, wave, start, stop in marks
    )
    return Explanation(contributions, waves, found, rate_hz)


def _random_masks(present: NDArray[np.intp], seed: int) -> NDArray[np.bool_]:
    """Which leads are kept: from one lead removed to more than half of those there."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((_MASKS, len(LEADS)), bool)
    masks[:, present] = True
    most = max(1, int(_MOST_REMOVED * len(present)))
    for mask in masks:
        mask[rng.choice(present, int(rng.integers(1, most + 1)), replace=False)] = False
    return masks


def _surrogate(kept: NDArray[np.bool_], answers: NDArray[np.float64]) -> NDArray[np.float64]:
    from sklearn.linear_model import Ridge

    removed = 1 - kept.mean(axis=1)
    weights = np.exp(-((removed / _NEARNESS) ** 2))
    fitted = Ridge(alpha=_RIDGE).fit(kept.astype(float), answers, sample_weight=weights)
    coefficients: NDArray[np.float64] = fitted.coef_
    return coefficients


def _batched(
    logits_of: LogitsOf, signals: list[NDArray[np.float32]], masks: NDArray[np.bool_]
) -> NDArray[np.float64]:
    answers = [
        logits_of(np.stack(signals[start : start + _BATCH]), masks[start : start + _BATCH])
        for start in range(0, len(signals), _BATCH)
    ]
    return np.concatenate(answers).astype(np.float64)


def _flattened(
    signal_mv: NDArray[np.float32], rate_hz: float
) -> tuple[list[tuple[str, str, int, int]], dict[tuple[str, str], NDArray[np.float32]]]:
    """Where each wave stands, and the signal with one wave of one lead drawn straight."""
    rate = measure_heart_rate(signal_mv, rate_hz)
    if rate is None:
        return [], {}
    beats = np.round(rate.beats_s * rate_hz).astype(int)
    marks: list[tuple[str, str, int, int]] = []
    flattened: dict[tuple[str, str], NDArray[np.float32]] = {}
    for row, lead in enumerate(LEADS):
        for wave, span in zip(SEGMENTS, _SEGMENT_S, strict=True):
            changed = None
            for start, stop in _places(beats, span, rate_hz, signal_mv.shape[1]):
                part = signal_mv[row, start:stop]
                if len(part) < 3 or not np.isfinite(part).all():
                    continue
                if changed is None:
                    changed = signal_mv.copy()
                changed[row, start:stop] = np.linspace(part[0], part[-1], len(part))
                marks.append((lead, wave, start, stop))
            if changed is not None:
                flattened[lead, wave] = changed
    return marks, flattened


def _places(
    beats: NDArray[np.int_], span_s: tuple[float, float], rate_hz: float, samples: int
) -> list[tuple[int, int]]:
    """A wave's samples at each beat, ends included; it ends where the next beat's P begins."""
    places = []
    for number, beat in enumerate(beats):
        start, stop = (beat + round(end * rate_hz) for end in span_s)
        if number + 1 < len(beats) and span_s[0] > 0:
            next_p = beats[number + 1] + round(_SEGMENT_S[0][0] * rate_hz)
            stop = min(stop, max(next_p, beat + round(0.6 * (beats[number + 1] - beat))))
        if number > 0 and span_s[0] < -0.1:
            start = max(start, beat - round(0.4 * (beat - beats[number - 1])))
        if start >= 0 and stop + 1 <= samples:
            places.append((int(start), int(stop) + 1))
    return places
