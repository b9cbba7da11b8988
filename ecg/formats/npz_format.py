"""Recordings as NPZ: ``signal_mv``, ``confidence``, ``rate_hz`` and ``leads``."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecg.formats.atomic import atomic_path
from ecg.formats.damage import DAMAGED, told
from ecg.leads import LEAD_INDEX, LEADS, canonical_lead
from ecg.record import Record

LARGEST_BYTES = 2**30
"""Unpacked; ten seconds of twelve leads with confidence are half a megabyte."""


def write_npz(record: Record, path: str | Path, confidence: NDArray[np.floating]) -> None:
    """Writes a recording, float32 and compressed.

    Args:
        record: what to write.
        path: of the file.
        confidence: ``(12, n)`` in 0..1, how sure each sample is.

    Raises:
        ValueError: if the confidence has not the signal's shape.
    """
    if confidence.shape != record.signal_mv.shape:
        raise ValueError(f"confidence is {confidence.shape}, signal {record.signal_mv.shape}")
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            signal_mv=record.signal_mv,
            confidence=confidence.astype(np.float32),
            rate_hz=np.float64(record.rate_hz),
            leads=np.array(LEADS),
        )


def read_npz(path: str | Path) -> tuple[Record, NDArray[np.float32]]:
    """Reads a recording and its ``(12, n)`` confidence; absent leads become NaN, confidence 0.

    Raises:
        ValueError: if it is no such file, unpacks to more than ``LARGEST_BYTES``, or a lead is
            unknown or occurs twice.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(item.file_size for item in packed.infolist())
        if unpacked > LARGEST_BYTES:
            raise ValueError(f"it unpacks to {unpacked / 1e6:.0f} MB")
        with np.load(path, allow_pickle=False) as file:
            given, sure = file["signal_mv"], file["confidence"]
            rate_hz, names = float(file["rate_hz"]), [str(name) for name in file["leads"]]
    except FileNotFoundError:
        raise
    except DAMAGED as error:
        raise ValueError(f"{path} is no recording in NPZ: {told(error)}") from error
    rows = [LEAD_INDEX[canonical_lead(name)] for name in names]
    if len(set(rows)) != len(rows):
        raise ValueError(f"{path}: each lead once, not {names}")
    if given.ndim != 2 or len(given) != len(rows) or sure.shape != given.shape:
        raise ValueError(f"{path}: signal and confidence must be ({len(rows)}, samples)")
    signal = np.full((12, given.shape[1]), np.nan, np.float32)
    confidence = np.zeros((12, given.shape[1]), np.float32)
    signal[rows], confidence[rows] = given, sure
    return Record(signal, rate_hz, record_id=path.stem, source=path.name), confidence
