"""``ecgphoto readings``: photos in, a set of readings to train on out."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dataset_generation.readings import Gate, PhotoItem, write_readings
from dataset_generation.readings_augmentation import augment_readings
from dataset_generation.readings_folder import ReadingsError
from dataset_generation.stored import StoredDataset
from ecg.reading import Reading
from pipeline.command import EXIT_NOT_ALL_READ, EXIT_OK, EXIT_USAGE
from pipeline.inputs import collect_photos
from pipeline.photos import MAX_MEGAPIXELS, PhotoError, load_photos
from pipeline.readings_options import ReadingsOptions

AUGMENTED_FOLDER = "augmented"
_INDEX_FILE = "index.csv"
_COLUMNS = ("id", "image", "record_id", "patient_id", "fold", "target", "labels")


def run_readings(options: ReadingsOptions) -> int:
    """Read photos into a set; the same options go on with one that was stopped.

    Returns:
        0 if all were kept, 3 if some were not, 2 if nothing could be done.
    """
    try:
        items = items_of(options.photos, options.out, options.max_megapixels)
        read, reader = _load_reader()
        gate = Gate(options.min_quality, options.min_leads)
        with tqdm(total=len(items), unit="photo", file=sys.stderr, disable=options.quiet) as bar:
            rows = write_readings(items, read, options.out, gate, bar.update, reader=reader)
        counts = Counter(row.status for row in rows)
        told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        sys.stderr.write(f"{told}; see {options.out}\n")
        if options.augment and counts["kept"]:
            folder = options.out / AUGMENTED_FOLDER
            made = augment_readings(options.out, folder, options.augment, options.seed)
            sys.stderr.write(f"{len(made)} made by augmentation; see {folder}\n")
    except (PhotoError, ReadingsError) as error:
        sys.stderr.write(f"ecgphoto: {error}\n")
        return EXIT_USAGE
    return EXIT_OK if counts["kept"] == len(rows) else EXIT_NOT_ALL_READ


def items_of(
    photos: Sequence[str], exclude: Path | None = None, max_megapixels: float = MAX_MEGAPIXELS
) -> list[PhotoItem]:
    """The photos that a command line names.

    A folder with an ``index.csv`` is a data set of ``ecgphoto generate``; of all else nothing is
    known but the picture, and the path is the record's id.

    Args:
        photos: data sets, files, folders, patterns.
        exclude: a folder whose files are not taken.
        max_megapixels: as of ``load_photos``.

    Raises:
        PhotoError: if something does not exist, holds no photo, or an index is none.
    """
    data_sets = [Path(given) for given in photos if (Path(given) / _INDEX_FILE).is_file()]
    items = [item for folder in data_sets for item in _indexed(folder)]
    plain = [given for given in photos if Path(given) not in data_sets]
    if not items or plain:
        taken = {item.id for item in items}
        for path in collect_photos(plain, exclude):
            stem = re.sub(r"[^A-Za-z0-9_-]+", "_", path.stem)
            names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
            name = next(name for name in names if name not in taken)
            taken.add(name)
            items.append(PhotoItem(name, partial(_pixels, path, max_megapixels), path.as_posix()))
    return items


def _indexed(folder: Path) -> Iterator[PhotoItem]:
    dataset = StoredDataset(folder)
    missing = sorted(set(_COLUMNS) - set(dataset.rows[0] if dataset.rows else _COLUMNS))
    if missing:
        raise PhotoError(f"{folder / _INDEX_FILE} is no index of a data set: it lacks {missing}.")
    for line, row in enumerate(dataset.rows, 2):
        try:
            yield PhotoItem(
                row["id"],
                partial(dataset.picture, row),
                row["record_id"],
                row["patient_id"] or None,
                int(row["fold"]) if row["fold"] else None,
                row["target"] or None,
                tuple(row["labels"].split()),
            )
        except ValueError as error:
            raise PhotoError(f"{folder / _INDEX_FILE}, line {line}: {error}.") from error


def _pixels(path: Path, max_megapixels: float) -> NDArray[np.uint8]:
    photos = load_photos(path, max_megapixels)
    pixels = next(photos).pixels
    if next(photos, None) is not None:
        raise PhotoError(f"{path.name} has several pages: save each as a file of its own.")
    return pixels


def _load_reader() -> tuple[Callable[[NDArray[np.uint8]], Reading], str]:
    """The reader that ships, and what tells it from others."""
    import checkpoints
    from learning.checkpoint import read_config
    from pipeline.digitizer import Digitizer
    from segmentation.looks import NAMES

    networks = (read_config(checkpoints.path(name))["sha256"][:12] for name in NAMES.values())
    return Digitizer.load().digitize, " ".join(networks)
