"""The photos of a data set one after the other, of which a damaged one does not stop the rest."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import cv2

from dataset_generation.stored import StoredDataset, StoredSample

Result = TypeVar("Result")
_DAMAGE = (ValueError, OSError, SyntaxError, tarfile.TarError, cv2.error)  # Pillow's among them
_SUFFIX_OF = {"mask": "mask.png", "leads": "leads.png"}


class ExportError(ValueError):
    """The data set cannot be exported; the message says why and what to do."""


@dataclass(frozen=True)
class Damage:
    """A photo that cannot be exported, and why."""

    id: str
    reason: str


@dataclass
class ExportSummary:
    """What a run did: photos written, photos found finished, photos left out."""

    written: int = 0
    kept: int = 0
    damaged: list[Damage] = field(default_factory=list)


def tried(
    dataset: StoredDataset,
    rows: Sequence[dict[str, str]],
    work: Callable[[StoredSample], Result],
) -> Iterator[tuple[dict[str, str], Result | Damage]]:
    """Do something with each photo.

    Args:
        dataset: the data set.
        rows: of its index, in any order; one shard's beside one another are read at once.
        work: what to do; it writes nothing, so that its errors are the photo's.

    Yields:
        Each row with the result, or the damage that prevents it.
    """
    rest = list(rows)
    while rest:
        samples = dataset.samples(rest)
        for number, row in enumerate(rest, 1):
            try:
                sample = next(samples)
            except _DAMAGE as error:  # which ends the generator
                yield row, Damage(row["id"], _told(error))
                rest = rest[number:]
                break
            try:
                _check_whole(sample)
                result: Result | Damage = work(sample)
            except _DAMAGE as error:
                result = Damage(row["id"], _told(error))
            yield row, result
        else:
            return


def _check_whole(sample: StoredSample) -> None:
    image = Path(sample.row["image"]).suffix[1:]
    masks = {suffix for column, suffix in _SUFFIX_OF.items() if sample.row[column]}
    wanted = {image, "json", "hea", "dat"} | masks
    missing = sorted(wanted - {suffix for suffix, content in sample.files.items() if content})
    if missing:
        raise ValueError(f"its {', '.join(missing)} is missing or empty")


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__
