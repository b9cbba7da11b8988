"""Reading a PTB-V data set back, from shards or a plain folder, one photo after the other."""

from __future__ import annotations

import csv
import io
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.masks import read_lead_masks, read_mask
from dataset_generation.page import Page
from dataset_generation.parts import folder_name
from dataset_generation.photo import Photo
from dataset_generation.store import Store
from dataset_generation.truth import PhotoTruth, read_truth
from ecg.formats.wfdb_format import read_wfdb
from ecg.record import Record

_SUFFIXES = ("jpg", "png", "mask.png", "leads.png", "hea", "dat", "json")


class DatasetError(ValueError):
    """A data set cannot be read; the message says why."""


@dataclass(frozen=True, eq=False)
class StoredSample:
    """One photo of a data set.

    Attributes:
        row: its row of ``index.csv``.
        files: content by suffix, as ``dataset_generation.sample.Sample`` has it.
    """

    row: dict[str, str]
    files: dict[str, bytes]

    @property
    def id(self) -> str:
        """Its name."""
        return self.row["id"]

    @property
    def image_suffix(self) -> str:
        """``jpg`` or ``png``."""
        return "jpg" if "jpg" in self.files else "png"

    def image(self) -> NDArray[np.uint8]:
        """``(height, width, 3)`` uint8 RGB.

        Raises:
            DatasetError: if the file is damaged.
        """
        return _decoded(self.files[self.image_suffix], self.id)

    def mask(self) -> NDArray[np.uint8] | None:
        """``(height, width)`` uint8 of the four classes; None where the set has no masks."""
        return read_mask(self.files["mask.png"]) if "mask.png" in self.files else None

    def lead_masks(self) -> NDArray[np.uint16] | None:
        """``(height, width)`` uint16, bit k for lead k; None where the set has no masks."""
        return read_lead_masks(self.files["leads.png"]) if "leads.png" in self.files else None

    @cached_property
    def truth(self) -> PhotoTruth:
        """All that is known of it."""
        return read_truth(self.files["json"])

    def record(self) -> Record:
        """The printed signal, NaN where nothing was printed."""
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ("hea", "dat"):
                (Path(folder) / f"{self.id}.{suffix}").write_bytes(self.files[suffix])
            return read_wfdb(Path(folder) / self.id)

    def remake(self) -> Photo:
        """The photo, made again from what was sampled: ``remake().take()`` are its pixels."""
        return Photo(Page(self.truth.page_spec, self.record()), self.truth.photo_spec)


class StoredDataset:
    """A data set that ``ecgphoto generate`` wrote.

    Args:
        place: its folder or URL.

    Raises:
        DatasetError: if there is no finished data set.

    Example::

        for sample in StoredDataset("out/ptb-v"):
            image, mask = sample.image(), sample.mask()
    """

    def __init__(self, place: str | Path) -> None:
        try:
            self.store = Store(place)
        except OSError as error:
            raise DatasetError(str(error)) from error
        if not self.store.exists("index.csv"):
            raise DatasetError(f"{place} holds no finished data set: it has no index.csv")
        text = self.store.read("index.csv").decode("utf-8")
        self.rows = list(csv.DictReader(io.StringIO(text)))
        self._shard: tuple[str, tarfile.TarFile] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[StoredSample]:
        """Every photo, in the order of the index."""
        return self.samples(self.rows)

    def samples(self, rows: list[dict[str, str]]) -> Iterator[StoredSample]:
        """The photos of some rows."""
        return (self.sample(row) for row in rows)

    def sample(self, row: dict[str, str]) -> StoredSample:
        """The photo of a row of the index; the shard read last is kept, so take them in order.

        Raises:
            DatasetError: if the shard is damaged or lacks it.
            FileNotFoundError: if a file is not there.
        """
        if not row["shard"]:
            return StoredSample(row, self._files_in_folder(row))
        files = {}
        try:
            tar = self._opened(row["shard"])
            names = set(tar.getnames())
            for suffix in _SUFFIXES:
                if f"{row['id']}.{suffix}" in names:
                    member = tar.extractfile(f"{row['id']}.{suffix}")
                    files[suffix] = member.read() if member is not None else b""
        except tarfile.TarError as error:
            raise DatasetError(f"{row['shard']} is damaged: {error}") from error
        if "json" not in files:
            raise DatasetError(f"{row['shard']} lacks the truth of {row['id']}")
        return StoredSample(row, files)

    def picture(self, row: dict[str, str]) -> NDArray[np.uint8]:
        """The picture of a row alone: ``(height, width, 3)`` uint8 RGB.

        Raises:
            DatasetError: if it is damaged or not there.
        """
        if row.get("shard"):
            return self.sample(row).image()
        try:
            return _decoded(self.store.read(row["image"]), row["id"])
        except OSError as error:
            raise DatasetError(f"{row['image']} cannot be read") from error

    def _opened(self, shard: str) -> tarfile.TarFile:
        if self._shard is None or self._shard[0] != shard:
            try:
                content = io.BytesIO(self.store.read(shard))
            except FileNotFoundError as error:
                raise DatasetError(f"{shard} is not there") from error
            self._shard = (shard, tarfile.open(fileobj=content, mode="r:"))  # noqa: SIM115 (memory)
        return self._shard[1]

    def _files_in_folder(self, row: dict[str, str]) -> dict[str, bytes]:
        named = {
            Path(row["image"]).suffix[1:]: row["image"],
            "mask.png": row["mask"],
            "leads.png": row["leads"],
            "hea": folder_name(row["id"], "hea"),
            "dat": folder_name(row["id"], "dat"),
            "json": row["truth"],
        }
        return {suffix: self.store.read(name) for suffix, name in named.items() if name}


def _decoded(coded: bytes, name: str) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR) if coded else None
    if image is None:
        raise DatasetError(f"the picture of {name} is damaged")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
