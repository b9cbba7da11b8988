"""The set of readings: photos read into lead maps and signals to learn from, behind a gate.

A folder holds for each photo ``thumbnails/ID.jpg``; if its reading was kept also ``maps/ID.npz``
(``lead_maps``, ``present``), ``merged/ID.png`` and ``signals/ID.hea`` with ``.dat``; and, written
last, ``done/ID.json``. ``readings.csv`` has a row a photo, ``kept.jpg`` and ``rejected.jpg`` show
some of them.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.readings_folder import (
    ReadingRow,
    ReadingsError,
    check_rows,
    claim_folder,
    write_maps,
    write_picture,
    write_rows,
)
from dataset_generation.readings_sheet import readings_sheet
from ecg.formats.atomic import atomic_path
from ecg.formats.wfdb_format import write_wfdb
from ecg.lead_maps import LeadMaps
from ecg.reading import PageRejected, Reading
from ecg.record import Record

THUMBNAIL_PX = 320
_FOLDERS = ("thumbnails", "maps", "merged", "signals", "done")
_ID = re.compile(r"[A-Za-z0-9_-]+")
_MOST_MV = 32.0  # WFDB's format 16 ends at 32.767

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PhotoItem:
    """One photo to read, and whose ECG it shows.

    Attributes:
        id: name of its files: letters, digits, ``-`` and ``_``, unique in the set.
        load: gives its pixels, ``(height, width, 3)`` uint8 RGB, or raises with a sentence.
        record_id: record that was printed.
        patient_id: whose it is; None where unknown.
        fold: 1 to 10; None where there is no split.
        target: ``mi``, ``normal`` or ``other``; None where unknown.
        labels: diagnosis codes, without spaces.
    """

    id: str
    load: Callable[[], NDArray[np.uint8]]
    record_id: str
    patient_id: str | None = None
    fold: int | None = None
    target: str | None = None
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"an id has letters, digits, - and _ only: {self.id!r}")
        if self.fold is not None and not 1 <= self.fold <= 10:
            raise ValueError(f"photo {self.id}: fold is 1 to 10, not {self.fold}")
        if any(not label or re.search(r"\s", label) for label in self.labels):
            raise ValueError(f"photo {self.id}: labels hold no spaces: {self.labels}")


@dataclass(frozen=True)
class Gate:
    """What a reading must reach to be kept.

    Attributes:
        min_quality: least ``Reading.quality``.
        min_leads: least number of leads found.
        min_seconds: a lead is found when this much of it was read.
        max_mv: a voltage beyond this was misread.
    """

    min_quality: float = 0.5
    min_leads: int = 10
    min_seconds: float = 1.0
    max_mv: float = 20.0

    def __post_init__(self) -> None:
        if not (0 <= self.min_quality <= 1 and 0 <= self.min_leads <= 12):
            raise ValueError("min_quality lies in 0 to 1, min_leads in 0 to 12")
        if not (self.min_seconds > 0 and 0 < self.max_mv <= _MOST_MV):
            raise ValueError(f"min_seconds is above 0, max_mv above 0 and up to {_MOST_MV:g}")

    def leads_found(self, reading: Reading) -> int:
        """How many leads were read for long enough."""
        seconds = np.isfinite(reading.signal_mv).sum(axis=1) / reading.rate_hz
        return int((seconds >= self.min_seconds).sum())

    def refusal(self, reading: Reading) -> str:
        """Why the reading is not kept; empty if it is."""
        if not reading.quality >= self.min_quality:
            return f"quality {reading.quality:.4g} is under {self.min_quality:g}"
        found = self.leads_found(reading)
        if found < self.min_leads:
            return f"{found} of 12 leads found, {self.min_leads} asked for"
        most = float(np.fmax.reduce(np.abs(reading.signal_mv), axis=None, initial=0))
        return f"a voltage of {most:.3g} mV is over {self.max_mv:g}" if most > self.max_mv else ""


def write_readings(
    items: Sequence[PhotoItem],
    read: Callable[[NDArray[np.uint8]], Reading],
    folder: Path,
    gate: Gate | None = None,
    advance: Callable[[], object] = lambda: None,
    draw: Callable[[Reading], LeadMaps] | None = None,
    reader: str = "",
) -> list[ReadingRow]:
    """Read photos into a folder, or go on where a run was stopped.

    A photo that cannot be read is a row with its reason; errors are tried again by the next run.

    Args:
        items: the photos; those of earlier runs into the folder stay.
        read: reads a photo, or raises ``PageRejected``.
        folder: where to; made if it is not there.
        gate: what is kept.
        advance: called once for each photo that is done with.
        draw: makes the lead maps of a reading; by default those that it carries.
        reader: what tells one reader from another; two are not mixed in a folder.

    Returns:
        Every row of ``readings.csv``, sorted by id.

    Raises:
        ReadingsError: if two photos have one id, a patient is on two sides of the split, the
            folder holds something else, or it cannot be written.
    """
    gate = gate or Gate()
    check_rows([_facts(item) for item in items])
    try:
        claim_folder(folder, {"reader": reader, "gate": asdict(gate)}, _FOLDERS)
        for item in items:
            if not _is_finished(folder, _facts(item)):
                row = _read_item(item, read, folder, gate, draw)
                with atomic_path(folder / "done" / f"{item.id}.json") as temporary:
                    temporary.write_text(json.dumps(asdict(row), indent=1) + "\n", encoding="utf-8")
            advance()
        rows = write_rows([_done(path) for path in (folder / "done").glob("*.json")], folder)
        _write_sheets(rows, folder)
    except OSError as error:
        raise ReadingsError(
            f"cannot write the readings to {folder}: {error.strerror or error}; "
            "what is finished is kept, the same command goes on"
        ) from error
    return rows


def _facts(item: PhotoItem) -> ReadingRow:
    facts = (item.record_id, item.patient_id, item.fold, item.target, tuple(item.labels))
    return ReadingRow(item.id, *facts)


def _is_finished(folder: Path, facts: ReadingRow) -> bool:
    """Whether a photo's files are all there; an error is not finished."""
    path = folder / "done" / f"{facts.id}.json"
    if not path.is_file():
        return False
    row = _done(path)
    for name in ("record_id", "patient_id", "fold", "target", "labels"):
        if getattr(row, name) != getattr(facts, name):
            raise ReadingsError(
                f"photo {facts.id}: {name} is {getattr(facts, name)!r}, but {folder} holds a "
                f"reading of this id with {getattr(row, name)!r}: name another folder"
            )
    files = (f"thumbnails/{row.id}.jpg", *row.files())
    return row.status != "error" and all((folder / name).is_file() for name in files)


def _read_item(
    item: PhotoItem,
    read: Callable[[NDArray[np.uint8]], Reading],
    folder: Path,
    gate: Gate,
    draw: Callable[[Reading], LeadMaps] | None,
) -> ReadingRow:
    """Read one photo and write its files, all but the last."""
    row = _facts(item)
    try:
        photo = item.load()
        thumbnail = _thumbnail(photo)
    except Exception as error:  # noqa: BLE001 (the boundary of one photo)
        return replace(row, reason=_one_line(error))
    write_picture(thumbnail, folder / "thumbnails" / f"{item.id}.jpg")
    try:
        reading = read(photo)
        maps = draw(reading) if draw else reading.lead_maps
        reason = gate.refusal(reading)
    except PageRejected as rejected:
        return replace(row, status="rejected", reason=str(rejected))
    except Exception as error:  # noqa: BLE001 (the boundary of one photo)
        _log.exception("photo %s", item.id)
        return replace(row, reason=f"internal error ({type(error).__name__}): {_one_line(error)}")
    row = replace(
        row,
        status="rejected" if reason else "kept",
        reason=reason,
        quality=round(float(reading.quality), 4),
        leads_found=gate.leads_found(reading),
        layout=reading.layout,
        speed_mm_per_s=float(reading.speed_mm_per_s),
        gain_mm_per_mv=float(reading.gain_mm_per_mv),
    )
    if reason:
        return row
    row = replace(write_maps(maps, folder, row), signal=f"signals/{item.id}")
    signal = reading.signal_mv.astype(np.float32)
    facts = (item.record_id, item.patient_id, "reading", item.fold, tuple(item.labels))
    write_wfdb(Record(signal, reading.rate_hz, *facts), folder / row.signal)
    return row


def _done(path: Path) -> ReadingRow:
    data = json.loads(path.read_text(encoding="utf-8"))
    return ReadingRow(**(data | {"labels": tuple(data["labels"])}))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _thumbnail(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or not photo.size:
        raise ValueError(f"a photo is (height, width, 3) uint8, not {photo.dtype} {photo.shape}")
    height, width = photo.shape[:2]
    scale = min(1.0, THUMBNAIL_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA))


def _write_sheets(rows: Sequence[ReadingRow], folder: Path) -> None:
    """Write ``kept.jpg`` and ``rejected.jpg``, where there is anything to show."""
    kept = [
        (folder / row.merged, f"{row.id} {row.layout} {row.quality:g} {row.target or ''}")
        for row in rows
        if row.status == "kept"
    ]
    others = [
        (folder / "thumbnails" / f"{row.id}.jpg", f"{row.id}: {row.reason}")
        for row in rows
        if row.status != "kept"
    ]
    for name, tiles in (("kept.jpg", kept), ("rejected.jpg", others)):
        if tiles:
            write_picture(readings_sheet(tiles), folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
