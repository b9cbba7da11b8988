"""The other baseline: each lead's own seen beats, set where the rhythm strip shows beats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg.heart_rate import measure_heart_rate
from ecg.leads import LEADS
from reconstruction.reconstructor import RATE_HZ, Estimate, ReconstructionError, check_shown

_ALIGN_SAMPLES = 4
_COMPARED_S = (0.3, 0.5)
_SHARPNESS = 8.0
_WHOLE = 0.9  # a reader leaves gaps in rhythm strips


class TemplateReconstructor:
    """Fills a lead's unseen beats with its seen ones, the likest on the rhythm strip counting most.

    Beats are found on all leads at once and aligned to a sample on the leads that are visible
    whole, or nearly. Between two beats what was seen after the first and before the second is
    cross-faded. A lead that is nowhere seen stays at zero: this baseline knows no lead but from
    itself.
    """

    name = "template"
    needs: tuple[str, ...] = ()

    def estimate(self, shown_mv: NDArray[np.float32]) -> Estimate:
        """See :class:`reconstruction.reconstructor.Reconstructor`.

        Raises:
            ReconstructionError: a record has no lead that is visible whole, or no clear beats.
        """
        check_shown(shown_mv)
        signal = np.stack([_filled(record) for record in shown_mv])
        spread = np.nanstd(np.where(np.isfinite(shown_mv), shown_mv, np.nan), axis=-1)
        deviation = np.broadcast_to(np.nan_to_num(spread, nan=0.3)[..., None], signal.shape)
        return Estimate(signal, deviation.astype(np.float32))


def _filled(shown_mv: NDArray[np.float32]) -> NDArray[np.float32]:
    seen = np.isfinite(shown_mv)
    strip = shown_mv[seen.mean(axis=1) >= _WHOLE]
    if not len(strip):
        raise ReconstructionError("the template needs a lead that is visible whole, for its beats")
    moments = np.arange(shown_mv.shape[1])
    strip = np.stack([_bridged(row) for row in strip])
    rate = measure_heart_rate(shown_mv, RATE_HZ)
    if rate is None:
        raise ReconstructionError("the template found no clear beats on the visible leads")
    beats = _aligned(strip, np.round(rate.beats_s * RATE_HZ).astype(int))
    likeness = _likeness(strip, beats)
    samples = shown_mv.shape[1]
    result = np.zeros_like(shown_mv)
    # Of every sample: which beats lie before and after it, and how far.
    after = np.clip(np.searchsorted(beats, moments, side="right"), 1, len(beats) - 1)
    length = (beats[after] - beats[after - 1]).astype(float)
    share = np.clip((moments - beats[after - 1]) / length, 0, 1)
    share = 0.5 - 0.5 * np.cos(np.pi * np.clip((share - 0.45) / 0.3, 0, 1))
    for lead in range(len(LEADS)):
        if not seen[lead].any():
            continue
        centred = np.where(seen[lead], shown_mv[lead] - np.nanmedian(shown_mv[lead]), 0)
        parts = []
        for beat in (after - 1, after):
            places = moments + (beats[None, :] - beats[beat][:, None]).T  # (beats, samples)
            inside = (places >= 0) & (places < samples)
            places = np.clip(places, 0, samples - 1)
            weight = likeness[:, beat] * (inside & seen[lead][places]) + 1e-9 * inside
            parts.append((weight * centred[places]).sum(0) / (weight.sum(0) + 1e-12))
        result[lead] = (1 - share) * parts[0] + share * parts[1]
    return result


def _bridged(row: NDArray[np.float32]) -> NDArray[np.float32]:
    """A lead whose gaps are bridged by straight lines."""
    moments, there = np.arange(len(row)), np.isfinite(row)
    return np.interp(moments, moments[there], row[there]).astype(np.float32)


def _aligned(strip: NDArray[np.float32], beats: NDArray[np.int64]) -> NDArray[np.int64]:
    """Beats moved by up to 40 ms so that each fits the mean of all best."""
    before, behind = 12, 13
    padded = np.pad(strip, ((0, 0), (before + _ALIGN_SAMPLES, behind + _ALIGN_SAMPLES)), "edge")
    for _ in range(2):
        windows = np.stack(
            [padded[:, beat + _ALIGN_SAMPLES :][:, : before + behind] for beat in beats]
        )
        mean = windows.mean(0) - windows.mean((0, 2))[:, None]
        moved = []
        for beat in beats:
            around = padded[:, beat : beat + before + behind + 2 * _ALIGN_SAMPLES]
            fits = [
                float((around[:, step : step + before + behind] * mean).sum())
                for step in range(2 * _ALIGN_SAMPLES + 1)
            ]
            moved.append(beat + int(np.argmax(fits)) - _ALIGN_SAMPLES)
        beats = np.unique(np.clip(moved, 0, strip.shape[1] - 1))
    return beats


def _likeness(strip: NDArray[np.float32], beats: NDArray[np.int64]) -> NDArray[np.float64]:
    """How like one another beats are on the rhythm strip, ``(beats, beats)``, 1 for the same."""
    before, behind = (round(part * RATE_HZ) for part in _COMPARED_S)
    padded = np.pad(strip, ((0, 0), (before, behind)), "edge")
    windows = np.stack([padded[:, beat : beat + before + behind] for beat in beats])
    windows = windows - windows.mean(-1, keepdims=True)
    flat = windows.reshape(len(beats), -1)
    distance = ((flat[:, None] - flat[None]) ** 2).mean(-1) / (flat.var() + 1e-6)
    return np.exp(-_SHARPNESS * np.maximum(distance, 0))
