"""A data set as COCO's annotations of instances (Lin et al. 2014, arXiv 1405.0312)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from dataset_generation.export_objects import CATEGORIES, checked_image, photo_objects
from dataset_generation.stored import StoredSample

_MOST_OBJECTS = 1000


@dataclass(frozen=True)
class CocoExport:
    """Photos in ``images/``, objects as polygons in ``annotations.json``.

    Image ids count the rows of the index from 1; annotation ids are image id x 1000 + the number
    of the object in its photo. Both stay the same when a damaged photo is mended.

    Attributes:
        sides: of each row (see ``sides_of``): with a split there is a file of annotations for
            each side, ``annotations_SIDE.json``.
    """

    sides: list[str]

    folders = ("images",)
    note = (
        "COCO instances. `images/`: the photos. `annotations_SIDE.json` for train (PTB-XL folds "
        "1 to 8), validation (9) and test (10), or one `annotations.json` where a photo has no "
        "fold. Categories 1 to 12 are the ink of a printed stretch of the leads I, II, III, aVR, "
        "aVL, aVF, V1 to V6, a rhythm strip being one of its own (`attributes.rhythm`); then "
        "lead_name (box of the printed name), pulse and paper. `file_name` is relative to "
        "`images/`; coordinates are COCO's: (0, 0) is the corner of the first pixel."
    )

    def convert(self, number: int, sample: StoredSample) -> tuple[dict[str, bytes], Any]:
        """A photo's files, and what the listing needs of it."""
        name = f"{sample.id}.{sample.image_suffix}"
        height, width = checked_image(sample).shape[:2]
        row = sample.row
        image = {"id": number + 1, "file_name": name, "width": width, "height": height}
        image["license"] = 1
        for key in ("record_id", "patient_id", "fold", "target", "labels", "layout", "strength"):
            image[key] = row[key]
        annotations = [
            {
                "id": (number + 1) * _MOST_OBJECTS + place,
                "image_id": number + 1,
                "category_id": CATEGORIES.index(thing.category) + 1,
                "bbox": [round(value, 2) for value in thing.box()],
                "area": round(thing.area(), 2),
                "iscrowd": 0,
                "segmentation": [outline.ravel().tolist() for outline in thing.outlines],
                "attributes": thing.attributes,
            }
            for place, thing in enumerate(photo_objects(sample))
        ]
        content = sample.files[sample.image_suffix]
        return {f"images/{name}": content}, {"image": image, "annotations": annotations}

    def listing(self, entries: Iterable[tuple[int, Any]]) -> dict[str, bytes]:
        """The files of annotations.

        Args:
            entries: number of the row and second result of ``convert`` of each photo.
        """
        images: dict[str, list[bytes]] = {side: [] for side in self.sides or [""]}
        annotations: dict[str, list[bytes]] = {side: [] for side in images}
        for number, entry in entries:
            side = self.sides[number]
            images[side].append(orjson.dumps(entry["image"]))
            annotations[side] += [orjson.dumps(item) for item in entry["annotations"]]
        return {
            f"annotations{side and '_'}{side}.json": _document(images[side], annotations[side])
            for side in images
        }


def _document(images: list[bytes], annotations: list[bytes]) -> bytes:
    head = {
        "info": {"description": "PTB-V: photos of printed ECGs with exact truth", "version": "2"},
        "licenses": [{"id": 1, "name": "see data_card.md", "url": ""}],
        "categories": [
            {"id": number, "name": name, "supercategory": "lead" if number <= 12 else "page"}
            for number, name in enumerate(CATEGORIES, 1)
        ],
    }
    start = orjson.dumps(head)[:-1]
    lists = b'],\n"annotations": [\n'.join((b",\n".join(images), b",\n".join(annotations)))
    return start + b',\n"images": [\n' + lists + b"]}\n"
