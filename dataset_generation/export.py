"""A finished PTB-V data set in the formats that others read: COCO, YOLO, crops, folder, shards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import orjson

from dataset_generation.export_coco import CocoExport
from dataset_generation.export_crops import CropsExport
from dataset_generation.export_files import FOLDERS, RECIPE_FILE, convert_files, converted_recipe
from dataset_generation.export_photos import Damage, ExportError, ExportSummary, tried
from dataset_generation.export_split import sides_of
from dataset_generation.export_yolo import YoloExport
from dataset_generation.parts import INDEX_COLUMNS, PARTS
from dataset_generation.store import PlaceTakenError, Store, names_a_file
from dataset_generation.stored import DatasetError, StoredDataset, StoredSample

_SETTINGS_FILE = "export.json"
_CARD_FILE = "data_card.md"


class PhotoExport(Protocol):
    """A format that is written photo by photo."""

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders that it fills."""

    @property
    def note(self) -> str:
        """What its files hold, for the data card."""

    def convert(self, number: int, sample: StoredSample) -> tuple[dict[str, bytes], Any]:
        """Files by name of the photo in a row of the index, and its entry for the listing."""

    def listing(self, entries: Iterable[tuple[int, Any]]) -> dict[str, bytes]:
        """Files by name that list all photos, from row numbers and entries."""


def open_dataset(place: str | Path) -> StoredDataset:
    """Open a data set.

    Raises:
        ExportError: if there is none.
    """
    try:
        dataset = StoredDataset(place)
    except (DatasetError, OSError) as error:
        raise ExportError(str(error)) from error
    missing = sorted(set(INDEX_COLUMNS) - set(dataset.rows[0])) if dataset.rows else []
    if missing:
        raise ExportError(f"{place}/index.csv is no index of a data set: it lacks {missing[0]}")
    unsafe = [row["id"] for row in dataset.rows if not names_a_file(row["id"])]
    if unsafe:
        raise ExportError(f"{place}/index.csv has the id {unsafe[0]!r}, which names no file")
    return dataset


def export_dataset(
    dataset: StoredDataset,
    to: str,
    out: str | Path,
    jitter: float = 0.0,
    seed: int = 0,
    advance: Callable[[int], object] = lambda _: None,
) -> ExportSummary:
    """Write a data set in another format, or go on with what was stopped at any moment.

    A photo that cannot be read is reported and left out; the same call tries it again.

    Args:
        dataset: what is read.
        to: ``coco``, ``yolo``, ``crops``, ``folder`` or ``shards``.
        out: folder or fsspec URL; made if it is not there.
        jitter, seed: of crops (see ``CropsExport``).
        advance: called with the number of photos that are done with.

    Raises:
        ExportError: if the data set has no such form, or the place holds other files or cannot be
            written.
    """
    try:
        store = Store(out)
    except OSError as error:
        raise ExportError(f"cannot write to {out}: {error}") from error
    try:
        if to in ("folder", "shards"):
            _claim(store, RECIPE_FILE, converted_recipe(dataset, to), FOLDERS)
            return convert_files(dataset, to, store, advance)
        settings: dict[str, Any] = {"to": to}
        if to == "crops":
            settings |= {"jitter": jitter, "seed": seed}
        export = _photo_export(dataset, to, jitter, seed)
        return _write_photos(dataset, export, settings, store, advance)
    except OSError as error:
        raise ExportError(
            f"cannot write the export to {out}: {error.strerror or error}; "
            "what is finished is kept, the same command goes on"
        ) from error


def _photo_export(dataset: StoredDataset, to: str, jitter: float, seed: int) -> PhotoExport:
    if to == "crops":
        return CropsExport(jitter, seed)
    try:
        sides = sides_of(dataset.rows)
    except ValueError as error:
        raise ExportError(f"{dataset.store.place} cannot be split: {error}") from error
    return CocoExport(sides) if to == "coco" else YoloExport(sides)


def _write_photos(
    dataset: StoredDataset,
    export: PhotoExport,
    settings: dict[str, Any],
    store: Store,
    advance: Callable[[int], object],
) -> ExportSummary:
    """Write the files of each photo and then its entry in ``parts/``; last, the listing."""
    index = hashlib.sha256(dataset.store.read("index.csv")).hexdigest()
    wanted = (json.dumps(settings | {"index_sha256": index}, indent=1) + "\n").encode()
    _claim(store, _SETTINGS_FILE, wanted, (PARTS, *export.folders))

    summary = ExportSummary()
    numbers = {row["id"]: number for number, row in enumerate(dataset.rows)}
    finished = {name.removesuffix(".json") for name in store.names(PARTS)}
    waiting = [row for row in dataset.rows if row["id"] not in finished]
    summary.kept = len(dataset) - len(waiting)
    advance(summary.kept)

    def convert(sample: StoredSample) -> tuple[dict[str, bytes], Any]:
        return export.convert(numbers[sample.id], sample)

    for row, result in tried(dataset, waiting, convert):
        if isinstance(result, Damage):
            summary.damaged.append(result)
        else:
            files, entry = result
            for name, content in files.items():
                store.write(name, content)
            store.write(_entry_name(row), orjson.dumps(entry))
            finished.add(row["id"])
            summary.written += 1
        advance(1)

    def entries() -> Iterator[tuple[int, Any]]:
        for number, row in enumerate(dataset.rows):
            if row["id"] in finished:
                yield number, orjson.loads(store.read(_entry_name(row)))

    store.write(_CARD_FILE, _card(dataset, export.note))
    for name, content in export.listing(entries()).items():
        store.write(name, content)
    return summary


def _entry_name(row: dict[str, str]) -> str:
    return f"{PARTS}/{row['id']}.json"


def _card(dataset: StoredDataset, note: str) -> bytes:
    """The export's note before the card of the data set it was made from."""
    card = dataset.store.read(_CARD_FILE) if dataset.store.exists(_CARD_FILE) else b""
    text = f"# Export of a PTB-V data set\n\n{note}\n\nThe data set that it was made from:\n\n"
    return text.encode() + card


def _claim(store: Store, name: str, wanted: bytes, folders: Iterable[str]) -> None:
    """Refuse a place of others, clear what a killed run left half-written.

    Raises:
        ExportError: if the place holds anything that this export did not write.
    """
    try:
        store.claim(name, wanted, "another export or data set")
    except PlaceTakenError as error:
        raise ExportError(str(error)) from error
    for folder in folders:
        store.clear_partial(folder)
