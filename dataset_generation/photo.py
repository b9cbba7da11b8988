"""Photos of pages: parameters sampled by strength, then applied; any part of any photo alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.background import background
from dataset_generation.camera import (
    LATTICE_MARGIN_MM,
    LATTICE_STEP_MM,
    Bend,
    Camera,
    CameraSpec,
    InverseMap,
)
from dataset_generation.light import LightSpec, copied, expose, light_field, lit, relief_field
from dataset_generation.marks import Mark, crease, draw_marks, sample_marks
from dataset_generation.page import Page
from dataset_generation.photo_preset import Effect, PhotoPreset, load_preset

STRENGTHS = ("clean", "scan", "photo", "hard_photo")
"""Presets on which scores are given; ``preset_names()`` lists all."""

_MOST_PIXELS = 150e6
_SHADOW_EDGES = (0.002, 0.01, 0.04)


@dataclass(frozen=True)
class Finger:
    """A finger over an edge of the page: tip and root on it, width, all in mm; colour."""

    tip_mm: tuple[float, float]
    root_mm: tuple[float, float]
    width_mm: float
    rgb: tuple[int, int, int]


@dataclass(frozen=True)
class PhotoSpec:
    """Everything sampled for one photo, so that it can be remade alone.

    Attributes:
        strength: name of the preset.
        camera: geometry.
        light: light, lens and sensor.
        background_seed: surface under the page.
        surface: its kind (see ``dataset_generation.background``).
        copy: whether the sheet is a ``photocopy`` or a ``fax``, or ``none``.
        marks: what was put on the sheet, or worn off it.
        fingers: what holds it.
    """

    strength: str
    camera: CameraSpec
    light: LightSpec
    background_seed: int
    surface: str = "white"
    copy: str = "none"
    marks: tuple[Mark, ...] = ()
    fingers: tuple[Finger, ...] = ()

    def effects(self) -> tuple[str, ...]:
        """Names of what is to be seen in this photo, for counts."""
        camera, light = self.camera, self.light
        seen = {
            "quarter turn": abs(camera.rotation_deg) > 45,
            "perspective": np.any(camera.corner_shift),
            "lens": camera.lens,
            "curl": any(bend.sagitta_mm for bend in camera.bends),
            "folds": any(bend.fold_at for bend in camera.bends),
            "crumple": camera.crumple_mm,
            "shadow": light.shadows,
            "glare": light.glare,
            "motion": light.motion_px > 1,
            "moire": light.moire,
            "grey": light.grey,
            self.copy: self.copy != "none",
            "streaks": light.streaks,
            "fingers": self.fingers,
        }
        seen |= {mark.kind: True for mark in self.marks}
        return tuple(sorted(name for name, there in seen.items() if there))


def sample_photo(
    rng: np.random.Generator,
    page_size_mm: tuple[float, float],
    strength: str,
    pixels_per_mm: float | None = None,
    photo_pixels: float = 12e6,
    preset: PhotoPreset | None = None,
) -> PhotoSpec:
    """Sample how a photo of a page is taken.

    Args:
        rng: source of randomness.
        page_size_mm: width and height of the page.
        strength: a preset's name, or the path of a TOML file; ``clean`` is the page itself.
        pixels_per_mm: scale; where None, scans and clean pages have the preset's dpi, photos what
            makes the page fill the preset's share of the width.
        photo_pixels: pixel count of photos whose scale is not given.
        preset: what is sampled from in place of the preset of that name.

    Raises:
        ValueError: if there is no such preset.
    """
    preset = preset or load_preset(strength)
    if preset.frame.kind == "phone":
        camera = _sample_camera(rng, preset, page_size_mm, pixels_per_mm, photo_pixels)
    else:
        camera = _sample_scan(rng, preset, page_size_mm, pixels_per_mm)
    if camera.photo_size[0] * camera.photo_size[1] > _MOST_PIXELS:
        width, height = camera.photo_size
        raise ValueError(f"a photo of {width} x {height} pixels is too large: lower its scale")
    marks = sample_marks(rng, preset, page_size_mm)
    worn = preset.folds.worn
    marks += tuple(
        crease(rng, page_size_mm, bend.direction_deg, at, worn.draw(rng))
        for bend in camera.bends
        for at in bend.fold_at
    )
    surface = "white" if rng.random() < 0.75 else "black"
    if preset.frame.kind == "phone":
        surface = preset.frame.surfaces[int(rng.integers(len(preset.frame.surfaces)))]
    light = _sample_light(rng, preset, camera.pixels_per_mm)
    copy = "none"
    if rng.random() < preset.copy.probability:
        shares = np.array([preset.copy.grey, preset.copy.photocopy, preset.copy.fax])
        copy = ("grey", "photocopy", "fax")[int(rng.choice(3, p=shares / shares.sum()))]
    if copy == "grey":
        light, copy = replace(light, grey=True), "none"
    return PhotoSpec(
        strength,
        camera,
        light,
        int(rng.integers(2**31)),
        surface,
        copy,
        marks,
        _sample_fingers(rng, preset, page_size_mm),
    )


def _sample_scan(
    rng: np.random.Generator,
    preset: PhotoPreset,
    page_size_mm: tuple[float, float],
    pixels_per_mm: float | None,
) -> CameraSpec:
    """The page itself, or a scanner's glass a little larger than it."""
    scale = pixels_per_mm or preset.frame.dpi.draw(rng) / 25.4
    border = 1.0 if preset.frame.kind == "page" else preset.frame.border
    size = (round(page_size_mm[0] * scale * border), round(page_size_mm[1] * scale * border))
    turn = preset.rotation.deg.draw(rng) if rng.random() < preset.rotation.probability else 0.0
    stretch = 1.0
    if rng.random() < preset.stretch.probability:
        stretch = preset.stretch.factor.draw(rng)
    centre = (0.5, 0.5)
    if preset.frame.kind == "page":
        # (0, 0) is the first pixel's centre: the page's corner lies half a pixel before.
        centre = (0.5 - 0.5 / size[0], 0.5 - 0.5 / size[1])
    return CameraSpec(size, scale, turn, centre, stretch=stretch)


def _sample_camera(
    rng: np.random.Generator,
    preset: PhotoPreset,
    page_size_mm: tuple[float, float],
    pixels_per_mm: float | None,
    photo_pixels: float,
) -> CameraSpec:
    width, height = page_size_mm
    rotation = preset.rotation.deg.draw(rng) if rng.random() < preset.rotation.probability else 0.0
    turned = False
    if rng.random() < preset.rotation.quarter_turns:
        quarter = int(rng.integers(1, 4))
        rotation += 90 * quarter
        turned = quarter % 2 == 1
    stretch = 1.0
    if rng.random() < preset.stretch.probability:
        stretch = float(np.clip(preset.stretch.factor.draw(rng), 0.7, 1.4))
    fill = preset.frame.fill.draw(rng)
    angle = np.deg2rad(rotation)
    span_x = abs(width * np.cos(angle)) + abs(height * stretch * np.sin(angle))
    span_y = abs(width * np.sin(angle)) + abs(height * stretch * np.cos(angle))
    aspect = preset.frame.aspect.draw(rng)
    if span_y > span_x * 1.05 and not turned:
        aspect = 1 / aspect
    across = span_x / fill
    down = max(across / aspect, span_y * 1.02)
    if pixels_per_mm is None:
        pixels_per_mm = float(np.sqrt(photo_pixels / (across * down)))
    size = (round(across * pixels_per_mm), round(down * pixels_per_mm))
    free_x, free_y = 1 - span_x / across, max(0.0, 1 - span_y / down)
    centre = (0.5 + rng.uniform(-0.4, 0.4) * free_x, 0.5 + rng.uniform(-0.4, 0.4) * free_y)
    corner = preset.corners.shift * rng.beta(1.5, 1.5) * rng.uniform(-1, 1, (4, 2))
    # Keep shifted corners within the photo: most of the shift goes inward.
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    corner = np.where(rng.random((4, 2)) < 0.7, np.abs(corner) * inward, corner)
    if rng.random() >= preset.corners.probability:
        corner = np.zeros((4, 2))
    bends = []
    if rng.random() < preset.curl.probability:
        direction, phase = rng.uniform(0, 180), rng.uniform(0, 1)
        bends.append(Bend(float(direction), preset.curl.sagitta_mm.draw(rng), float(phase)))
    if rng.random() < preset.folds.probability:
        bends += _sample_folds(rng, preset)
    crumple = 0.0
    if rng.random() < preset.crumple.probability:
        crumple = preset.crumple.depth_mm.draw(rng)
    view = rng.normal(0, 0.18, 2)
    seed = int(rng.integers(2**31))
    lens = preset.lens.radial.draw(rng) if rng.random() < preset.lens.probability else 0.0
    return CameraSpec(
        size,
        float(pixels_per_mm),
        float(rotation),
        (float(centre[0]), float(centre[1])),
        tuple((float(x), float(y)) for x, y in corner),
        (float(view[0]), float(view[1])),
        tuple(bends),
        crumple,
        seed,
        lens,
        stretch,
    )


def _sample_folds(rng: np.random.Generator, preset: PhotoPreset) -> list[Bend]:
    """Creases shared between two directions, every other one the other way round."""
    total = max(1, preset.folds.count.count(rng))
    first = int(rng.integers(0, total + 1))
    bends = []
    for direction, count in ((rng.normal(0, 6), first), (rng.normal(90, 6), total - first)):
        if not count:
            continue
        at = tuple(float(v) for v in np.sort(rng.uniform(0.15, 0.85, count)))
        sign = np.where(np.arange(count) % 2 == 0, 1, -1) * rng.choice([-1, 1])
        degrees = tuple(float(s * preset.folds.deg.draw(rng)) for s in sign)
        bends.append(Bend(float(direction), fold_at=at, fold_deg=degrees))
    return bends


def _sample_light(rng: np.random.Generator, preset: PhotoPreset, pixels_per_mm: float) -> LightSpec:
    def happens(effect: Effect) -> bool:
        return bool(rng.random() < effect.probability)

    found: dict[str, Any] = {}
    if happens(preset.gradient):
        found["gradient"] = preset.gradient.share.draw(rng)
        found["gradient_deg"] = float(rng.uniform(0, 360))
    if happens(preset.shadows):
        found["shadows"] = tuple(
            _ellipse(rng, preset) if preset.shadows.ellipse else _shadow(rng, preset)
            for _ in range(preset.shadows.count.count(rng))
        )
    if happens(preset.glare):
        x, y = rng.uniform(0, 1, 2)
        radius = float(rng.uniform(0.08, 0.3))
        found["glare"] = (float(x), float(y), radius, preset.glare.strength.draw(rng))
    if happens(preset.relief):
        found["relief"] = preset.relief.strength.draw(rng)
        found["relief_deg"] = float(rng.uniform(0, 360))
    if happens(preset.tone):
        tone = preset.tone
        found["white_rgb"] = tuple(tone.white.draw(rng) for _ in range(3))
        found["exposure"] = tone.exposure.draw(rng)
        found["gamma"] = tone.gamma.draw(rng)
        found["contrast"] = tone.contrast.draw(rng)
    if happens(preset.blur):
        found["blur_px"] = max(0.0, preset.blur.sigma_mm.draw(rng)) * pixels_per_mm
    if happens(preset.motion):
        found["motion_px"] = 1 + preset.motion.length_mm.draw(rng) * pixels_per_mm
        found["motion_deg"] = float(rng.uniform(0, 180))
    if happens(preset.noise):
        found["noise"] = max(0.0, preset.noise.sigma.draw(rng))
    if happens(preset.moire):
        found["moire"] = preset.moire.amplitude.draw(rng)
        found["moire_period_px"] = float(rng.uniform(3, 16))
        found["moire_deg"] = float(rng.uniform(0, 180))
    if happens(preset.streaks):
        found["streaks"] = tuple(
            (float(rng.uniform(0, 1)), float(rng.integers(1, 4)), float(rng.normal(0, 35)))
            for _ in range(preset.streaks.count.count(rng))
        )
    if happens(preset.sharpen):
        found["sharpen"] = preset.sharpen.strength.draw(rng)
    if happens(preset.jpeg):
        found["jpeg_quality"] = preset.jpeg.quality.count(rng)
    return LightSpec(**found, seed=int(rng.integers(2**31)))


def _shadow(rng: np.random.Generator, preset: PhotoPreset) -> tuple[Any, float, float]:
    corner = rng.uniform(-0.2, 1.2, (1, 2))
    polygon = corner + rng.uniform(-0.9, 0.9, (int(rng.integers(3, 6)), 2))
    depth = preset.shadows.depth.draw(rng)
    edge = _SHADOW_EDGES[int(rng.integers(len(_SHADOW_EDGES)))]
    return tuple((float(x), float(y)) for x, y in polygon), depth, edge


def _ellipse(rng: np.random.Generator, preset: PhotoPreset) -> tuple[Any, float, float]:
    """The first PTB-V's: about as large as the paper, dark or bright, very soft."""
    low, high = rng.normal(0, 0.1), rng.normal(1, 0.1)
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    outline = (low + high) / 2 + (high - low) / 2 * np.stack([np.cos(turn), np.sin(turn)], -1)
    depth = preset.shadows.depth.draw(rng) * (1 - 2 * rng.beta(0.3, 0.3))
    return tuple((float(x), float(y)) for x, y in outline), float(depth), 0.02


def _sample_fingers(
    rng: np.random.Generator, preset: PhotoPreset, page_size_mm: tuple[float, float]
) -> tuple[Finger, ...]:
    if rng.random() >= preset.fingers.probability:
        return ()
    width, height = page_size_mm
    fingers = []
    skin = np.array([205, 150, 120]) * rng.uniform(0.35, 1.1) + rng.normal(0, 8, 3)
    r, g, b = (int(v) for v in np.clip(skin, 10, 250))
    for _ in range(preset.fingers.count.count(rng)):
        side, along = int(rng.integers(4)), float(rng.uniform(0.1, 0.9))
        reach, lean = float(rng.uniform(4, 20)), float(rng.normal(0, 12))
        x, y = along * width, along * height
        tips = ((x, reach), (width - reach, y), (x, height - reach), (reach, y))
        roots = (
            (x + lean, -90.0),
            (width + 90, y + lean),
            (x + lean, height + 90),
            (-90, y + lean),
        )
        fingers.append(Finger(tips[side], roots[side], float(rng.uniform(13, 19)), (r, g, b)))
    return tuple(fingers)


@dataclass(frozen=True, eq=False)
class Raster:
    """A flat sheet, or a part of it, as pixels.

    Attributes:
        image: ``(h, w, 3)`` uint8 RGB; marks are drawn into it.
        pixels_per_mm: its scale.
        origin_mm: place on the sheet of its first pixel's centre.
    """

    image: NDArray[np.uint8]
    pixels_per_mm: float
    origin_mm: tuple[float, float]


class SheetPhoto(ABC):
    """A photo of any flat sheet.

    Args:
        size_mm: width and height of the sheet.
        spec: how the photo is taken.
    """

    def __init__(self, size_mm: tuple[float, float], spec: PhotoSpec) -> None:
        self.size_mm = size_mm
        self.spec = spec

    @abstractmethod
    def _raster(self, pixels_per_mm: float, part: tuple[float, float, float, float]) -> Raster:
        """The sheet, at least within ``part`` (left, top, right, bottom in mm).

        The scale is what the photo needs; the raster may have another.
        """

    @cached_property
    def camera(self) -> Camera:
        """The geometry: ``photo_from_page`` and its inverse."""
        return Camera(self.spec.camera, self.size_mm)

    def take(self, roi: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
        """Render the photo or a part of it (whose noise, stripes and compression are its own).

        Args:
            roi: left, top, width and height in photo pixels; all of it where None.

        Returns:
            ``(height, width, 3)`` uint8 RGB.
        """
        spec = self.spec
        size = spec.camera.photo_size
        region = roi or (0, 0, *size)
        left, top, width, height = region
        inverse = self.camera.inverse_map(region)
        x, y = inverse.page_mm[..., 0], inverse.page_mm[..., 1]
        page_width, page_height = self.size_mm
        scale = np.float32(spec.camera.pixels_per_mm)
        # Distances from the page's edges, in pixels; their lesser is taken at every pixel, for
        # between two points of the grid it would cut the page's corners.
        inside_x = np.minimum(x, page_width - x) * scale
        inside_y = np.minimum(y, page_height - y) * scale
        inside = np.minimum(inside_x, inside_y)
        covered = inside > -inverse.step - 1
        light = light_field(spec.light, size, region)
        if covered.any():
            image = self._seen_page(inverse, covered)
            if spec.light.relief:
                relief = inverse.every_pixel(self._relief(inverse, covered))
                light = relief if light is None else light * relief
        else:
            image = np.zeros((height, width, 3), np.uint8)
        if inside.min() < 1 + inverse.step:
            under = background(spec.surface, spec.background_seed, size, region)
            inside_px = np.minimum(inverse.every_pixel(inside_x), inverse.every_pixel(inside_y))
            image = _laid_on(under, image, inside_px)
        for finger in spec.fingers:
            self._draw_finger(image, finger, (left, top))
        if light is not None:
            image = lit(image, light)
        return expose(image, spec.light, size, region)

    def _seen_page(self, inverse: InverseMap, covered: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """The page with its marks at every pixel of a region."""
        spec = self.spec
        scale = spec.camera.pixels_per_mm
        points = inverse.page_mm[covered]
        # The grid's points lie up to a step from the pixels at the edge.
        margin = 2 * (inverse.step + 1) / scale
        low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
        part = (
            max(0.0, float(low[0])),
            max(0.0, float(low[1])),
            min(self.size_mm[0], float(high[0])),
            min(self.size_mm[1], float(high[1])),
        )
        raster = self._raster(scale, part)
        drawn, drawn_scale = raster.image, raster.pixels_per_mm
        if spec.copy != "none":
            drawn = copied(drawn, spec.copy)
        draw_marks(drawn, spec.marks, drawn_scale, raster.origin_mm)
        origin = np.array(raster.origin_mm, np.float32)
        at = (inverse.page_mm - origin) * np.float32(drawn_scale)
        at_x, at_y = (inverse.every_pixel(np.ascontiguousarray(at[..., k])) for k in range(2))
        return _sample(drawn, at_x, at_y)

    def _relief(self, inverse: InverseMap, covered: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Shading of the bent sheet at the grid's points; 1 beside it."""
        shade = relief_field(self.spec.light, self.camera.height_mm, LATTICE_STEP_MM)
        at = (inverse.page_mm + np.float32(LATTICE_MARGIN_MM)) / np.float32(LATTICE_STEP_MM)
        factor = cv2.remap(shade, at, None, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
        return np.where(covered, factor, np.float32(1))

    def _draw_finger(
        self, image: NDArray[np.uint8], finger: Finger, origin: tuple[int, int]
    ) -> None:
        """A thick round stroke, paler along its middle."""
        ends = self.camera.photo_from_page(np.array([finger.tip_mm, finger.root_mm])) - origin
        tip, root = (
            (int(x), int(y)) for x, y in np.round(np.clip(ends, -3e4, 3e4) * 16).astype(int)
        )
        for share, light in ((1.0, 0.8), (0.8, 0.92), (0.5, 1.0)):
            thickness = round(finger.width_mm * self.spec.camera.pixels_per_mm * share)
            rgb = tuple(int(v * light) for v in finger.rgb)
            cv2.line(image, tip, root, rgb, max(1, min(thickness, 32000)), cv2.LINE_AA, 4)


class Photo(SheetPhoto):
    """A photo of a page.

    Args:
        page: what is printed.
        spec: how the photo is taken.
    """

    def __init__(self, page: Page, spec: PhotoSpec) -> None:
        super().__init__((page.spec.width_mm, page.spec.height_mm), spec)
        self.page = page

    def _raster(self, pixels_per_mm: float, part: tuple[float, float, float, float]) -> Raster:
        return Raster(self.page.draw(pixels_per_mm, part), pixels_per_mm, part[:2])

    @cached_property
    def trace_points(self) -> tuple[NDArray[np.float64], ...]:
        """``(n, 2)`` photo pixels of every trace's centre line, in the order of the traces."""
        lines = [trace.points_mm for trace in self.page.traces]
        ends = np.cumsum([len(line) for line in lines])[:-1]
        return tuple(np.split(self.camera.photo_from_page(np.concatenate(lines)), ends))


def _laid_on(
    under: NDArray[np.uint8], image: NDArray[np.uint8], inside_px: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """The page over the surface; ``inside_px`` is each pixel's distance from the page's edge."""
    whole = cv2.compare(inside_px, 0.5, cv2.CMP_GE)
    laid = np.asarray(cv2.copyTo(image, whole, under), np.uint8)
    edge = np.nonzero(cv2.inRange(inside_px, -0.5, 0.5))
    share = inside_px[edge][:, None] + np.float32(0.5)
    laid[edge] = (under[edge] * (1 - share) + image[edge] * share + 0.5).astype(np.uint8)
    return laid


def _sample(
    image: NDArray[np.uint8], x: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """``cv2.remap`` for pictures beyond its 32767-pixel limit too."""
    if max(image.shape[:2]) >= 32767:
        raise ValueError(
            "a page drawn over 32766 pixels wide cannot be photographed; lower the scale"
        )
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
