"""Folders of pictures with masks and keypoints: found by their names, read within bounds."""

from __future__ import annotations

import csv
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
KEYPOINTS_FILE = "keypoints.csv"
_FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
_MASK_NAMES = ("{}_mask.png", "{}.mask.png")
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError)
"""What Pillow's decoders raise for damaged data."""


class PictureError(ValueError):
    """A picture, or what belongs to it, cannot be read; the message is one sentence."""


@dataclass(frozen=True)
class PictureFiles:
    """A picture of a folder and what belongs to it.

    Attributes:
        name: its path below the folder, with ``/``.
        key: the same without suffix and without a folder ``images``: the name of what is made.
        path: the picture.
        masks: its mask files; one at most is right.
        keypoints: its keypoint files; one at most is right, and none beside ``rows``.
        rows: its points in ``keypoints.csv``: x, y, label.
    """

    name: str
    key: str
    path: Path
    masks: tuple[Path, ...] = ()
    keypoints: tuple[Path, ...] = ()
    rows: tuple[tuple[float, float, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Mask:
    """A mask as its file holds it.

    Attributes:
        values: ``(h, w)`` or ``(h, w, channels)``; a palette's numbers, not its colours.
        palette: red, green, blue of each number, one after the other; None without a palette.
    """

    values: NDArray[Any]
    palette: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class FlatPicture:
    """A picture with what is known of it.

    Attributes:
        image: ``(h, w, 3)`` uint8 RGB, upright.
        mask: its mask, or None.
        keypoints: ``(n, 2)`` pixels; None where there is no file of them.
        labels: of each keypoint, or empty.
    """

    image: NDArray[np.uint8]
    mask: Mask | None = None
    keypoints: NDArray[np.float64] | None = None
    labels: tuple[str, ...] = ()


def find_pictures(folder: Path) -> list[PictureFiles]:
    """The pictures below a folder, sorted, without masks and hidden files.

    Raises:
        PictureError: if there is no folder or no picture, or ``keypoints.csv`` makes no sense.
    """
    if not folder.is_dir():
        raise PictureError(f"there is no folder {folder}")
    found = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and "masks" not in path.relative_to(folder).parts[:-1]
    }
    stems = {str(PurePosixPath(name).with_suffix("")) for name in found}
    pictures = [name for name in found if not _names_mask(name, stems)]
    if not pictures:
        raise PictureError(f"{folder} holds no picture ({', '.join(SUFFIXES)})")
    rows = _points_of_table(folder / KEYPOINTS_FILE, pictures)
    return [
        PictureFiles(
            name,
            _key(name),
            found[name],
            _there(_mask_places(folder, name)),
            _there(_keypoint_places(folder, name)),
            rows.get(name, ()),
        )
        for name in pictures
    ]


def read_picture(files: PictureFiles, max_megapixels: float) -> FlatPicture:
    """Read a picture with its mask and keypoints.

    Raises:
        PictureError: if one of them is damaged, too large or does not fit the others.
    """
    image = _read_image(files.path, max_megapixels)
    height, width = image.shape[:2]
    mask = None
    if len(files.masks) > 1:
        raise PictureError(f"{files.name} has two masks, {_names(files.masks)}: keep one")
    if files.masks:
        mask = _read_mask(files.masks[0], max_megapixels)
        if mask.values.shape[:2] != (height, width):
            size = f"{mask.values.shape[1]} x {mask.values.shape[0]}"
            raise PictureError(
                f"{files.masks[0].name} is {size} pixels, its picture {files.name} "
                f"{width} x {height}"
            )
    if len(files.keypoints) + bool(files.rows) > 1:
        every = [*files.keypoints, *([Path(KEYPOINTS_FILE)] if files.rows else [])]
        raise PictureError(f"{files.name} has keypoints in {_names(every)}: keep one")
    keypoints, labels = None, tuple(label for _, _, label in files.rows)
    if files.rows:
        keypoints = np.array([(x, y) for x, y, _ in files.rows])
    elif files.keypoints:
        keypoints, labels = _read_keypoints(files.keypoints[0])
    return FlatPicture(image, mask, keypoints, labels if any(labels) else ())


def _names(paths: Sequence[Path]) -> str:
    return " and ".join(path.name for path in paths)


def _there(places: list[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(place for place in places if place.is_file()))


def _names_mask(name: str, stems: set[str]) -> bool:
    """Whether a file is named as the mask of another picture."""
    for pattern in _MASK_NAMES:
        ending = pattern.format("")
        if name.endswith(ending) and name.removesuffix(ending) in stems:
            return True
    return False


def _key(name: str) -> str:
    path = PurePosixPath(name).with_suffix("")
    return path.relative_to("images").as_posix() if path.parts[0] == "images" else path.as_posix()


def _mask_places(folder: Path, name: str) -> list[Path]:
    path = folder / name
    near = [path.with_name(pattern.format(path.stem)) for pattern in _MASK_NAMES]
    return [*near, *(place.with_suffix(".png") for place in _beside_images(folder, name, "masks"))]


def _keypoint_places(folder: Path, name: str) -> list[Path]:
    path = folder / name
    beside = _beside_images(folder, name, "keypoints")
    return [path.with_suffix(".json"), *(place.with_suffix(".json") for place in beside)]


def _beside_images(folder: Path, name: str, other: str) -> list[Path]:
    """The picture's place if the folder ``images`` that it is in were called otherwise."""
    parts = PurePosixPath(name).parts
    places = [
        folder.joinpath(*parts[:k], other, *parts[k + 1 :])
        for k, part in enumerate(parts[:-1])
        if part == "images"
    ]
    if folder.resolve().name == "images":
        places.append(folder.resolve().parent / other / name)
    return places


def _points_of_table(
    path: Path, pictures: list[str]
) -> dict[str, tuple[tuple[float, float, str], ...]]:
    """Rows file, x, y and perhaps label, by picture."""
    if not path.is_file():
        return {}
    found: dict[str, list[tuple[float, float, str]]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            for number, row in enumerate(csv.DictReader(stream), 2):
                name = (row.get("file") or "").replace(os.sep, "/")
                if name not in pictures:
                    raise PictureError(f"{path.name}, line {number}: there is no picture {name!r}")
                point = (float(row["x"]), float(row["y"]))
                if not np.isfinite(point).all():
                    raise PictureError(f"{path.name}, line {number}: x and y must be finite")
                found.setdefault(name, []).append((*point, row.get("label") or ""))
    except PictureError:
        raise
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise PictureError(f"{path.name} must have columns file, x, y and perhaps label") from error
    return {name: tuple(points) for name, points in found.items()}


def _read_keypoints(path: Path) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    wrong = f'{path.name} holds no keypoints: {{"keypoints": [[x, y], ...]}} is read'
    try:
        data = orjson.loads(path.read_bytes())
        points = np.array(data["keypoints"], np.float64)
        labels = tuple(str(label) for label in data.get("labels") or ())
    except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise PictureError(wrong) from error
    points = points.reshape(0, 2) if not points.size else points
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise PictureError(wrong)
    if labels and len(labels) != len(points):
        raise PictureError(f"{path.name} has {len(points)} keypoints, but {len(labels)} labels")
    return points, labels


_pixel_bound = threading.Lock()


@contextmanager
def _opened(path: Path, formats: tuple[str, ...], max_megapixels: float) -> Iterator[Image.Image]:
    """A picture whose size is checked before it is decoded; damage becomes one sentence."""
    try:
        with _pixel_bound:
            # Pillow's own bound is global, and looser or stricter than what is asked for.
            before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                picture: Image.Image = Image.open(path, formats=formats)
            finally:
                Image.MAX_IMAGE_PIXELS = before
        with picture:
            megapixels = picture.width * picture.height / 1e6
            if megapixels > max_megapixels:
                raise PictureError(
                    f"{path.name} has {megapixels:.0f} megapixels, more than the "
                    f"{max_megapixels:g} that are read (--max-megapixels)"
                )
            if getattr(picture, "n_frames", 1) > 1:
                raise PictureError(f"{path.name} holds several pictures: save each as a file")
            yield picture
    except PictureError:
        raise
    except UnidentifiedImageError as error:
        raise PictureError(f"{path.name} is damaged, or no picture of its kind") from error
    except MemoryError as error:
        raise PictureError(f"{path.name} is too large for this machine's memory") from error
    except _DAMAGE as error:
        raise PictureError(f"{path.name} is cut off or damaged: it cannot be decoded") from error


def _read_image(path: Path, max_megapixels: float) -> NDArray[np.uint8]:
    with _opened(path, _FORMATS, max_megapixels) as picture:
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        if upright.mode.startswith(("I", "F")):
            raise PictureError(f"{path.name} has more than 8 bits a colour: save it with 8")
        if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
            seen = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
        return np.array(upright.convert("RGB"))


def _read_mask(path: Path, max_megapixels: float) -> Mask:
    with _opened(path, ("PNG",), max_megapixels) as picture:
        picture.load()
        palette = picture.getpalette() if picture.mode == "P" else None
        return Mask(np.array(picture), tuple(palette) if palette else None)
