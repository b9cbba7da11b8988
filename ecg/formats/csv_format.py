"""Recordings as CSV: ``time_s, I, II, ... V6`` in seconds and mV, empty where not measured."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ecg.formats.atomic import atomic_path
from ecg.leads import LEAD_INDEX, LEADS, canonical_lead
from ecg.record import Record

TIME_COLUMN = "time_s"


def write_csv(record: Record, path: str | Path) -> None:
    """Writes a recording: one row a sample, voltages to 0.1 uV, times to 1 us."""
    columns = [
        [
            f"{value:.4f}" if finite else ""
            for value, finite in zip(row, np.isfinite(row), strict=True)
        ]
        for row in record.signal_mv.astype(np.float64)
    ]
    times = [repr(round(sample / record.rate_hz, 6)) for sample in range(record.n_samples)]
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([TIME_COLUMN, *LEADS])
        writer.writerows(zip(times, *columns, strict=True))


def read_csv(path: str | Path) -> Record:
    """Reads a recording; columns in any order, leads that are absent become NaN.

    The rate is that of the time column, which must be even to a tenth of a sample. The record's
    id is the file's stem.

    Raises:
        ValueError: if there is no time column, no known lead, an unknown or double column, a
            cell that is no number, fewer than two rows, or uneven times; the message names it.
    """
    path = Path(path)
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        rows = [(reader.line_num, row) for row in reader if row]
    if not rows or TIME_COLUMN not in (header := [name.strip() for name in rows[0][1]]):
        raise ValueError(f"{path} has no column {TIME_COLUMN}")
    names = [name if name == TIME_COLUMN else canonical_lead(name) for name in header]
    if len(set(names)) != len(names) or len(names) < 2:
        raise ValueError(f"{path}: each lead once and at least one, not {header}")
    if len(rows) < 3:
        raise ValueError(f"{path} holds fewer than two samples")
    table = np.empty((len(rows) - 1, len(names)))
    for number, (line, row) in enumerate(rows[1:]):
        if len(row) != len(names):
            raise ValueError(f"{path}, line {line}: {len(row)} cells, not {len(names)}")
        try:
            table[number] = [float(cell) if cell.strip() else np.nan for cell in row]
        except ValueError as error:
            raise ValueError(f"{path}, line {line}: {error}") from error
    times = table[:, names.index(TIME_COLUMN)]
    step = (times[-1] - times[0]) / (len(times) - 1)
    even = times[0] + step * np.arange(len(times))
    if not (step > 0 and np.abs(times - even).max() < 0.1 * step):
        raise ValueError(f"{path}: the times in {TIME_COLUMN} are not evenly spaced")
    signal = np.full((12, len(table)), np.nan, np.float32)
    for column, name in enumerate(names):
        if name != TIME_COLUMN:
            signal[LEAD_INDEX[name]] = table[:, column]
    # Times are rounded to 1 us: the rate is known to as much over the whole record.
    rate_hz = float(f"{1 / step:.6g}")
    return Record(signal, rate_hz, record_id=path.stem, source=path.name)
