"""A folder of pictures augmented: photographed copies with their masks and keypoints.

A copy depends on (seed, the picture's path in its folder, the copy's number) and the picture
alone. Its ``parameters`` file is written last: a copy that has one is finished.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import orjson
from numpy.typing import NDArray
from PIL import Image

from dataset_generation.coding import coded
from dataset_generation.flat_pictures import (
    FlatPicture,
    Mask,
    PictureError,
    PictureFiles,
    find_pictures,
    read_picture,
)
from dataset_generation.photo import PhotoSpec
from dataset_generation.photo_preset import load_preset
from dataset_generation.photograph import Photograph, Photographed
from dataset_generation.plain_data import from_plain, to_plain
from dataset_generation.store import PlaceTakenError, Store

FORMAT = "ecgphoto augmented 1"
SETTINGS_FILE = "augment.json"
LIST_FILE = "augmented.csv"
LIST_COLUMNS = (
    "image", "mask", "keypoints", "parameters", "source", "copy", "width", "height",
    "points", "visible", "effects",
)  # fmt: skip
MAX_MEGAPIXELS = 120.0
_INDENTED = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
_JSON = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


class AugmentError(ValueError):
    """Nothing can be made; the message says why and what to do."""


@dataclass
class Augmented:
    """What a run did: copies written and found finished, pictures left out with reasons."""

    written: int = 0
    kept: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


def augment_folder(
    images: Path,
    out: Path,
    photograph: Photograph,
    copies: int = 1,
    seed: int = 0,
    max_megapixels: float = MAX_MEGAPIXELS,
    started: Callable[[int], object] = lambda _: None,
    advance: Callable[[int], object] = lambda _: None,
) -> Augmented:
    """Write photographed copies of every picture, or go on with a stopped run.

    Args:
        images: folder of pictures (see ``dataset_generation.flat_pictures``).
        out: folder of the copies.
        photograph: how they are made.
        copies: of each picture; more of them later are added to those that are there.
        seed: of all randomness.
        max_megapixels: larger pictures are refused before they are decoded.
        started: called once, with the number of copies.
        advance: called with the number of copies that are done with.

    Returns:
        Counts, and the pictures that could not be read with the reason of each.

    Raises:
        AugmentError: if there is no picture, or the folder of the copies cannot be used.
    """
    if out.resolve().is_relative_to(images.resolve()):
        raise AugmentError(f"{out} lies in {images}, whose pictures are read: name another --out")
    try:
        pictures = find_pictures(images)
    except PictureError as error:
        raise AugmentError(str(error)) from error
    started(len(pictures) * copies)
    done = Augmented()
    rows: list[dict[str, Any]] = []
    store = Store(out)
    try:
        _claim(store, photograph, seed)
        taken: dict[str, str] = {}
        for files in pictures:
            first = taken.setdefault(files.key, files.name)
            if first != files.name:
                reason = f"{first} and {files.name} differ in their suffix alone: rename one"
                done.failures.append((files.name, reason))
            else:
                rows += _copies(store, photograph, files, copies, seed, max_megapixels, done)
            advance(copies)
        store.write_table(LIST_FILE, LIST_COLUMNS, rows)
    except PlaceTakenError as error:
        raise AugmentError(str(error)) from error
    except OSError as error:
        raise AugmentError(
            f"cannot write to {out}: {error.strerror or error}; the same command goes on"
        ) from error
    return done


def remake(parameters: Path, images: Path, max_megapixels: float = MAX_MEGAPIXELS) -> Photographed:
    """Make one copy again, from its ``parameters`` file and the picture that it was made of.

    Args:
        parameters: the copy's file.
        images: the folder of the pictures.
        max_megapixels: as of ``augment_folder``.

    Raises:
        ValueError: if the file is none, or the picture is gone, changed or damaged.
    """
    data = orjson.loads(parameters.read_bytes())
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"{parameters} is no {FORMAT!r}")
    files = next((files for files in find_pictures(images) if files.name == data["source"]), None)
    if files is None:
        raise PictureError(f"there is no picture {data['source']} in {images}")
    if data["source_sha256"] != _digest(files):
        raise PictureError(f"{data['source']} is another picture than the copy was made of")
    spec = from_plain(PhotoSpec, data["photo_spec"])
    photograph = Photograph(long_side_mm=data["long_side_mm"])
    return _replayed(photograph, spec, read_picture(files, max_megapixels))


def _copies(
    store: Store,
    photograph: Photograph,
    files: PictureFiles,
    copies: int,
    seed: int,
    max_megapixels: float,
    done: Augmented,
) -> list[dict[str, Any]]:
    """Make those copies of a picture that are missing; returns the rows of all."""
    rows = []
    picture = None
    try:
        digest = _digest(files)
        for number in range(copies):
            name = f"{files.key}-a{number}"
            parameters = f"parameters/{name}.json"
            if store.exists(parameters):
                document = orjson.loads(store.read(parameters))
                if document["source_sha256"] != digest:
                    raise PictureError(
                        f"{files.name} has changed since its copies were made: name another --out"
                    )
                rows.append(document["row"])
                done.kept += 1
                continue
            picture = picture or read_picture(files, max_megapixels)
            rng = np.random.default_rng([seed, _number_of(files.name), number])
            spec = photograph.sample(rng, (picture.image.shape[1], picture.image.shape[0]))
            row = _write_copy(store, photograph, spec, picture, name)
            row |= {"parameters": parameters, "source": files.name, "copy": number}
            document = {
                "format": FORMAT,
                "source": files.name,
                "source_sha256": digest,
                "copy": number,
                "seed": seed,
                "long_side_mm": photograph.long_side_mm,
                "row": row,
                "photo_spec": to_plain(spec),
            }
            store.write(parameters, orjson.dumps(document, option=_INDENTED))
            rows.append(row)
            done.written += 1
    except ValueError as error:  # a PictureError, or a photo too large to be taken
        done.failures.append((files.name, str(error)))
    return rows


def _write_copy(
    store: Store, photograph: Photograph, spec: PhotoSpec, picture: FlatPicture, name: str
) -> dict[str, Any]:
    """Write a copy's picture, mask and keypoints; returns its row, not yet whole."""
    quality = spec.light.jpeg_quality
    # Compressed once, at the quality that was sampled: decoded, it is what ``replay`` makes.
    raw = replace(spec, light=replace(spec.light, jpeg_quality=0))
    seen = _replayed(photograph, raw, picture)
    suffix = "jpg" if quality else "png"
    parameters = [cv2.IMWRITE_JPEG_QUALITY, quality] if quality else []
    image = f"images/{name}.{suffix}"
    store.write(image, coded(suffix, seen.image, parameters))
    mask = keypoints = ""
    if picture.mask is not None:
        mask = f"masks/{name}.png"
        store.write(mask, _mask_png(seen.masks[0], picture.mask))
    if picture.keypoints is not None:
        keypoints = f"keypoints/{name}.json"
        known = {"keypoints": seen.keypoints, "visible": seen.visible.tolist()}
        if picture.labels:
            known["labels"] = picture.labels
        store.write(keypoints, orjson.dumps(known, option=_JSON))
    return {
        "image": image,
        "mask": mask,
        "keypoints": keypoints,
        "width": seen.image.shape[1],
        "height": seen.image.shape[0],
        "points": len(seen.keypoints),
        "visible": int(seen.visible.sum()),
        "effects": " ".join(effect.replace(" ", "_") for effect in spec.effects()),
    }


def _replayed(photograph: Photograph, spec: PhotoSpec, picture: FlatPicture) -> Photographed:
    masks = () if picture.mask is None else (picture.mask.values,)
    return photograph.replay(spec, picture.image, masks, picture.keypoints)


def _mask_png(values: NDArray[Any], given: Mask) -> bytes:
    """A mask as a PNG of the kind that it came from."""
    picture = Image.fromarray(np.ascontiguousarray(values))
    if given.palette is not None:
        picture.putpalette(given.palette)
    file = io.BytesIO()
    picture.save(file, format="PNG", compress_level=3)
    return file.getvalue()


def _claim(store: Store, photograph: Photograph, seed: int) -> None:
    """Refuse a place that holds something else."""
    settings = {
        "format": FORMAT,
        "seed": seed,
        "photograph": to_plain(photograph),
        "preset": to_plain(load_preset(photograph.preset)),
    }
    store.claim(
        SETTINGS_FILE,
        orjson.dumps(settings, option=_INDENTED),
        "copies made with other options",
    )


def _digest(files: PictureFiles) -> str:
    """Of the bytes of a picture, its mask and its keypoints."""
    digest = hashlib.sha256()
    try:
        for path in (files.path, *files.masks, *files.keypoints):
            digest.update(path.read_bytes())
    except OSError as error:
        raise PictureError(f"{files.name} cannot be read: {error.strerror}") from error
    digest.update(repr(files.rows).encode())
    return digest.hexdigest()


def _number_of(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
