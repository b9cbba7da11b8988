"""Photos of pages: parameters sampled by strength, then applied; any part of any photo alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.background import background
from dataset_generation.camera import Bend, Camera, CameraSpec
from dataset_generation.light import LightSpec, expose, light_field, relief_field
from dataset_generation.page import Page

STRENGTHS = ("clean", "scan", "photo", "hard_photo")


@dataclass(frozen=True)
class PhotoSpec:
    """Everything sampled for one photo, so that it can be remade alone.

    Attributes:
        strength: one of ``STRENGTHS``.
        camera: geometry.
        light: light, lens and sensor.
        background_seed: surface under the page.
    """

    strength: str
    camera: CameraSpec
    light: LightSpec
    background_seed: int


@dataclass(frozen=True)
class _Range:
    """Limits of one strength (design table of the scored strengths)."""

    rotation_deg: float
    quarter_turns: bool
    corner: float
    sagitta_mm: float
    folds: int
    crumple_mm: float
    gradient: float
    shadows: int
    glare: float
    blur_mm: float
    noise: float
    jpeg: tuple[int, int]


_RANGES = {
    "clean": _Range(0, False, 0, 0, 0, 0, 0, 0, 0, 0, 0, (0, 0)),
    "scan": _Range(2, False, 0, 0, 0, 0, 0.10, 0, 0, 0.06, 5, (85, 98)),
    "photo": _Range(10, False, 0.08, 6, 0, 0, 0.40, 1, 0, 0.12, 6, (70, 95)),
    "hard_photo": _Range(15, True, 0.15, 15, 4, 8, 0.60, 3, 0.5, 0.25, 12, (40, 90)),
}


def sample_photo(
    rng: np.random.Generator,
    page_size_mm: tuple[float, float],
    strength: str,
    pixels_per_mm: float | None = None,
    photo_pixels: float = 12e6,
) -> PhotoSpec:
    """Sample how a photo of a page is taken.

    Args:
        rng: source of randomness.
        page_size_mm: width and height of the page.
        strength: one of ``STRENGTHS``; ``clean`` is the page itself.
        pixels_per_mm: scale; for scans and clean pages 200 dpi where None, for photos what makes
            the page fill 60 to 95 % of the width.
        photo_pixels: pixel count of photos whose scale is not given.
    """
    if strength not in _RANGES:
        raise ValueError(f"strength must be one of {', '.join(STRENGTHS)}, not {strength!r}")
    ranges = _RANGES[strength]
    width, height = page_size_mm
    if strength in ("clean", "scan"):
        scale = pixels_per_mm or 200 / 25.4
        border = 1.0 if strength == "clean" else 1.03
        size = (round(width * scale * border), round(height * scale * border))
        turn = float(rng.uniform(-1, 1) * ranges.rotation_deg)
        camera = CameraSpec(size, scale, turn)
        if strength == "clean":
            # (0, 0) is the first pixel's centre: the page's corner lies half a pixel before.
            centre = (0.5 - 0.5 / size[0], 0.5 - 0.5 / size[1])
            camera = CameraSpec(size, scale, centre=centre)
    else:
        camera = _sample_camera(rng, ranges, page_size_mm, pixels_per_mm, photo_pixels)
    light = _sample_light(rng, strength, ranges, camera.pixels_per_mm)
    return PhotoSpec(strength, camera, light, int(rng.integers(2**31)))


def _sample_camera(
    rng: np.random.Generator,
    ranges: _Range,
    page_size_mm: tuple[float, float],
    pixels_per_mm: float | None,
    photo_pixels: float,
) -> CameraSpec:
    width, height = page_size_mm
    rotation = rng.uniform(-1, 1) * ranges.rotation_deg
    turned = False
    if ranges.quarter_turns and rng.random() < 0.3:
        quarter = int(rng.integers(1, 4))
        rotation += 90 * quarter
        turned = quarter % 2 == 1
    fill = rng.uniform(0.6, 0.95)
    angle = np.deg2rad(rotation)
    span_x = abs(width * np.cos(angle)) + abs(height * np.sin(angle))
    span_y = abs(width * np.sin(angle)) + abs(height * np.cos(angle))
    aspect = rng.choice([4 / 3, 3 / 2, 16 / 9])
    if span_y > span_x * 1.05 and not turned:
        aspect = 1 / aspect
    across = span_x / fill
    down = max(across / aspect, span_y * 1.02)
    if pixels_per_mm is None:
        pixels_per_mm = float(np.sqrt(photo_pixels / (across * down)))
    size = (round(across * pixels_per_mm), round(down * pixels_per_mm))
    free_x, free_y = 1 - span_x / across, max(0.0, 1 - span_y / down)
    centre = (0.5 + rng.uniform(-0.4, 0.4) * free_x, 0.5 + rng.uniform(-0.4, 0.4) * free_y)
    corner = ranges.corner * rng.beta(1.5, 1.5) * rng.uniform(-1, 1, (4, 2))
    # Keep shifted corners within the photo: most of the shift goes inward.
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    corner = np.where(rng.random((4, 2)) < 0.7, np.abs(corner) * inward, corner)
    bends = []
    if ranges.sagitta_mm:
        bends.append(
            Bend(
                float(rng.uniform(0, 180)),
                float(rng.uniform(0, ranges.sagitta_mm)),
                float(rng.uniform(0, 1)),
            )
        )
    crumple = 0.0
    if ranges.folds and rng.random() < 0.5:
        for direction in (rng.normal(0, 6), rng.normal(90, 6)):
            count = int(rng.integers(0, ranges.folds // 2 + 1))
            at = tuple(float(v) for v in np.sort(rng.uniform(0.15, 0.85, count)))
            sign = np.where(np.arange(count) % 2 == 0, 1, -1) * rng.choice([-1, 1])
            bends.append(
                Bend(
                    float(direction),
                    fold_at=at,
                    fold_deg=tuple(float(s) for s in sign * rng.uniform(3, 22, count)),
                )
            )
        if rng.random() < 0.5:
            crumple = float(rng.uniform(1.0, ranges.crumple_mm))
    view = rng.normal(0, 0.18, 2)
    return CameraSpec(
        size,
        float(pixels_per_mm),
        float(rotation),
        (float(centre[0]), float(centre[1])),
        tuple((float(x), float(y)) for x, y in corner),
        (float(view[0]), float(view[1])),
        tuple(bends),
        crumple,
        int(rng.integers(2**31)),
    )


def _sample_light(
    rng: np.random.Generator, strength: str, ranges: _Range, pixels_per_mm: float
) -> LightSpec:
    if strength == "clean":
        return LightSpec()
    photo = strength != "scan"
    shadows = []
    for _ in range(int(rng.integers(0, ranges.shadows + 1))):
        corner = rng.uniform(-0.2, 1.2, (1, 2))
        polygon = corner + rng.uniform(-0.9, 0.9, (int(rng.integers(3, 6)), 2))
        shadows.append(
            (
                tuple((float(x), float(y)) for x, y in polygon),
                float(rng.uniform(0.1, 0.5)),
                float(rng.choice([0.002, 0.01, 0.04])),
            )
        )
    glare = None
    if ranges.glare and rng.random() < 0.3:
        at = rng.uniform(0, 1, 2)
        glare = (
            float(at[0]),
            float(at[1]),
            float(rng.uniform(0.08, 0.3)),
            float(rng.uniform(0.1, ranges.glare)),
        )
    white = np.exp(rng.normal(0, 0.07, 3)) if photo else np.exp(rng.normal(0, 0.01, 3))
    return LightSpec(
        gradient=float(rng.uniform(0, ranges.gradient)),
        gradient_deg=float(rng.uniform(0, 360)),
        shadows=tuple(shadows),
        relief=float(rng.uniform(0.5, 2.5)) if photo else 0.0,
        relief_deg=float(rng.uniform(0, 360)),
        white_rgb=(float(white[0]), float(white[1]), float(white[2])),
        exposure=float(rng.uniform(0.6, 1.1)) if photo else float(rng.uniform(0.93, 1.03)),
        gamma=float(np.exp(rng.normal(0, 0.15))) if photo else 1.0,
        glare=glare,
        blur_px=float(rng.uniform(0, ranges.blur_mm) * pixels_per_mm),
        motion_px=float(rng.uniform(1, 1.2 * ranges.blur_mm * pixels_per_mm + 1))
        if photo and rng.random() < 0.2
        else 0.0,
        motion_deg=float(rng.uniform(0, 180)),
        noise=float(rng.uniform(0, ranges.noise)),
        moire=float(rng.uniform(0.02, 0.09)) if photo and rng.random() < 0.06 else 0.0,
        moire_period_px=float(rng.uniform(3, 16)),
        moire_deg=float(rng.uniform(0, 180)),
        grey=int(rng.choice([0, 1, 2], p=[0.9, 0.06, 0.04])) if strength != "scan" else int(
            rng.choice([0, 1, 2], p=[0.75, 0.15, 0.1])
        ),
        sharpen=float(rng.uniform(0, 1.0)) if photo else 0.0,
        jpeg_quality=int(rng.integers(ranges.jpeg[0], ranges.jpeg[1] + 1)),
        seed=int(rng.integers(2**31)),
    )  # fmt: skip


class Photo:
    """A photo of a page.

    Args:
        page: what is printed.
        spec: how the photo is taken.
    """

    def __init__(self, page: Page, spec: PhotoSpec) -> None:
        self.page = page
        self.spec = spec

    @cached_property
    def camera(self) -> Camera:
        """The geometry: ``photo_from_page`` and its inverse."""
        return Camera(self.spec.camera, (self.page.spec.width_mm, self.page.spec.height_mm))

    def take(self, roi: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
        """Render the photo or a part of it.

        Args:
            roi: left, top, width and height in photo pixels; all of it where None.

        Returns:
            ``(height, width, 3)`` uint8 RGB.
        """
        spec = self.spec
        size = spec.camera.photo_size
        left, top, width, height = roi or (0, 0, *size)
        page_x, page_y = self.camera.inverse_map((left, top, width, height))
        page_width, page_height = self.page.spec.width_mm, self.page.spec.height_mm
        scale = spec.camera.pixels_per_mm
        inside = np.minimum(
            np.minimum(page_x, page_width - page_x), np.minimum(page_y, page_height - page_y)
        )
        on_page = np.clip(inside * scale + 0.5, 0, 1).astype(np.float32)
        covered = on_page > 0
        if covered.any():
            margin = 2 / scale
            part = (
                max(0.0, float(page_x[covered].min()) - margin),
                max(0.0, float(page_y[covered].min()) - margin),
                min(page_width, float(page_x[covered].max()) + margin),
                min(page_height, float(page_y[covered].max()) + margin),
            )
            drawn = self.page.draw(scale, part)
            seen = _sample(drawn, (page_x - part[0]) * scale, (page_y - part[1]) * scale)
            image = seen.astype(np.float32)
            if spec.light.relief:
                shade = relief_field(spec.light, self.camera.height_mm, 1.5)
                at_x, at_y = (page_x + 30.0) / 1.5, (page_y + 30.0) / 1.5
                factor = cv2.remap(shade, at_x, at_y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
                image *= factor[..., None]
        else:
            image = np.zeros((height, width, 3), np.float32)
        if not covered.all():
            rng = np.random.default_rng(spec.background_seed)
            under = background(rng, width, height).astype(np.float32)
            if spec.strength in ("clean", "scan"):
                under[:] = (255, 255, 255) if spec.background_seed % 4 else (25, 25, 28)
            image = under + on_page[..., None] * (image - under)
        image *= light_field(spec.light, size, (left, top, width, height))[..., None]
        return expose(image, spec.light)


def _sample(
    image: NDArray[np.uint8], x: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """``cv2.remap`` for pictures beyond its 32767-pixel limit too."""
    if max(image.shape[:2]) >= 32767:
        raise ValueError(
            "a page drawn over 32766 pixels wide cannot be photographed; lower the scale"
        )
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
