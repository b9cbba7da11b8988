"""Cases of generated pages: ``LAYOUT/STRENGTH``, with variants behind: ``3x4/clean/100dpi``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dataset_generation.kit_page import kit_page
from dataset_generation.page import Page
from dataset_generation.page_spec import PageSpec, sample_page
from dataset_generation.photo import STRENGTHS, Photo, sample_photo
from ecg.paper import LAYOUTS
from ecg.record import Record
from pipeline.benchmark import BenchmarkError

PRESETS = Path(__file__).parent / "presets"
KIT_LAYOUT = "3x4+1"
_MM_PER_INCH = 25.4
_USUAL_DPI = 200.0
_CROPPED_SHARE = 0.02
_FAR_MM = -9.0
_BLACK, _GREY, _WHITE = (45, 45, 45), (150, 150, 150), (255, 255, 255)


@dataclass(frozen=True)
class Variant:
    """What differs from a usual page or photo.

    Attributes:
        dpi: resolution; that of the strength where None.
        speed_mm_per_s, gain_mm_per_mv: as printed.
        order: lead order; any where None.
        pulse: calibration pulse; any but ``each`` where None.
        black_grid: black 5 mm lines and grey 1 mm lines on white paper.
        plain_grid: no line of the grid is bolder than the others.
        kit: the fixed page that ecg-image-kit draws.
        preset: photo preset in place of the strength's.
        cropped: the picture ends within the traces, left and right.
        names: lead names are written in another way than the usual one.
        far_names: lead names stand high above their traces, or over the middle or end of them.
        panels: every trace has a grid of its own, with room between the columns.
        no_grid: the paper is blank, but for calibration pulses.
        same_seconds: all columns show the same seconds.
    """

    dpi: float | None = None
    speed_mm_per_s: float = 25.0
    gain_mm_per_mv: float = 10.0
    order: str | None = None
    pulse: str | None = None
    black_grid: bool = False
    plain_grid: bool = False
    kit: bool = False
    preset: str | None = None
    cropped: bool = False
    names: bool = False
    far_names: bool = False
    panels: bool = False
    no_grid: bool = False
    same_seconds: bool = False


VARIANTS: dict[str, Variant] = {
    "100dpi": Variant(dpi=100),
    "150dpi": Variant(dpi=150),
    "300dpi": Variant(dpi=300),
    "50mm_per_s": Variant(speed_mm_per_s=50.0),
    "5mm_per_mv": Variant(gain_mm_per_mv=5.0),
    "20mm_per_mv": Variant(gain_mm_per_mv=20.0),
    "cabrera": Variant(order="cabrera"),
    "no_pulse": Variant(pulse="none"),
    "black_grid": Variant(black_grid=True),
    "plain_grid": Variant(plain_grid=True),
    "rotated": Variant(preset="rotated", dpi=_USUAL_DPI),
    "wrinkled": Variant(preset="wrinkled", dpi=_USUAL_DPI),
    "ecg_image_kit": Variant(kit=True),
    "cropped": Variant(cropped=True),
    "other_names": Variant(names=True),
    "far_names": Variant(far_names=True),
    "panels": Variant(panels=True),
    "no_grid": Variant(no_grid=True),
    "same_seconds": Variant(same_seconds=True),
}
"""Variants by the name that a case carries."""

PAGE_CASES: tuple[str, ...] = (
    *(f"{layout}/{strength}" for layout in LAYOUTS for strength in STRENGTHS),
    *(f"3x4+1/{strength}/cabrera" for strength in STRENGTHS),
    *(
        f"3x4+1/clean/{variant}"
        for variant in (
            "100dpi", "150dpi", "300dpi", "no_pulse", "black_grid", "plain_grid", "rotated",
            "wrinkled", "ecg_image_kit", "cropped", "other_names", "far_names", "panels",
            "no_grid", "same_seconds",
        )
    ),
    "6x2/clean/same_seconds",
    "3x4+1/photo/ecg_image_kit",
    *(
        f"3x4+1/{strength}/{variant}"
        for variant in ("50mm_per_s", "5mm_per_mv", "20mm_per_mv")
        for strength in ("clean", "photo")
    ),
)  # fmt: skip
"""The cases of generated pages that are measured by default."""


@dataclass(frozen=True)
class PageCase:
    """A kind of generated pages.

    Attributes:
        name: as written.
        layout: layout id.
        strength: how the page is photographed.
        variant: what differs from the usual.
    """

    name: str
    layout: str
    strength: str
    variant: Variant = Variant()


def parse_case(name: str) -> PageCase:
    """Read a case's name.

    Raises:
        BenchmarkError: it names no layout, strength or variant that there is.
    """
    layout, _, rest = name.partition("/")
    strength, _, variant = rest.partition("/")
    for word, known, what in (
        (layout, tuple(LAYOUTS), "layout"),
        (strength, STRENGTHS, "strength"),
        (variant, ("", *VARIANTS), "variant"),
    ):
        if word not in known:
            there = ", ".join(one for one in known if one)
            raise BenchmarkError(f"case {name!r}: there is no {what} {word!r}; take one of {there}")
    found = PageCase(name, layout, strength, VARIANTS[variant] if variant else Variant())
    if found.variant.kit and layout != KIT_LAYOUT:
        raise BenchmarkError(f"case {name!r}: ecg_image_kit pages have the layout {KIT_LAYOUT}")
    return found


def usual_page(rng: np.random.Generator, layout: str, variant: Variant | None = None) -> PageSpec:
    """A random page of a layout, at 25 mm/s and 10 mm/mV and with consecutive columns by default.

    A page of another speed or gain says so, in print or, of the gain, by its pulses: where it
    does not, nobody could tell.
    """
    wanted = variant or Variant()
    if wanted.kit:
        return kit_page(rng)
    whole_s = 10.0 * 25.0 / wanted.speed_mm_per_s
    while True:
        spec = sample_page(rng, layout)
        scales = (spec.speed_mm_per_s, spec.gain_mm_per_mv)
        if scales != (wanted.speed_mm_per_s, wanted.gain_mm_per_mv):
            continue
        if spec.simultaneous or spec.pulse == "each" or wanted.pulse not in (None, spec.pulse):
            continue
        if wanted.no_grid and spec.pulse == "none":
            continue
        if wanted.plain_grid and (spec.grid.dotted or not spec.grid.minor_width_mm):
            continue
        if wanted.order not in (None, spec.order) or (wanted.names and spec.name_style == "usual"):
            continue
        far = spec.name_share > 0 or spec.name_dy_mm < _FAR_MM
        if (wanted.far_names and not far) or (wanted.panels and not spec.grid.panels_mm):
            continue
        printed = any("mm" in text.text.lower() for text in spec.texts)
        if spec.speed_mm_per_s != Variant.speed_mm_per_s and not printed:
            continue
        if spec.gain_mm_per_mv != Variant.gain_mm_per_mv and not printed and spec.pulse == "none":
            continue
        if spec.duration_s == whole_s or layout == "strip":
            break
    if wanted.no_grid:
        grid = replace(spec.grid, major_width_mm=0.0, minor_width_mm=0.0, frame=False, panels_mm=())
        spec = replace(spec, grid=grid)
    if wanted.same_seconds:
        spec = replace(spec, simultaneous=True)
    if wanted.plain_grid:
        rgb, width_mm = spec.grid.minor_rgb, spec.grid.minor_width_mm
        grid = replace(spec.grid, major_rgb=rgb, major_width_mm=width_mm, major_dots_mm=0.0)
        spec = replace(spec, grid=grid)
    if wanted.black_grid:
        grid = replace(spec.grid, major_rgb=_BLACK, minor_rgb=_GREY)
        spec = replace(spec, grid=grid, paper_rgb=_WHITE)
    return spec


def make_photo(record: Record, case: PageCase, seed: int) -> Photo:
    """The benchmark's photo of a record: the same for the same seed."""
    number = int("".join(ch for ch in record.record_id if ch.isdigit()) or 0)
    rng = np.random.default_rng([seed, number, sorted(STRENGTHS).index(case.strength)])
    spec = usual_page(rng, case.layout, case.variant)
    size_mm = (spec.width_mm, spec.height_mm)
    variant = case.variant
    preset = str(PRESETS / f"{variant.preset}.toml") if variant.preset else case.strength
    scale = variant.dpi / _MM_PER_INCH if variant.dpi else None
    return Photo(Page(spec, record), sample_photo(rng, size_mm, preset, scale))


def shown_part(photo: Photo, case: PageCase) -> tuple[int, int, int, int] | None:
    """The part of the photo that is read: left, top, width and height in pixels; None for all."""
    if not case.variant.cropped:
        return None
    across = np.concatenate([points[:, 0] for points in photo.trace_points])
    left, right = float(across.min()), float(across.max())
    off = _CROPPED_SHARE * (right - left)
    first, last = round(left + off), round(right - off)
    return first, 0, last - first, photo.spec.camera.photo_size[1]
