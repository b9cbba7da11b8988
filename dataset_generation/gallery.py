"""A gallery of what the generator draws: layouts, papers, presets and every effect alone."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.coding import coded
from dataset_generation.contact_sheet import coloured_mask, fitted
from dataset_generation.masks import four_class_mask, lead_masks
from dataset_generation.page import Page
from dataset_generation.page_presets import page_of, page_preset_names
from dataset_generation.page_spec import load_page_preset, sample_page
from dataset_generation.photo import Photo, sample_photo
from dataset_generation.photo_preset import Copy, Effect, PhotoPreset, load_preset, preset_names
from dataset_generation.sources import RecordSource
from ecg.formats.atomic import atomic_path
from ecg.paper import LAYOUTS
from ecg.record import Record

Image = NDArray[np.uint8]

_COLUMNS = 3
_TITLE_PX = 24
_PIXELS = 1.5e6
_LEAD_COLOURS = 180  # hues of OpenCV


def make_gallery(source: RecordSource, folder: Path) -> list[Path]:
    """Draw the gallery and its page ``README.md``.

    Args:
        source: at least one record.
        folder: where to; made if it is not there.

    Raises:
        OSError: if the folder cannot be written.
    """
    record = source.read(source.entries[0])
    sheets: dict[str, tuple[str, list[tuple[str, Image]]]] = {
        "layouts": ("Layouts, as papers carry them", _layouts(record)),
        "grids_and_inks": ("Grids and looks of print", _prints(record)),
        "pages": ("Page presets", _pages(record)),
        "presets": ("Photo presets: three photos of each", _presets(record)),
        "effects": ("Every effect of `hard_photo` alone, and copies", _effects(record)),
        "truth": ("Truth: photo, four classes, ink of each lead", _truth(record)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    lines = ["# Gallery of PTB-V", f"Made by `ecgphoto gallery`. {source.credit}"]
    for name, (title, tiles) in sheets.items():
        path = folder / f"{name}.jpg"
        content = coded("jpg", _sheet(tiles), [cv2.IMWRITE_JPEG_QUALITY, 82])
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
        lines += [f"## {title}", f"![{title}]({name}.jpg)"]
        written.append(path)
    with atomic_path(folder / "README.md") as temporary:
        temporary.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return written


def _sheet(tiles: list[tuple[str, Image]]) -> Image:
    """Pictures with their titles in rows of three."""
    framed = []
    for title, image in tiles:
        picture = fitted(image)
        caption = np.full((_TITLE_PX, picture.shape[1], 3), 255, np.uint8)
        cv2.putText(
            caption, title, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.48, (30, 30, 30), 1, cv2.LINE_AA
        )
        framed.append(np.vstack([caption, picture]))
    while len(framed) % _COLUMNS:
        framed.append(np.full_like(framed[0], 255))
    return np.vstack([np.hstack(framed[k : k + _COLUMNS]) for k in range(0, len(framed), _COLUMNS)])


def _photo(
    record: Record,
    seed: int,
    strength: str,
    pages: str = "papers",
    preset: PhotoPreset | None = None,
) -> Photo:
    rng = np.random.default_rng(seed)
    spec = page_of(pages, rng, "3x4+1" if pages == "papers" else None)
    size = (spec.width_mm, spec.height_mm)
    return Photo(Page(spec, record), sample_photo(rng, size, strength, None, _PIXELS, preset))


def _layouts(record: Record) -> list[tuple[str, Image]]:
    tiles = []
    for layout in LAYOUTS:
        for order in ("standard", "cabrera") if layout in ("3x4+1", "12x1") else ("standard",):
            preset = replace(
                load_page_preset("papers"), speeds={"25": 1}, gains={"10": 1}, clipped=0.0,
                cabrera=float(order == "cabrera"),
            )  # fmt: skip
            spec = sample_page(np.random.default_rng(len(layout)), layout, preset)
            tiles.append((f"{layout}, {order}", Page(spec, record).draw(4.0)))
    return tiles


def _prints(record: Record) -> list[tuple[str, Image]]:
    papers = load_page_preset("papers")
    tiles = []
    for kind, names in (
        ("grids", ("both", "major", "dotted", "dots", "minor", "none")),
        ("looks", ("laser", "inkjet", "thermal", "faded")),
    ):
        for number, name in enumerate(names):
            preset = replace(papers, **{kind: {name: 1.0}})  # type: ignore[arg-type]
            spec = sample_page(np.random.default_rng(20 + number), "3x4", preset)
            page = Page(spec, record).draw(6.0)
            tiles.append((f"{kind[:-1]}: {name}", page[300:800, 200:900]))
    return tiles


def _pages(record: Record) -> list[tuple[str, Image]]:
    return [
        (name, Page(page_of(name, np.random.default_rng(1)), record).draw(4.0))
        for name in page_preset_names()
    ]


def _presets(record: Record) -> list[tuple[str, Image]]:
    tiles = []
    for name in preset_names():
        pages = "ptb-v" if name == "ptbv_2022" else "papers"
        for seed in range(3):
            tiles.append((name, _photo(record, seed, name, pages).take()))
    return tiles


def _effects(record: Record) -> list[tuple[str, Image]]:
    hard = load_preset("hard_photo")
    bare = PhotoPreset(frame=replace(hard.frame, surfaces=("wood",)))
    alone = {
        field.name: getattr(hard, field.name)
        for field in fields(hard)
        if isinstance(getattr(hard, field.name), Effect)
        and getattr(hard, field.name).probability > 0
        and field.name not in ("copy", "jpeg", "relief")
    }
    alone["moire"] = load_preset("screen").moire
    alone["streaks"] = load_preset("photocopy").streaks
    tiles = [("nothing", _photo(record, 3, "hard_photo", preset=bare).take())]
    for name, effect in alone.items():
        preset = replace(bare, **{name: replace(effect, probability=1.0)})
        if name in ("curl", "folds", "crumple"):
            preset = replace(preset, relief=hard.relief)
        tiles.append((name, _photo(record, 3, "hard_photo", preset=preset).take()))
    for kind in ("grey", "photocopy", "fax"):
        shares = {other: float(other == kind) for other in ("grey", "photocopy", "fax")}
        preset = replace(bare, copy=Copy(1.0, **shares))
        tiles.append((f"copy: {kind}", _photo(record, 3, "hard_photo", preset=preset).take()))
    return tiles


def _truth(record: Record) -> list[tuple[str, Image]]:
    photo = _photo(record, 5, "hard_photo")
    leads = lead_masks(photo)
    picture = np.full((*leads.shape, 3), 255, np.uint8)
    for lead in range(12):
        hue = np.array([[[lead * _LEAD_COLOURS // 12, 220, 200]]], np.uint8)
        colour = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0]
        ink = cv2.dilate(((leads >> lead) & 1).astype(np.uint8), np.ones((3, 3), np.uint8))
        picture[ink > 0] = colour
    return [
        ("photo", photo.take()),
        ("four classes", coloured_mask(four_class_mask(photo, leads))),
        ("leads", picture),
    ]
