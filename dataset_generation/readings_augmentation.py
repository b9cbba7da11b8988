"""New readings out of kept ones, class and side of the split preserved; sets merged into one."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.readings_folder import (
    ReadingRow,
    ReadingsError,
    check_rows,
    claim_folder,
    load_maps,
    read_readings,
    write_maps,
    write_rows,
)
from ecg.formats.atomic import atomic_path
from ecg.lead_maps import MAP_ROWS, LeadMaps
from ecg.leads import LEADS
from ecg.splits import SPLITS, split_of_fold

_SPREAD = 0.1
_FACTORS = (0.5, 1.5)
_MOST_REPLACED = 2


def augment_readings(
    folder: Path, out: Path, copies: int, seed: int = 0, sides: Collection[str] = ("train",)
) -> list[ReadingRow]:
    """Make new readings of each kept one: maps and merged pictures, no signals.

    In a copy one or two leads are those of another record of the same target on the same side of
    the split, each V3 a V3; then every lead is stretched in time from its start and in voltage
    about its middle row, by factors of N(1, 0.1) within 0.5 to 1.5. Where no other record has the
    lead, it is only stretched. A copy bears the fold and patient of the reading it was made from
    and the labels that all its donors share. It depends on seed, id and the set alone.

    Args:
        folder: a set of readings.
        out: folder of the new ones; made if it is not there.
        copies: how many of each.
        seed: of the random choices.
        sides: sides of the split to augment: ``train``, ``validation``, ``test``.

    Returns:
        The new rows; ``donors`` tells what each was made from.

    Raises:
        ReadingsError: if nothing can be augmented, or ``out`` holds something else.
    """
    if copies < 1 or not set(sides) <= set(SPLITS):
        raise ReadingsError(f"copies must be 1 or more and sides of {', '.join(SPLITS)}")
    groups: dict[tuple[str, str], list[ReadingRow]] = {}
    for row in sorted(read_readings(folder), key=lambda row: row.id):
        if row.status == "kept" and row.target is not None and row.fold is not None:
            side = split_of_fold(row.fold)
            if side in sides and not row.donors:
                groups.setdefault((row.target, side), []).append(row)
    if not groups:
        named = " or ".join(sides)
        raise ReadingsError(f"{folder}: no kept reading of the {named} side has a target and fold")
    settings = {"augmented": copies, "seed": seed, "sides": sorted(sides)}
    claim_folder(out, settings, ("maps", "merged"))
    rows = []
    for group in groups.values():
        present = np.stack([load_maps(folder, row).present for row in group])
        records = np.array([row.record_id for row in group])
        for row in group:
            own = load_maps(folder, row)
            others = present & (records != row.record_id)[:, None]
            for copy in range(copies):
                rng = np.random.default_rng([seed, zlib.crc32(row.id.encode()), copy])
                given = _choose_donors(others, rng)
                donors = {lead: group[place] for lead, place in given.items()}
                new = _new_row(row, donors, f"{row.id}-a{copy}")
                maps = _stretched(_with_leads(own, folder, donors), rng)
                new = replace(new, leads_found=int(maps.present.sum()))
                rows.append(write_maps(maps, out, new))
    check_rows(rows)
    return write_rows(rows, out)


def merge_readings(folders: Sequence[Path], out: Path) -> list[ReadingRow]:
    """Copy several sets of readings into one folder under one ``readings.csv``.

    Raises:
        ReadingsError: if an id occurs twice, a patient would be on two sides of the split, or
            ``out`` holds something else.
    """
    sets = [(folder, row) for folder in folders for row in read_readings(folder)]
    first: dict[str, Path] = {}
    for folder, row in sets:
        if row.id in first:
            raise ReadingsError(f"reading {row.id} is in {first[row.id]} and in {folder}")
        first[row.id] = folder
    rows = [row for _, row in sets]
    check_rows(rows)
    claim_folder(
        out, {"merged": [str(folder) for folder in folders]}, ("maps", "merged", "signals")
    )
    for folder, row in sets:
        for name in row.files():
            with atomic_path(out / name) as temporary:
                shutil.copyfile(folder / name, temporary)
    return write_rows(rows, out)


def _choose_donors(others: NDArray[np.bool_], rng: np.random.Generator) -> dict[int, int]:
    """For one or two leads which reading gives them; ``others`` is ``(readings, 12)``."""
    count = int(rng.integers(1, _MOST_REPLACED + 1))
    able = np.flatnonzero(others.any(axis=0))
    leads = rng.permutation(able)[:count]
    return {int(k): int(rng.choice(np.flatnonzero(others[:, k]))) for k in sorted(leads)}


def _new_row(row: ReadingRow, donors: dict[int, ReadingRow], name: str) -> ReadingRow:
    told = [row.id, *(f"{LEADS[lead]}={donor.id}" for lead, donor in donors.items())]
    shared = set(row.labels).intersection(*(donor.labels for donor in donors.values()))
    labels = tuple(label for label in row.labels if label in shared)
    return replace(row, id=name, labels=labels, signal="", donors=" ".join(told))


def _with_leads(maps: LeadMaps, folder: Path, donors: dict[int, ReadingRow]) -> LeadMaps:
    ink, present = maps.ink.copy(), maps.present.copy()
    for lead, donor in donors.items():
        ink[lead], present[lead] = load_maps(folder, donor).ink[lead], True
    return LeadMaps(ink, present)


def _stretched(maps: LeadMaps, rng: np.random.Generator) -> LeadMaps:
    """Each lead by its own factors; the left edge and the middle between the rows stay."""
    ink = np.zeros_like(maps.ink)
    factors = np.clip(rng.normal(1, _SPREAD, (len(LEADS), 2)), *_FACTORS)
    for lead in np.flatnonzero(maps.present):
        time, voltage = factors[lead]
        middle = (MAP_ROWS - 1) / 2
        matrix = np.array([[time, 0, (time - 1) / 2], [0, voltage, middle * (1 - voltage)]])
        size = maps.ink.shape[:0:-1]
        ink[lead] = cv2.warpAffine(maps.ink[lead], matrix, size, flags=cv2.INTER_LINEAR)
    return LeadMaps(ink, maps.present)
