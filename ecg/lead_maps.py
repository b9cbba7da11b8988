"""Lead maps: the twelve leads as small pictures of their ink.

A map shows the first 2.5 s of a lead's printed window by 2 mV up and down from its baseline, at
4 pixels a millimetre of 25 mm/s and 10 mm/mV paper: 250 columns of 10 ms by 160 rows of 25 uV.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg.leads import LEADS

MAP_ROWS = 160
MAP_COLUMNS = 250
MAP_PIXELS_PER_MM = 4.0
MAP_SECONDS = 2.5
MAP_HALF_RANGE_MV = 2.0
COLUMNS_PER_S = MAP_COLUMNS / MAP_SECONDS
ROWS_PER_MV = MAP_ROWS / (2 * MAP_HALF_RANGE_MV)
LINE_WIDTH_MM = 0.35

_SHARES = 4  # strokes a column


@dataclass(frozen=True)
class LeadMaps:
    """Ink maps of the twelve leads.

    Convention: column c is centred on ``(c + 0.5) / 100`` s after the start of the lead's window,
    row r on ``2 - (r + 0.5) / 40`` mV from the lead's baseline.

    Attributes:
        ink: ``(12, 160, 250)`` uint8, ink probability times 255; zeros for a missing lead.
        present: ``(12,)`` bool, whether the lead was found on the page.
    """

    ink: NDArray[np.uint8]
    present: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.ink.shape != (len(LEADS), MAP_ROWS, MAP_COLUMNS) or self.ink.dtype != np.uint8:
            raise ValueError(
                f"lead maps are uint8 ({len(LEADS)}, {MAP_ROWS}, {MAP_COLUMNS}), "
                f"not {self.ink.dtype} {self.ink.shape}"
            )
        if self.present.shape != (len(LEADS),) or self.present.dtype != np.bool_:
            raise ValueError(f"present is bool (12,), not {self.present.dtype}")
        if self.ink[~self.present].any():
            raise ValueError("a missing lead's map must be zeros")


def draw_lead_maps(
    signal_mv: NDArray[np.floating],
    rate_hz: float,
    starts_s: ArrayLike = 0.0,
    durations_s: ArrayLike = MAP_SECONDS,
    line_width_mm: float = LINE_WIDTH_MM,
    baselines_mv: ArrayLike | None = None,
    column_ink: NDArray[np.floating] | None = None,
) -> LeadMaps:
    """Draws lead maps of a signal, such as a perfect reader's ink would be.

    The line is what a round pen leaves, anti-aliased in both directions, steep strokes included.

    Args:
        signal_mv: ``(12, samples)`` mV, NaN where nothing was measured: no ink there.
        rate_hz: samples a second.
        starts_s: when each lead's window begins in the signal, one for all or ``(12,)``; NaN for
            a lead that is missing.
        durations_s: how long the window is, one for all or ``(12,)``; what is past it, or past
            2.5 s, is not drawn.
        line_width_mm: width of the pen.
        baselines_mv: ``(12,)`` or one for all; by default each lead's median in the window.
        column_ink: ``(12, 250)`` factor in 0..1 on the ink of each column, such as the reader's
            confidence.

    Returns:
        The maps; a lead without a finite sample in its window is missing.

    Raises:
        ValueError: not twelve leads, or the rate is not positive.
    """
    if signal_mv.ndim != 2 or signal_mv.shape[0] != len(LEADS):
        raise ValueError(f"signal_mv has the shape {signal_mv.shape}, not (12, samples)")
    if not rate_hz > 0:
        raise ValueError(f"rate_hz must be positive, not {rate_hz}")
    voltage_mv = _window(signal_mv, rate_hz, starts_s, durations_s)
    present = np.isfinite(voltage_mv).any(axis=1)
    if baselines_mv is None:
        baselines = np.zeros(len(LEADS))
        if present.any():
            baselines[present] = np.nanmedian(voltage_mv[present], axis=1)
    else:
        baselines = np.broadcast_to(np.asarray(baselines_mv, float), (len(LEADS),))
    rows = (MAP_HALF_RANGE_MV - (voltage_mv - baselines[:, None])) * ROWS_PER_MV - 0.5
    upper, lower = _pen_envelope(rows, line_width_mm * MAP_PIXELS_PER_MM / 2)
    strength = np.ones((1, MAP_COLUMNS), np.float32)
    if column_ink is not None:
        strength = np.clip(column_ink, 0, 1).astype(np.float32)
    return LeadMaps(_filled(upper, lower, strength), np.asarray(present))


def _window(
    signal_mv: NDArray[np.floating], rate_hz: float, starts_s: ArrayLike, durations_s: ArrayLike
) -> NDArray[np.float64]:
    """``(12, 1000)``: the signal at every stroke, linear between samples, NaN outside."""
    samples = signal_mv.shape[1]
    shape = (len(LEADS), 1)
    starts = np.broadcast_to(np.reshape(np.asarray(starts_s, float), (-1, 1)), shape)
    durations = np.broadcast_to(np.reshape(np.asarray(durations_s, float), (-1, 1)), shape)
    time_s = (np.arange(MAP_COLUMNS * _SHARES) + 0.5) / (COLUMNS_PER_S * _SHARES)
    place = (starts + time_s) * rate_hz
    inside = (place >= 0) & (place <= samples - 1) & (time_s < durations)
    place = np.where(inside, place, 0.0)
    left = np.clip(place.astype(np.int64), 0, max(samples - 2, 0))
    share = place - left
    right = np.minimum(left + 1, samples - 1)
    lead = np.arange(len(LEADS))[:, None]
    voltage = signal_mv[lead, left] * (1 - share) + signal_mv[lead, right] * share
    return np.where(inside, voltage, np.nan)


def _pen_envelope(
    rows: NDArray[np.float64], radius: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Upper and lower edge, at every stroke, of what a round pen along the rows leaves."""
    reach = max(1, round(radius * _SHARES))
    padded = np.pad(rows, ((0, 0), (reach, reach)), constant_values=np.nan)
    count = rows.shape[1]
    upper = np.full_like(rows, np.inf)
    lower = np.full_like(rows, -np.inf)
    for offset in range(-reach, reach + 1):
        neighbour = padded[:, reach + offset : reach + offset + count]
        height = math.sqrt(max(radius**2 - (offset / _SHARES) ** 2, 0.0))
        upper = np.fmin(upper, neighbour - height)
        lower = np.fmax(lower, neighbour + height)
    drawn = np.isfinite(rows)
    return np.where(drawn, upper, np.nan), np.where(drawn, lower, np.nan)


def _filled(
    upper: NDArray[np.float64], lower: NDArray[np.float64], column_ink: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """``(12, 160, 250)``: 255 times the share of each pixel that lies between the edges."""
    leads, _ = upper.shape
    shape = (leads, MAP_ROWS + 1, MAP_COLUMNS)
    drawn = np.isfinite(upper) & np.isfinite(lower)
    lead, stroke = np.nonzero(drawn)
    column = stroke // _SHARES
    # from the upper edge down all is ink, from the lower edge down none: a step of one each,
    # split over two rows
    place = np.clip(np.concatenate([upper[drawn], lower[drawn]]) + 0.5, 0, MAP_ROWS)
    row = np.minimum(place.astype(np.int64), MAP_ROWS - 1)
    share = (row + 1 - place) / _SHARES
    start = lead * (MAP_ROWS + 1) * MAP_COLUMNS + column
    index = np.concatenate([start, start]) + row * MAP_COLUMNS
    sign = np.repeat([1.0, -1.0], len(lead))
    steps = np.bincount(
        np.concatenate([index, index + MAP_COLUMNS]),
        np.concatenate([share * sign, (1 / _SHARES - share) * sign]),
        minlength=math.prod(shape),
    )
    steps = steps.reshape(shape)
    ink = np.empty((leads, MAP_ROWS, MAP_COLUMNS), np.uint8)
    covered = np.zeros((leads, MAP_COLUMNS), np.float32)
    for row_index in range(MAP_ROWS):  # several times quicker than cumsum along this axis
        covered += steps[:, row_index]
        ink[:, row_index] = np.clip(covered, 0, 1) * column_ink * 255 + 0.5
    return ink
