"""A data set of shards as a plain folder, or the other way, as ``ecgphoto generate`` writes it."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import orjson

from dataset_generation.export_photos import Damage, ExportError, ExportSummary, tried
from dataset_generation.parts import (
    INDEX_COLUMNS,
    PARTS,
    folder_name,
    part_name,
    put_files,
    shard_name,
)
from dataset_generation.store import Store, names_a_file
from dataset_generation.stored import StoredDataset, StoredSample

RECIPE_FILE = "recipe.json"
FOLDERS = (PARTS, "shards", "images", "masks", "leads", "truth", "signals")
_COPIED = ("data_card.md", "contact_sheet.jpg")
_COLUMNS = {"mask": "mask.png", "leads": "leads.png", "truth": "json", "signal": "hea"}

Row = dict[str, Any]


def converted_recipe(dataset: StoredDataset, data_format: str) -> bytes:
    """The recipe of the data set in the other format.

    Raises:
        ExportError: if it is in this format already, or has no recipe.
    """
    try:
        recipe = json.loads(dataset.store.read(RECIPE_FILE))
        now = recipe["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ExportError(
            f"{dataset.store.place} has no {RECIPE_FILE} that tells its format"
        ) from error
    if now == data_format:
        kind = "shards" if now == "shards" else "a plain folder"
        raise ExportError(f"{dataset.store.place} is {kind} already: choose another --to")
    return (json.dumps(recipe | {"format": data_format}, indent=1) + "\n").encode()


def convert_files(
    dataset: StoredDataset, data_format: str, store: Store, advance: Callable[[int], object]
) -> ExportSummary:
    """Write every file, part by part, then the index; a part with damaged photos is tried again.

    Args:
        dataset: what is read.
        data_format: ``folder`` or ``shards``.
        store: what is written; the recipe is there.
        advance: called with the number of photos that are done with.

    Raises:
        ExportError: if a part has no record.
        OSError: if the place cannot be written.
    """
    summary = ExportSummary()
    index: list[Row] = []
    for number in range(json.loads(store.read(RECIPE_FILE))["parts"]):
        if store.exists(part_name(number)):
            rows = [row for row in _part(store, number) if "problem" not in row]
            summary.kept += len(rows)
            advance(len(rows))
        else:
            rows = _convert_part(dataset, data_format, store, number, summary, advance)
        index += rows
    for name in _COPIED:
        if dataset.store.exists(name):
            store.write(name, dataset.store.read(name))
    store.write_table("index.csv", INDEX_COLUMNS, index)
    return summary


def _convert_part(
    dataset: StoredDataset,
    data_format: str,
    store: Store,
    number: int,
    summary: ExportSummary,
    advance: Callable[[int], object],
) -> list[Row]:
    """Write a part's photos and, if all could be read, its record; returns rows of the index."""
    record = _part(dataset.store, number)
    wanted = {row["id"]: row for row in record if "problem" not in row}
    moved: dict[str, Row] = {}
    whole = True
    shard = io.BytesIO()
    with tarfile.open(fileobj=shard, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        rows = [{key: str(value) for key, value in row.items()} for row in wanted.values()]
        for row, sample in tried(dataset, rows, lambda sample: sample):
            if isinstance(sample, Damage):
                summary.damaged.append(sample)
                whole = False
            else:
                put_files(sample.id, sample.files, store, tar if data_format == "shards" else None)
                moved[sample.id] = _moved(wanted[row["id"]], sample, data_format, number)
                summary.written += 1
            advance(1)
    if data_format == "shards":
        store.write(shard_name(number), shard.getvalue())
    if whole:
        lines = (orjson.dumps(moved.get(row["id"], row)) + b"\n" for row in record)
        store.write(part_name(number), b"".join(lines))
    return list(moved.values())


def _part(store: Store, number: int) -> list[Row]:
    try:
        rows = [orjson.loads(line) for line in store.read(part_name(number)).splitlines()]
    except (OSError, ValueError) as error:
        raise ExportError(
            f"{store.place} is not whole: it has no {part_name(number)} that can be read"
        ) from error
    for row in rows:
        if not names_a_file(str(row.get("id", ""))):
            name = f"{store.place}/{part_name(number)}"
            raise ExportError(f"{name} has the id {row.get('id')!r}, which names no file")
    return rows


def _moved(row: Row, sample: StoredSample, data_format: str, number: int) -> Row:
    """The row, its files where the other format has them."""
    moved = row | {"shard": shard_name(number) if data_format == "shards" else ""}
    for column, suffix in {"image": sample.image_suffix, **_COLUMNS}.items():
        name = f"{sample.id}.{suffix}"
        if data_format == "folder":
            name = folder_name(sample.id, suffix)
        moved[column] = name.removesuffix(".hea") if suffix in sample.files else ""
    return moved
