"""The digitized ECG redrawn as clean paper, in SVG with millimetres true to size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEADS

SPEED_MM_PER_S = 25.0
GAIN_MM_PER_MV = 10.0
_MARGIN_MM = 5.0
_PULSE_MM = 5.0
_LEAST_ROW_MM = 20.0
_MOST_ROW_MM = 60.0
_RHYTHM_PREFERENCE = ("II", "V1", "V5")


@dataclass(frozen=True)
class _Cell:
    """One stretch of one lead: where it stands and which samples it shows."""

    lead: str
    row: int
    x_mm: float
    start: int
    stop: int


@dataclass(frozen=True)
class Shade:
    """A stretch of a lead to be shaded.

    Attributes:
        lead: its lead.
        start_s, stop_s: from the start of the record.
        strength: -1 to 1; above 0 red, below blue.
    """

    lead: str
    start_s: float
    stop_s: float
    strength: float


def redraw_svg(
    signal_mv: NDArray[np.floating], rate_hz: float, shades: Sequence[Shade] = ()
) -> str:
    """Draws twelve leads at 25 mm/s and 10 mm/mV on a 1 mm grid.

    Leads of up to 3 s stand in four columns, of up to 6 s in two, longer ones below each other;
    beside short ones, leads that were read whole follow again as rhythm strips. Rows are as far
    apart as the amplitudes need.

    Args:
        signal_mv: ``(12, samples)`` mV, NaN = not measured.
        rate_hz: samples a second.
        shades: stretches to be shaded behind the traces.

    Returns:
        A complete ``<svg>`` element, its size in mm.
    """
    signal = np.asarray(signal_mv, np.float64)
    cells = _arrange(signal, rate_hz)
    rows = max((cell.row for cell in cells), default=0) + 1
    left = _MARGIN_MM + _PULSE_MM + 2.0
    right = max(
        (cell.x_mm + (cell.stop - cell.start) / rate_hz * SPEED_MM_PER_S for cell in cells),
        default=250.0,
    )
    above, below = _row_extents(signal, cells, rows)
    baselines, y = [], _MARGIN_MM
    for row in range(rows):
        y += above[row]
        baselines.append(round(y))
        y = round(y) + below[row]
    width = np.ceil((left + max(right, 100.0) + _MARGIN_MM) / 5) * 5
    height = np.ceil((y + _MARGIN_MM + 4.0) / 5) * 5
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ecg" width="{width:g}mm" '
        f'height="{height:g}mm" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="Digitized ECG at 25 mm/s and 10 mm/mV">',
        grid_svg(width, height),
        _shading(signal, rate_hz, cells, baselines, left, shades),
        '<g font-family="Helvetica, Arial, sans-serif" font-size="3.2" fill="#24476b">',
    ]
    for cell in cells:  # names first, so that they never hide a trace
        x, top = left + cell.x_mm + 0.6, baselines[cell.row] - min(above[cell.row] - 3.5, 9.0)
        parts.append(f'<text x="{x:.1f}" y="{top:.1f}" font-weight="bold">{cell.lead}</text>')
    parts.append(
        f'<text x="{_MARGIN_MM:g}" y="{height - 2:.1f}" font-size="2.8">25 mm/s, 10 mm/mV</text>'
    )
    parts.append('</g><g fill="none" stroke="#111" stroke-width="0.25" stroke-linejoin="round">')
    for baseline in baselines:
        pulse = f"M{_MARGIN_MM:g} {baseline}h1v-{GAIN_MM_PER_MV:g}h3v{GAIN_MM_PER_MV:g}h1"
        parts.append(f'<path d="{pulse}"/>')
    for cell in cells:
        trace = signal[LEADS.index(cell.lead), cell.start : cell.stop]
        x0 = left + cell.x_mm
        parts.append(f'<path d="{path_data(trace, rate_hz, x0, baselines[cell.row])}"/>')
    parts.append("</g></svg>")
    return "".join(parts)


def _arrange(signal: NDArray[np.float64], rate_hz: float) -> list[_Cell]:
    """Which stretch of which lead stands where."""
    windows = {}
    for lead, row in zip(LEADS, signal, strict=True):
        there = np.flatnonzero(np.isfinite(row))
        if len(there):
            windows[lead] = (int(there[0]), int(there[-1]) + 1)
    if not windows:
        return []
    seconds = {lead: (stop - start) / rate_hz for lead, (start, stop) in windows.items()}
    typical = float(np.median(list(seconds.values())))
    columns = 4 if typical <= 3.0 else 2 if typical <= 6.0 else 1
    per_column = len(LEADS) // columns
    usual = [s for s in seconds.values() if s <= 1.5 * typical] or [typical]
    column_s = max(usual)
    cells = []
    for index, lead in enumerate(LEADS):
        if lead not in windows:
            continue
        column, row = divmod(index, per_column)
        start, stop = windows[lead]
        if columns > 1 and seconds[lead] > 1.5 * column_s:  # a rhythm lead: its column's seconds
            begin = column * column_s
            if signal.shape[1] / rate_hz < columns * column_s * 0.9:
                begin = start / rate_hz
            start = min(max(start, round(begin * rate_hz)), stop)
            stop = min(stop, start + round(column_s * rate_hz))
        if stop > start:
            cells.append(_Cell(lead, row, column * column_s * SPEED_MM_PER_S, start, stop))
    if columns > 1:
        whole = [lead for lead in windows if seconds[lead] > 1.5 * column_s]
        whole.sort(key=lambda lead: (*(lead != first for first in _RHYTHM_PREFERENCE), lead))
        for number, lead in enumerate(whole[:3]):
            cells.append(_Cell(lead, per_column + number, 0.0, *windows[lead]))
    return cells


def _row_extents(
    signal: NDArray[np.float64], cells: list[_Cell], rows: int
) -> tuple[list[float], list[float]]:
    """Millimetres that each row needs above and below its baseline."""
    above, below = [_LEAST_ROW_MM / 2] * rows, [_LEAST_ROW_MM / 2] * rows
    for cell in cells:
        trace = signal[LEADS.index(cell.lead), cell.start : cell.stop]
        trace = trace[np.isfinite(trace)]
        if len(trace):
            # A single spike does not push rows apart: traces may overlap, as on real paper.
            high, low = np.percentile(trace, [99.9, 0.1]) * GAIN_MM_PER_MV
            above[cell.row] = max(above[cell.row], min(high + 2.0, _MOST_ROW_MM))
            below[cell.row] = max(below[cell.row], min(2.0 - low, _MOST_ROW_MM))
    return above, below


def _shading(
    signal: NDArray[np.float64],
    rate_hz: float,
    cells: list[_Cell],
    baselines: list[int],
    left: float,
    shades: Sequence[Shade],
) -> str:
    """Broad strokes along the traces, red or blue, the paler the weaker."""
    parts = ['<g fill="none" stroke-width="2.4" stroke-linecap="butt" stroke-linejoin="round">']
    for shade in shades:
        first, last = round(shade.start_s * rate_hz), round(shade.stop_s * rate_hz)
        for cell in cells:
            start, stop = max(first, cell.start), min(last, cell.stop)
            if cell.lead != shade.lead or stop - start < 2:
                continue
            trace = signal[LEADS.index(cell.lead), start:stop]
            x = left + cell.x_mm + (start - cell.start) / rate_hz * SPEED_MM_PER_S
            colour = "#d6332f" if shade.strength > 0 else "#2f6fd6"
            opacity = min(abs(shade.strength), 1.0) * 0.55
            data = path_data(trace, rate_hz, x, baselines[cell.row])
            parts.append(f'<path stroke="{colour}" stroke-opacity="{opacity:.2f}" d="{data}"/>')
    return "".join(parts) + "</g>" if len(parts) > 1 else ""


def path_data(trace: NDArray[np.float64], rate_hz: float, x0_mm: float, baseline_mm: float) -> str:
    """SVG path of a trace, broken at NaN, in hundredths of a millimetre."""
    x = np.round(x0_mm + np.arange(len(trace)) / rate_hz * SPEED_MM_PER_S, 2)
    y = np.round(baseline_mm - trace * GAIN_MM_PER_MV, 2)
    finite = np.isfinite(trace)
    breaks = np.flatnonzero(np.diff(finite.astype(np.int8))) + 1
    pieces = []
    for piece in np.split(np.arange(len(trace)), breaks):
        if len(piece) and finite[piece[0]]:
            points = " ".join(
                f"{a:g} {b:g}" for a, b in zip(x[piece].tolist(), y[piece].tolist(), strict=True)
            )
            pieces.append(f"M{points}")
    return "".join(pieces)


def grid_svg(width: float, height: float) -> str:
    """Two patterns, 1 mm and 5 mm, over a pale page."""
    return (
        '<defs><pattern id="mm" width="1" height="1" patternUnits="userSpaceOnUse">'
        '<path d="M1 0H0V1" fill="none" stroke="#f3c6c6" stroke-width="0.08"/></pattern>'
        '<pattern id="cm" width="5" height="5" patternUnits="userSpaceOnUse">'
        '<rect width="5" height="5" fill="url(#mm)"/>'
        '<path d="M5 0H0V5" fill="none" stroke="#e59a9a" stroke-width="0.16"/></pattern></defs>'
        f'<rect width="{width:g}" height="{height:g}" fill="#fffafa"/>'
        f'<rect width="{width:g}" height="{height:g}" fill="url(#cm)"/>'
    )
