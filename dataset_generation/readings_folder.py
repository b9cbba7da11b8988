"""A set of readings on disk: its table, maps, merged pictures and signals."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_generation.coding import coded
from dataset_generation.store import PlaceTakenError, Store
from ecg.formats.atomic import atomic_path
from ecg.formats.wfdb_format import read_wfdb
from ecg.lead_maps import LeadMaps
from ecg.record import Record
from ecg.splits import PatientLeakError, check_no_patient_crosses, split_of_fold

READINGS_FILE = "readings.csv"
SETTINGS_FILE = "settings.json"
STATUSES = ("kept", "rejected", "error")
_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}(\.[a-z]+)?")


class ReadingsError(ValueError):
    """A set of readings cannot be made or used; the message says why and what to do."""


@dataclass(frozen=True)
class ReadingRow:
    """One photo in ``readings.csv``; text is empty and the rest None where there is none.

    Attributes:
        id, record_id, patient_id, fold, target, labels: as of ``PhotoItem``.
        status: ``kept``, ``rejected`` or ``error``.
        reason: why it was not kept.
        quality: 0..1.
        leads_found: of the twelve.
        layout: layout id.
        speed_mm_per_s, gain_mm_per_mv: paper speed and gain.
        maps, merged, signal: files, from the set's folder; ``signal`` is a WFDB record.
        donors: of an augmented reading: ids of the reading it was made from and, as ``LEAD=ID``,
            of those that gave it leads.
    """

    id: str
    record_id: str = ""
    patient_id: str | None = None
    fold: int | None = None
    target: str | None = None
    labels: tuple[str, ...] = ()
    status: str = "error"
    reason: str = ""
    quality: float | None = None
    leads_found: int | None = None
    layout: str = ""
    speed_mm_per_s: float | None = None
    gain_mm_per_mv: float | None = None
    maps: str = ""
    merged: str = ""
    signal: str = ""
    donors: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"reading {self.id}: status is one of {STATUSES}, not {self.status!r}")

    def files(self) -> tuple[str, ...]:
        """What a training loop needs of it."""
        signal = (f"{self.signal}.hea", f"{self.signal}.dat") if self.signal else ()
        return tuple(name for name in (self.maps, self.merged) if name) + signal


COLUMNS = tuple(field.name for field in fields(ReadingRow))
_KINDS: Mapping[str, Callable[[str], Any]] = {
    "fold": int,
    "labels": lambda cell: tuple(cell.split()),
    "quality": float,
    "leads_found": int,
    "speed_mm_per_s": float,
    "gain_mm_per_mv": float,
}


def read_readings(folder: Path) -> list[ReadingRow]:
    """The rows of a set of readings.

    Raises:
        ReadingsError: if there is no ``readings.csv``, or it is none.
    """
    path = folder / READINGS_FILE
    if not path.is_file():
        raise ReadingsError(f"{folder} holds no {READINGS_FILE}: make it with ecgphoto readings")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ReadingsError(f"{path}: the columns are not {', '.join(COLUMNS)}")
        try:
            return [
                ReadingRow(**{k: _KINDS.get(k, str)(cell) for k, cell in row.items() if cell})
                for row in reader
            ]
        except (TypeError, ValueError) as error:
            raise ReadingsError(f"{path}, line {reader.line_num}: {error}") from error


def load_maps(folder: Path, row: ReadingRow) -> LeadMaps:
    """Lead maps of a row.

    Raises:
        ReadingsError: if it has none.
    """
    if not row.maps:
        raise ReadingsError(f"reading {row.id} ({row.status}) has no maps: {row.reason}")
    with np.load(folder / row.maps, allow_pickle=False) as file:
        return LeadMaps(file["lead_maps"], file["present"])


def load_signal(folder: Path, row: ReadingRow) -> Record:
    """Signal of a row: ``(12, samples)`` mV, NaN where nothing was read.

    Raises:
        ReadingsError: if it has none.
    """
    if not row.signal:
        raise ReadingsError(f"reading {row.id} ({row.status}) has no signal: {row.reason}")
    return read_wfdb(folder / row.signal)


def merged_picture(maps: LeadMaps) -> NDArray[np.uint8]:
    """``(640, 250, 3)`` RGB: R is I, II, III, aVR from the top, G aVL to V2, B V3 to V6."""
    height, width = 4 * maps.ink.shape[1], maps.ink.shape[2]
    return np.ascontiguousarray(maps.ink.reshape(3, height, width).transpose(1, 2, 0))


def write_maps(maps: LeadMaps, folder: Path, row: ReadingRow) -> ReadingRow:
    """Write lead maps and merged picture of a row, and name them in it."""
    row = replace(row, maps=f"maps/{row.id}.npz", merged=f"merged/{row.id}.png")
    with atomic_path(folder / row.maps) as temporary:
        np.savez_compressed(temporary, lead_maps=maps.ink, present=maps.present)
    write_picture(merged_picture(maps), folder / row.merged)
    return row


def write_rows(rows: Sequence[ReadingRow], folder: Path) -> list[ReadingRow]:
    """Write ``readings.csv`` sorted by id; the rows in that order."""
    ordered = sorted(rows, key=lambda row: row.id)
    path = folder / READINGS_FILE
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_cell(getattr(row, name)) for name in COLUMNS] for row in ordered)
    return ordered


def check_rows(rows: Sequence[ReadingRow]) -> None:
    """Hold that no id occurs twice and no patient is on two sides of the split.

    Raises:
        ReadingsError: naming them.
    """
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            raise ReadingsError(f"two photos have the id {row.id!r}: give each its own")
        seen.add(row.id)
    known = [
        (row.patient_id, split_of_fold(row.fold)) for row in rows if row.patient_id and row.fold
    ]
    try:
        check_no_patient_crosses([patient for patient, _ in known], [side for _, side in known])
    except PatientLeakError as error:
        raise ReadingsError(str(error)) from error


def claim_folder(folder: Path, settings: Mapping[str, Any], parts: Sequence[str]) -> None:
    """Make a set's folders, refuse others', clear what a killed run left half-written.

    Raises:
        ReadingsError: if the folder holds anything that these settings did not make.
    """
    wanted = (json.dumps(settings, indent=1) + "\n").encode()
    store = Store(folder)
    try:
        store.claim(SETTINGS_FILE, wanted, "readings made with other options")
    except PlaceTakenError as error:
        raise ReadingsError(str(error)) from error
    store.clear_partial("")
    for part in (folder, *(folder / name for name in parts)):
        part.mkdir(exist_ok=True)
        for path in part.iterdir():
            if _TEMPORARY.fullmatch(path.name):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def write_picture(picture: NDArray[np.uint8], path: Path) -> None:
    """Write an RGB picture in the format of the path's suffix."""
    content = coded(path.suffix[1:], picture)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(value)
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
