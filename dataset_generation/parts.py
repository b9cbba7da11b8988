"""A data set is made in parts: each a WebDataset shard, or as many files in a folder.

A part depends on its plan alone and is recorded, after its files, in ``parts/NUMBER.jsonl``: a
run that was killed goes on with the parts that have no record, whoever made the others.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import orjson

from dataset_generation.sample import Recipe, Sample, make, photo_id
from dataset_generation.sources import Entry
from dataset_generation.store import Store
from ecg.formats.damage import told
from ecg.record import Record

PARTS = "parts"
SHARDS = "shards"
INDEX_COLUMNS = (
    "id", "shard", "image", "mask", "leads", "truth", "signal", "record_id", "patient_id", "fold",
    "target", "labels", "layout", "order", "speed_mm_per_s", "gain_mm_per_mv", "strength",
    "effects", "missing", "width", "height", "pixels_per_mm", "stretches",
)  # fmt: skip
_FOLDER_OF = {"mask.png": "masks", "leads.png": "leads", "json": "truth", "hea": "signals",
              "dat": "signals"}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One photo to make; without a record, ``problem`` says why it cannot be made."""

    entry: Entry
    page_number: int
    record: Record | None
    target: str | None
    problem: str = ""


@dataclass(frozen=True)
class Part:
    """One part to make."""

    number: int
    store: Store
    data_format: str
    recipe: Recipe
    items: tuple[Item, ...]


def part_name(number: int) -> str:
    """The record of a part."""
    return f"{PARTS}/{number:06d}.jsonl"


def shard_name(number: int) -> str:
    """The shard of a part."""
    return f"{SHARDS}/ptb-v-{number:06d}.tar"


def make_part(part: Part) -> list[dict[str, Any]]:
    """Make a part's photos, write them, record them; returns the rows of the record.

    A photo that cannot be made is recorded with the reason, and the others go on.

    Raises:
        OSError: if the place cannot be written.
    """
    rows = []
    shard = io.BytesIO()
    with tarfile.open(fileobj=shard, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for item in part.items:
            name = photo_id(item.entry, item.page_number)
            if item.record is None:
                rows.append({"id": name, "record": item.entry.name, "problem": item.problem})
                continue
            try:
                sample = make(part.recipe, item.entry, item.page_number, item.record, item.target)
                if not sample.truth.stretches:
                    raise ValueError("it has none of the leads of its page")
            except (ValueError, ArithmeticError, MemoryError, cv2.error) as error:
                problem = f"record {item.entry.name} cannot be printed: {told(error)}"
                rows.append({"id": name, "record": item.entry.name, "problem": problem})
                continue
            put_files(name, sample.files, part.store, tar if part.data_format == "shards" else None)
            rows.append(_row(sample, part))
    if part.data_format == "shards":
        part.store.write(shard_name(part.number), shard.getvalue())
    lines = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
    part.store.write(part_name(part.number), lines)
    return rows


def put_files(
    name: str, files: Mapping[str, bytes], store: Store, tar: tarfile.TarFile | None
) -> None:
    """Append a photo's files to a shard, or write them into the folders without one."""
    for suffix, content in files.items():
        if tar is None:
            store.write(folder_name(name, suffix), content)
        else:
            member = tarfile.TarInfo(f"{name}.{suffix}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def folder_name(name: str, suffix: str) -> str:
    """Where a plain folder keeps a file of a photo."""
    folder = _FOLDER_OF.get(suffix, "images")
    return f"{folder}/{name}.{suffix.rsplit('.', 1)[-1]}"


def _row(sample: Sample, part: Part) -> dict[str, Any]:
    truth = sample.truth
    record = truth.record
    row = {name: getattr(truth, name) for name in INDEX_COLUMNS if hasattr(truth, name)}
    row |= {name: getattr(record, name) for name in ("record_id", "patient_id", "fold", "target")}
    shown = {stretch.lead for stretch in truth.stretches}
    layout = truth.page_spec.printed_leads()
    row["missing"] = " ".join(dict.fromkeys(p.lead for p in layout if p.lead not in shown))
    row["labels"] = " ".join(record.labels)
    row["effects"] = " ".join(effect.replace(" ", "_") for effect in truth.effects)
    row["width"], row["height"] = truth.photo_size
    row["stretches"] = len(truth.stretches)
    row["shard"] = shard_name(part.number) if part.data_format == "shards" else ""
    names = {"image": next(s for s in ("jpg", "png") if s in sample.files), "mask": "mask.png",
             "leads": "leads.png", "truth": "json", "signal": "hea"}  # fmt: skip
    for column, suffix in names.items():
        there = suffix in sample.files
        if part.data_format == "shards":
            row[column] = f"{sample.id}.{suffix}" if there else ""
        else:
            row[column] = folder_name(sample.id, suffix) if there else ""
    row["signal"] = row["signal"].removesuffix(".hea")
    return {name: "" if row[name] is None else row[name] for name in INDEX_COLUMNS}
