"""The completed ECG in twelve rows: measured parts solid, filled parts marked, with a band."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEADS
from ecg.resampling import finite_runs
from pipeline.redraw import GAIN_MM_PER_MV, SPEED_MM_PER_S, grid_svg, path_data
from reconstruction.complete import CompletedRecord

_LEFT_MM = 10.0
_MARGIN_MM = 5.0
_LEAST_MM = 8.0
_MOST_MM = 30.0
_FILLED_RATE_HZ = 125.0  # what is filled holds nothing above 50 Hz
_BAND_RATE_HZ = 25.0


def redraw_completed_svg(completed: CompletedRecord) -> str:
    """Draws the twelve whole leads at 25 mm/s and 10 mm/mV, one below the other.

    Returns:
        A complete ``<svg>`` element, its size in mm.
    """
    signal = completed.signal_mv.astype(np.float64)
    deviation = completed.deviation_mv.astype(np.float64)
    seconds = signal.shape[1] / completed.rate_hz
    width = np.ceil((_LEFT_MM + seconds * SPEED_MM_PER_S + _MARGIN_MM) / 5) * 5
    high, low = np.percentile(signal, [99.9, 0.1], axis=1) * GAIN_MM_PER_MV
    above = np.clip(high + 2.0, _LEAST_MM, _MOST_MM)
    below = np.clip(2.0 - low, _LEAST_MM, _MOST_MM)
    baselines = np.round(_MARGIN_MM + np.cumsum(above + below) - below)
    height = np.ceil((baselines[-1] + below[-1] + _MARGIN_MM) / 5) * 5
    names, bands, measured, filled = [], [], [], []
    for lead, row, spread, gaps, baseline in zip(
        LEADS, signal, deviation, completed.filled, baselines.tolist(), strict=True
    ):
        names.append(f'<text x="1.5" y="{baseline - 2:.1f}" font-weight="bold">{lead}</text>')
        solid = np.where(gaps, np.nan, row)
        measured.append(path_data(solid, completed.rate_hz, _LEFT_MM, baseline))
        for start, stop in finite_runs(np.where(gaps, row, np.nan)):
            # to the measured sample on either side, so that the line does not break
            part = slice(max(start - 1, 0), min(stop + 1, len(row)))
            filled.append(_thinned(row, part, completed.rate_hz, baseline))
            bands.append(_band(row, spread, slice(start, stop), completed.rate_hz, baseline))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ecg" width="{width:g}mm" '
        f'height="{height:g}mm" viewBox="0 0 {width:g} {height:g}" role="img" '
        'aria-label="Completed ECG at 25 mm/s and 10 mm/mV, filled parts in blue">'
        + grid_svg(width, height)
        + f'<path d="{"".join(bands)}" fill="#2f6fd6" fill-opacity="0.22"/>'
        + '<g font-family="Helvetica, Arial, sans-serif" font-size="3.2" fill="#24476b">'
        + "".join(names)
        + '</g><g fill="none" stroke-width="0.25" stroke-linejoin="round">'
        + f'<path stroke="#2f6fd6" d="{"".join(filled)}"/>'
        + f'<path stroke="#111" d="{"".join(measured)}"/></g></svg>'
    )


def _thinned(row: NDArray[np.float64], part: slice, rate_hz: float, baseline_mm: float) -> str:
    """Path of a filled stretch, of no more points than it holds."""
    step = max(1, int(rate_hz // _FILLED_RATE_HZ))
    places = np.unique(np.append(np.arange(part.start, part.stop, step), part.stop - 1))
    points = zip(
        np.round(_LEFT_MM + places / rate_hz * SPEED_MM_PER_S, 2).tolist(),
        np.round(baseline_mm - row[places] * GAIN_MM_PER_MV, 2).tolist(),
        strict=True,
    )
    return "M" + " ".join(f"{x:g} {y:g}" for x, y in points)


def _band(
    row: NDArray[np.float64],
    spread: NDArray[np.float64],
    part: slice,
    rate_hz: float,
    baseline_mm: float,
) -> str:
    """Outline of the band about a filled stretch: the trace's own stretch, up and down."""
    step = max(1, int(rate_hz // _BAND_RATE_HZ))
    places = np.unique(np.append(np.arange(part.start, part.stop, step), part.stop - 1))
    x = np.round(_LEFT_MM + places / rate_hz * SPEED_MM_PER_S, 2)
    upper = np.round(baseline_mm - (row + spread)[places] * GAIN_MM_PER_MV, 2)
    lower = np.round(baseline_mm - (row - spread)[places] * GAIN_MM_PER_MV, 2)
    points = [*zip(x, upper, strict=True), *zip(x[::-1], lower[::-1], strict=True)]
    return "M" + " ".join(f"{a:g} {b:g}" for a, b in points) + "z"
