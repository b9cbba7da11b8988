"""A data set in the form that YOLO's segmentation networks train on (Ultralytics)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dataset_generation.export_objects import CATEGORIES, checked_image, joined, photo_objects
from dataset_generation.stored import StoredSample

_KEYS = {"train": "train", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class YoloExport:
    """Photos in ``images/``, a line for each object in ``labels/ID.txt``, lists in ``data.yaml``.

    Attributes:
        sides: of each row (see ``sides_of``); without a split all photos are for training.
    """

    sides: list[str]

    folders = ("images", "labels")
    note = (
        "YOLO segmentation. `images/`: the photos; `labels/ID.txt`: a line an object, its class "
        "and its outline as shares of width and height; parts of an object and holes are joined "
        "by slits of no width. `data.yaml` names the classes (0 to 11 the ink of a printed "
        "stretch of a lead, lead_name, pulse, paper) and the lists of photos: train (PTB-XL folds "
        "1 to 8), val (9), test (10); where a photo has no fold all are in train. A side without "
        "photos is left out: name a val list before you train."
    )

    def convert(self, number: int, sample: StoredSample) -> tuple[dict[str, bytes], Any]:
        """A photo's files, and what the listing needs of it."""
        del number
        image = f"images/{sample.id}.{sample.image_suffix}"
        height, width = checked_image(sample).shape[:2]
        lines = []
        for thing in photo_objects(sample):
            outline = joined(thing.outlines) / (width, height)
            shares = " ".join(f"{value:.6f}" for value in outline.ravel())
            lines.append(f"{CATEGORIES.index(thing.category)} {shares}\n")
        files = {
            image: sample.files[sample.image_suffix],
            f"labels/{sample.id}.txt": "".join(lines).encode(),
        }
        return files, {"image": image}

    def listing(self, entries: Iterable[tuple[int, Any]]) -> dict[str, bytes]:
        """``data.yaml`` and the lists of photos.

        Args:
            entries: number of the row and second result of ``convert`` of each photo.
        """
        lists: dict[str, list[str]] = {}
        for number, entry in entries:
            lists.setdefault(self.sides[number] or "train", []).append(f"./{entry['image']}\n")
        lines = [f"{key}: {side}.txt\n" for side, key in _KEYS.items() if side in lists]
        names = [f"  {number}: {name}\n" for number, name in enumerate(CATEGORIES)]
        files = {f"{side}.txt": "".join(lists[side]).encode() for side in _KEYS if side in lists}
        return {**files, "data.yaml": "".join([*lines, "names:\n", *names]).encode()}
