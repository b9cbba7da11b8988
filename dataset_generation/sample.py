"""One photo of a data set: sampled from (seed, record, page), made, written with its truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.masks import four_class_mask, write_mask
from dataset_generation.page import Page
from dataset_generation.page_spec import sample_page
from dataset_generation.photo import Photo, sample_photo
from dataset_generation.ptb_v_page import ptb_v_page
from dataset_generation.sources import Entry
from dataset_generation.truth import printed_signal, truth_of, write_truth
from ecg.formats.atomic import atomic_path
from ecg.formats.wfdb_format import write_wfdb
from ecg.record import Record

FOLDERS = ("images", "masks", "truth", "signals")
_CLEAN_JPEG_QUALITY = 95


@dataclass(frozen=True)
class Recipe:
    """All that decides, with the record, how each photo looks.

    Attributes:
        seed: of the data set.
        layouts: layout ids or ``ptb-v`` in equal shares; empty for what real papers have.
        strengths: (name, share), shares adding to 1.
        megapixels: size of photos.
        pixels_per_mm: scale in its place, or None.
        image_format: ``auto``, ``jpg`` or ``png``.
        masks: whether four-class masks are written.
    """

    seed: int
    layouts: tuple[str, ...]
    strengths: tuple[tuple[str, float], ...]
    megapixels: float
    pixels_per_mm: float | None
    image_format: str
    masks: bool


@dataclass(frozen=True)
class Job:
    """One photo to make: the ``page_number``-th of a record."""

    recipe: Recipe
    folder: Path
    entry: Entry
    page_number: int
    record: Record
    target: str | None

    @property
    def photo_id(self) -> str:
        """Name of its files."""
        return photo_id(self.entry, self.page_number)


def photo_id(entry: Entry, page_number: int) -> str:
    """Name of the files of a record's page."""
    return f"{entry.name}-{page_number}"


def is_finished(folder: Path, name: str) -> bool:
    """Whether a photo is whole: its truth is written after all else."""
    return (folder / "truth" / f"{name}.json").is_file()


def sample(recipe: Recipe, entry: Entry, page_number: int, record: Record) -> Photo:
    """Sample a photo; it depends on nothing but the arguments."""
    rng = np.random.default_rng([recipe.seed, entry.number, page_number])
    names = [name for name, _ in recipe.strengths]
    strength = names[int(rng.choice(len(names), p=[share for _, share in recipe.strengths]))]
    layout = None
    if recipe.layouts:
        layout = recipe.layouts[int(rng.integers(len(recipe.layouts)))]
    page_spec = ptb_v_page() if layout == "ptb-v" else sample_page(rng, layout)
    size = (page_spec.width_mm, page_spec.height_mm)
    photo_pixels = recipe.megapixels * 1e6
    spec = sample_photo(rng, size, strength, recipe.pixels_per_mm, photo_pixels)
    return Photo(Page(page_spec, record), spec)


def make(job: Job) -> None:
    """Make one photo and write its files, the truth last."""
    photo = sample(job.recipe, job.entry, job.page_number, job.record)
    name, folder = job.photo_id, job.folder
    coded, suffix = encode(photo, job.recipe.image_format)
    image = f"images/{name}{suffix}"
    with atomic_path(folder / image) as temporary:
        temporary.write_bytes(coded.tobytes())
    mask = None
    if job.recipe.masks:
        mask = f"masks/{name}.png"
        with atomic_path(folder / mask) as temporary:
            write_mask(four_class_mask(photo), temporary)
    signal = f"signals/{name}"
    write_wfdb(printed_signal(photo.page), folder / signal)
    truth = truth_of(
        photo,
        photo_id=name,
        sampled_from=(job.recipe.seed, job.entry.number, job.page_number),
        files=(image, mask, signal),
        target=job.target,
    )
    write_truth(truth, folder / "truth" / f"{name}.json")


def encode(photo: Photo, image_format: str) -> tuple[NDArray[np.uint8], str]:
    """Take a photo and encode it.

    A JPEG is compressed once, at the quality that was sampled: decoded, it is ``photo.take()``.

    Args:
        photo: what to take.
        image_format: ``jpg``, ``png`` or ``auto``: JPEG where the photo has a JPEG quality.

    Returns:
        The file's bytes and its suffix.
    """
    light = photo.spec.light
    if image_format == "auto":
        image_format = "jpg" if light.jpeg_quality else "png"
    if image_format == "png":
        return _coded(".png", photo.take(), [cv2.IMWRITE_PNG_COMPRESSION, 4])
    raw = Photo(photo.page, replace(photo.spec, light=replace(light, jpeg_quality=0)))
    quality = light.jpeg_quality or _CLEAN_JPEG_QUALITY
    return _coded(".jpg", raw.take(), [cv2.IMWRITE_JPEG_QUALITY, quality])


def _coded(
    suffix: str, image: NDArray[np.uint8], parameters: list[int]
) -> tuple[NDArray[np.uint8], str]:
    ok, coded = cv2.imencode(suffix, np.ascontiguousarray(image[..., ::-1]), parameters)
    if not ok:
        raise ValueError(f"a picture of {image.shape[1]} x {image.shape[0]} cannot be encoded")
    return np.asarray(coded, np.uint8), suffix
