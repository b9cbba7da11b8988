"""Digital recordings in: WFDB, CSV, NPZ and DICOM files that ``diagnose`` takes beside photos."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ecg.formats.damage import DAMAGED, told
from ecg.record import Record

RECORD_SUFFIXES = frozenset((".hea", ".csv", ".npz", ".dcm"))
MAX_FILE_MB = 256.0
FILLED_SOURCE = "completed: estimated where not measured"
"""In the source of a record that a network completed."""
_RATES_HZ = (50.0, 2000.0)
_LEAST_S = 2.0
_MOST_MV = 15.0  # no heart gives more; electrodes' offsets are taken off first
_LEAST_MV = 0.02
_OFFSET_MV = 5.0  # no lead of a heart rests so far from zero


class RecordFileError(Exception):
    """A file that gives no usable recording; the message is one sentence for the user."""


@dataclass(frozen=True, eq=False)
class DigitalRecord:
    """One digital recording.

    Attributes:
        record: what it holds.
        path: file that it came from.
        kind: ``WFDB``, ``CSV``, ``NPZ`` or ``DICOM``.
    """

    record: Record
    path: Path
    kind: str


def is_record_file(path: Path) -> bool:
    """Whether a file is taken for a digital recording, by its name."""
    return path.suffix.lower() in RECORD_SUFFIXES


def load_record(path: Path) -> DigitalRecord:
    """Opens a digital recording, electrodes' offsets taken off.

    Raises:
        RecordFileError: it cannot be read, is in no known unit, at an absurd rate, too short, or
            no ECG by its voltages; one sentence that names the file.
    """
    name = path.name
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise RecordFileError(f"{path} does not exist.") from None
    except OSError as error:
        raise RecordFileError(f"{path} cannot be opened: {error.strerror}.") from error
    if size > MAX_FILE_MB * 1e6:
        raise RecordFileError(f"{name} is larger than {MAX_FILE_MB:.0f} MB.")
    record, kind = _read(path)
    low, high = _RATES_HZ
    if not low <= record.rate_hz <= high:
        raise RecordFileError(
            f"{name} is at {record.rate_hz:g} samples a second; ECGs are at {low:g} to {high:g}."
        )
    if record.duration_s < _LEAST_S:
        raise RecordFileError(
            f"{name} lasts {record.duration_s:.1f} s; at least {_LEAST_S:g} s are needed."
        )
    signal = record.signal_mv
    shown = np.isfinite(signal).any(axis=1)
    if not shown.any():
        raise RecordFileError(f"{name} holds no measured sample.")
    middle = np.nanmedian(signal[shown], axis=1, keepdims=True)
    largest = float(np.nanpercentile(np.abs(signal[shown] - middle), 99.9))
    if largest > _MOST_MV:
        raise RecordFileError(
            f"{name} reaches {largest:.0f} mV, which no ECG does; is it in microvolts? Give mV."
        )
    if largest < _LEAST_MV:
        raise RecordFileError(
            f"{name} stays within {1000 * largest:.1f} uV, less than any ECG; is it in volts? "
            "Give mV."
        )
    offset = np.zeros_like(signal[:, :1])
    offset[shown] = np.where(np.abs(middle) > _OFFSET_MV, middle, 0)
    return DigitalRecord(replace(record, signal_mv=signal - offset), path, kind)


def _read(path: Path) -> tuple[Record, str]:
    suffix = path.suffix.lower()
    try:
        if suffix == ".hea":
            from ecg.formats.wfdb_format import read_wfdb

            return read_wfdb(path), "WFDB"
        if suffix == ".csv":
            from ecg.formats.csv_format import read_csv

            return read_csv(path), "CSV"
        if suffix == ".npz":
            from ecg.formats.npz_format import read_npz

            return read_npz(path)[0], "NPZ"
        from ecg.formats.dicom_format import read_dicom

        return read_dicom(path), "DICOM"
    except OSError as error:
        reason = error.strerror or str(error)
        # A header whose data file is missing names that one.
        missing = Path(error.filename or path).name
        raise RecordFileError(f"{missing} cannot be read: {reason}.") from error
    except DAMAGED as error:
        text = told(error).rstrip(".").removeprefix(f"{path}").lstrip(":, ")
        raise RecordFileError(f"{path.name} is no usable recording: {text}.") from error
