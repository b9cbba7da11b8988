"""One photo of a data set: sampled from (seed, record, page), made, with its truth, as files."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from dataset_generation.coding import coded
from dataset_generation.masks import four_class_mask, lead_masks, lead_masks_png, mask_png
from dataset_generation.page import Page
from dataset_generation.page_presets import page_of
from dataset_generation.page_spec import PagePreset
from dataset_generation.photo import Photo, sample_photo
from dataset_generation.photo_preset import PhotoPreset
from dataset_generation.sources import Entry
from dataset_generation.truth import PhotoTruth, printed_signal, truth_json, truth_of
from ecg.formats.wfdb_format import wfdb_files
from ecg.record import Record

_CLEAN_JPEG_QUALITY = 95


@dataclass(frozen=True)
class Recipe:
    """All that decides, with the record, how each photo looks.

    Attributes:
        seed: of the data set.
        pages: page preset.
        layouts: layout ids in equal shares; empty for the preset's.
        strengths: (photo preset, share), shares adding to 1.
        megapixels: size of photos.
        pixels_per_mm: scale in its place, or None.
        image_format: ``auto``, ``jpg`` or ``png``.
        masks: whether masks are written.
        page_preset: what pages are sampled from; the preset of the name where None.
        photo_presets: one for each strength; the presets of the names where empty. A cluster's
            machines need not have the files.
    """

    seed: int
    pages: str
    layouts: tuple[str, ...]
    strengths: tuple[tuple[str, float], ...]
    megapixels: float
    pixels_per_mm: float | None
    image_format: str
    masks: bool
    page_preset: PagePreset | None = None
    photo_presets: tuple[PhotoPreset, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One made photo.

    Attributes:
        id: its name.
        files: content by suffix: ``jpg`` or ``png``, ``mask.png``, ``leads.png``, ``hea``,
            ``dat`` and ``json`` (the truth).
        truth: the truth.
    """

    id: str
    files: dict[str, bytes]
    truth: PhotoTruth


def photo_id(entry: Entry, page_number: int) -> str:
    """Name of the files of a record's page."""
    return f"{entry.name}-{page_number}"


def sample(recipe: Recipe, entry: Entry, page_number: int, record: Record) -> Photo:
    """Sample a photo; it depends on nothing but the arguments."""
    rng = np.random.default_rng([recipe.seed, entry.number, page_number])
    names = [name for name, _ in recipe.strengths]
    chosen = int(rng.choice(len(names), p=[share for _, share in recipe.strengths]))
    preset = recipe.photo_presets[chosen] if recipe.photo_presets else None
    layout = None
    if recipe.layouts:
        layout = recipe.layouts[int(rng.integers(len(recipe.layouts)))]
    page_spec = page_of(recipe.pages, rng, layout, recipe.page_preset)
    size = (page_spec.width_mm, page_spec.height_mm)
    photo_pixels = recipe.megapixels * 1e6
    spec = sample_photo(rng, size, names[chosen], recipe.pixels_per_mm, photo_pixels, preset)
    if recipe.image_format == "jpg" and not spec.light.jpeg_quality:
        # A clean page that is wanted as JPEG: its quality is part of what it is remade from.
        spec = replace(spec, light=replace(spec.light, jpeg_quality=_CLEAN_JPEG_QUALITY))
    return Photo(Page(page_spec, record), spec)


def make(
    recipe: Recipe, entry: Entry, page_number: int, record: Record, target: str | None
) -> Sample:
    """Make one photo with all its files; they depend on nothing but the arguments."""
    photo = sample(recipe, entry, page_number, record)
    name = photo_id(entry, page_number)
    coded, suffix = encode(photo, recipe.image_format)
    files = {suffix: coded}
    if recipe.masks:
        leads = lead_masks(photo)
        files["mask.png"] = mask_png(four_class_mask(photo, leads))
        files["leads.png"] = lead_masks_png(leads)
    files["hea"], files["dat"] = wfdb_files(printed_signal(photo.page), name)
    truth = truth_of(
        photo,
        photo_id=name,
        sampled_from=(recipe.seed, entry.number, page_number),
        files=(
            f"{name}.{suffix}",
            f"{name}.mask.png" if recipe.masks else None,
            f"{name}.leads.png" if recipe.masks else None,
            name,
        ),
        target=target,
    )
    files["json"] = truth_json(truth)
    return Sample(name, files, truth)


def encode(photo: Photo, image_format: str) -> tuple[bytes, str]:
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
        return coded("png", photo.take(), [cv2.IMWRITE_PNG_COMPRESSION, 4]), "png"
    raw = Photo(photo.page, replace(photo.spec, light=replace(light, jpeg_quality=0)))
    raw.camera = photo.camera  # the same; made only once
    quality = light.jpeg_quality or _CLEAN_JPEG_QUALITY
    return coded("jpg", raw.take(), [cv2.IMWRITE_JPEG_QUALITY, quality]), "jpg"
