"""The camera: page -> photo -> page, and strengths within their published ranges."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dataset_generation.camera import Camera
from dataset_generation.masks import four_class_mask, lead_mask
from dataset_generation.page import Page
from dataset_generation.page_spec import sample_page
from dataset_generation.photo import STRENGTHS, Photo, sample_photo
from dataset_generation.truth import coarse_geometry
from ecg.paper import LAYOUTS
from ecg.record import Record

SIZE = (297.0, 210.0)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_page_to_photo_to_page_returns_within_half_a_pixel(strength: str) -> None:
    for seed in range(6):
        spec = sample_photo(np.random.default_rng(seed), SIZE, strength, 6.0)
        camera = Camera(spec.camera, SIZE)
        x, y = np.meshgrid(np.linspace(1, SIZE[0] - 1, 37), np.linspace(1, SIZE[1] - 1, 29))
        page = np.stack([x, y], -1)
        photo = camera.photo_from_page(page)
        back = camera.page_from_photo(photo)
        again = camera.photo_from_page(back)
        assert np.linalg.norm(again - photo, axis=-1).max() < 0.5


@pytest.mark.parametrize("strength", STRENGTHS)
def test_coarse_lattice_is_good_to_a_tenth_of_a_pixel(strength: str) -> None:
    rng = np.random.default_rng(0)
    for seed in range(4):
        spec = sample_photo(np.random.default_rng(seed), SIZE, strength, 8.0)
        camera = Camera(spec.camera, SIZE)
        geometry, error = coarse_geometry(camera)
        points = rng.uniform(0, 1, (4000, 2)) * SIZE
        away = geometry.photo_from_page(points) - camera.photo_from_page(points)
        assert np.linalg.norm(away, axis=-1).max() <= error + 1e-9 <= 0.1 + 1e-6
        left, top, right, bottom = geometry.extent_mm
        assert left <= 0 and top <= 0 and right >= SIZE[0] and bottom >= SIZE[1]  # noqa: PT018


def test_clean_camera_is_the_identity_times_the_scale() -> None:
    spec = sample_photo(np.random.default_rng(0), SIZE, "clean", 5.0)
    points = np.random.default_rng(1).uniform(0, 200, (50, 2))
    at = Camera(spec.camera, SIZE).photo_from_page(points)
    shift = (at - points * 5.0).mean(axis=0)
    assert np.abs(at - points * 5.0 - shift).max() < 1e-3
    assert np.abs(shift).max() <= 0.51


def test_strengths_keep_to_their_ranges() -> None:
    limits = {
        "scan": (2, 0.0, 0, 0, 0.10, 0, 0.06, 5, (85, 98)),
        "photo": (10, 0.08, 6, 0, 0.40, 1, 0.12, 6, (70, 95)),
        "hard_photo": (15, 0.15, 15, 4, 0.60, 3, 0.25, 12, (40, 90)),
    }
    for strength, limit in limits.items():
        turn, corner, sagitta, folds, gradient, shadows, blur, noise, quality = limit
        folded = 0
        for seed in range(200):
            spec = sample_photo(np.random.default_rng(seed), SIZE, strength, 6.0)
            camera, light = spec.camera, spec.light
            turned = (camera.rotation_deg + 45) % 90 - 45
            assert abs(turned) <= turn
            assert strength == "hard_photo" or abs(camera.rotation_deg) <= turn
            assert np.abs(camera.corner_shift).max() <= corner + 1e-12
            assert max((bend.sagitta_mm for bend in camera.bends), default=0) <= sagitta
            count = sum(len(bend.fold_at) for bend in camera.bends)
            assert count <= folds
            folded += count > 0 or camera.crumple_mm > 0
            assert light.gradient <= gradient
            assert len(light.shadows) <= shadows
            assert light.blur_px <= blur * 6.0
            assert light.noise <= noise
            assert quality[0] <= light.jpeg_quality <= quality[1]
        assert folded < 130


def test_photos_are_twelve_megapixels_filled_by_the_page() -> None:
    for seed in range(20):
        spec = sample_photo(np.random.default_rng(seed), SIZE, "photo")
        width, height = spec.camera.photo_size
        assert width * height == pytest.approx(12e6, rel=0.01)


def test_unknown_strength_is_refused() -> None:
    with pytest.raises(ValueError, match="no preset 'gentle'"):
        sample_photo(np.random.default_rng(0), SIZE, "gentle")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("strength", STRENGTHS)
def test_every_layout_and_strength_renders_with_its_mask(
    layout: str, strength: str, record: Record
) -> None:
    rng = np.random.default_rng([3, len(layout), len(strength)])
    page = Page(sample_page(rng, layout), record)
    size = (page.spec.width_mm, page.spec.height_mm)
    photo = Photo(page, sample_photo(rng, size, strength, 3.0))
    image = photo.take()
    mask = four_class_mask(photo)
    assert image.dtype == np.uint8
    assert image.shape == (*mask.shape, 3)
    assert image.std() > 3
    assert (mask == 3).any() and (mask == 1).any() and (mask == 2).any()  # noqa: PT018
    assert mask.max() == 3


def test_a_part_of_a_clean_photo_is_the_same_part_of_the_whole(record: Record) -> None:
    rng = np.random.default_rng(4)
    spec = replace(sample_page(rng, "3x4"), raster_per_mm=0.0)
    spec = replace(spec, grid=replace(spec.grid, dotted=False))
    photo = Photo(
        Page(spec, record), sample_photo(rng, (spec.width_mm, spec.height_mm), "clean", 4.0)
    )
    whole, part = photo.take(), photo.take((100, 60, 200, 120))
    # Lines are drawn on another raster of pixels: alike when seen from a little farther.
    away = cv2.blur(whole[60:180, 100:300], (5, 5)).astype(int) - cv2.blur(part, (5, 5))
    assert np.mean(np.abs(away)) < 3


def test_mask_of_a_lead_covers_its_centre_line(record: Record) -> None:
    rng = np.random.default_rng(4)
    # The centre of a thinner pen may round to the pixel beside it.
    page = Page(replace(sample_page(rng, "3x4+1"), trace_width_mm=0.4), record)
    size = (page.spec.width_mm, page.spec.height_mm)
    photo = Photo(page, sample_photo(rng, size, "photo", 6.0))
    mask = lead_mask(photo, "V2")
    height, width = mask.shape
    near = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    for trace in page.traces:
        if trace.lead != "V2":
            continue
        points = photo.camera.photo_from_page(trace.points_mm)
        on = ((trace.points_mm > 1) & (trace.points_mm < np.array(size) - 1)).all(-1)
        at = np.round(points[on]).astype(int)
        at = at[(at >= 0).all(-1) & (at[:, 0] < width) & (at[:, 1] < height)]
        assert mask[at[:, 1], at[:, 0]].mean() > 0.97
        assert near[at[:, 1], at[:, 0]].all()
    assert (mask <= (four_class_mask(photo) == 3)).all()
