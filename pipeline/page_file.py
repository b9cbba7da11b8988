"""A page mended by hand: the JSON file that tells its parts, and the mask that it may name."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitization.given import GivenPage
from ecg.page_parts import PagePartsError, parse_page_parts
from pipeline.photos import MAX_MEGAPIXELS, Photo, PhotoError, load_photos

MAX_FILE_MB = 16.0


class PageFileError(Exception):
    """A page file that cannot be used; the message is one sentence for the user."""


def read_page_file(path: Path, photos: list[Path], max_megapixels: float) -> GivenPage:
    """Reads the parts of a page and holds them against its photo.

    Args:
        path: JSON file as ``docs/CORRECTION.md`` describes it, or a ``result.json``.
        photos: the photos of the run; a page file describes one.
        max_megapixels: see ``load_photos``.

    Raises:
        PageFileError: there is not one photo of one page, or the parts cannot be in it.
        PhotoError: the photo cannot be opened.
    """
    if len(photos) != 1:
        raise PageFileError(f"{path} describes one photo, but {len(photos)} were given.")
    pages = list(islice(load_photos(photos[0], max_megapixels), 2))
    if len(pages) > 1:
        raise PageFileError(f"{path} describes one page, but {photos[0]} has several.")
    try:
        parts = parse_page_parts(_read(path))
        mask = None
        if parts.mask is not None:
            mask = _read_mask(path, parts.mask)
        given = GivenPage(parts, mask)
        given.check_photo(pages[0].pixels)
    except PagePartsError as error:
        raise PageFileError(f"{path}: {error}") from error
    return given


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_MB * 2**20:
            raise PageFileError(f"{path} is larger than {MAX_FILE_MB:g} MB; it is no page file.")
        return path.read_bytes()
    except OSError as error:
        raise PageFileError(f"Cannot read {path}: {error.strerror or error}.") from error


def _read_mask(page_file: Path, name: str) -> NDArray[np.uint8]:
    """The mask that a page file names, ``(h, w)`` uint8; it lies in the file's folder."""
    folder = page_file.parent.resolve()
    try:
        path = (folder / name).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise PagePartsError(f"mask: {name!r} cannot be the name of a file.") from error
    if not path.is_relative_to(folder):
        raise PagePartsError(f"mask: {name!r} leads out of the folder of the page file.")
    try:
        photo: Photo = next(load_photos(path, MAX_MEGAPIXELS))
    except PhotoError as error:
        raise PagePartsError(f"mask: {error}") from error
    ink: NDArray[np.uint8] = photo.pixels.max(axis=2)
    return ink
