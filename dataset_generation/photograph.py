"""Photos of any flat picture: masks, points and boxes go through the same composed map.

Pictures that are no ECG pages are photographed as pages are. Points are ``(x, y)`` pixels, (0, 0)
the centre of the first pixel, in the flat picture and in its photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dataset_generation.camera import Camera, CameraSpec
from dataset_generation.photo import PhotoSpec, Raster, SheetPhoto, sample_photo
from dataset_generation.photo_preset import load_preset

A4_LONG_SIDE_MM = 297.0
_LEAST_SIDE_PX = 2
_BOX_STEPS = 16


class FlatMap:
    """Where the pixels of a flat picture lie in its photo.

    Args:
        spec: the photo's geometry.
        flat_size: width and height of the flat picture in pixels.
        long_side_mm: its longer side as it is printed.
    """

    def __init__(
        self, spec: CameraSpec, flat_size: tuple[int, int], long_side_mm: float = A4_LONG_SIDE_MM
    ) -> None:
        self.spec = spec
        self.flat_size = flat_size
        self.pixels_per_mm = max(flat_size) / long_side_mm

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of the sheet."""
        width, height = self.flat_size
        return width / self.pixels_per_mm, height / self.pixels_per_mm

    @cached_property
    def camera(self) -> Camera:
        """The map between the sheet's millimetres and the photo's pixels."""
        return Camera(self.spec, self.size_mm)

    def points(self, points: ArrayLike) -> NDArray[np.float64]:
        """Map ``(..., 2)`` pixels of the flat picture to the photo's."""
        # The sheet's edge lies half a pixel before the first pixel's centre.
        flat = np.asarray(points, np.float64) + 0.5
        return self.camera.photo_from_page(flat / self.pixels_per_mm)

    def visible(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Whether ``(..., 2)`` pixels of the flat picture lie on it, and within the photo.

        A finger or a mark may still cover them.
        """
        flat = np.asarray(points, np.float64)
        on_sheet = _within(flat, self.flat_size)
        return on_sheet & _within(self.points(flat), self.spec.photo_size)

    def boxes(self, boxes: ArrayLike) -> NDArray[np.float64]:
        """Upright boxes of the photo around what boxes of the flat picture hold.

        Args:
            boxes: ``(n, 4)`` left, top, right, bottom; like a slice, from a pixel's edge to a
                pixel's edge, so that (0, 0, width, height) is the whole picture.

        Returns:
            ``(n, 4)`` the same of the photo, not cut at its edges.
        """
        flat = np.asarray(boxes, np.float64).reshape(-1, 4)
        along = np.linspace(0, 1, _BOX_STEPS + 1)[:, None]
        corners = flat[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 1, 2)
        outline = corners + along * (np.roll(corners, -1, axis=1) - corners)
        mapped = self.points(outline.reshape(len(flat), -1, 2) - 0.5) + 0.5
        return np.concatenate([mapped.min(axis=1), mapped.max(axis=1)], axis=-1)

    def mask(self, mask: NDArray[Any]) -> NDArray[Any]:
        """Warp a mask: every pixel of the photo takes the nearest value, 0 beside the sheet.

        Args:
            mask: ``(h, w)`` or ``(h, w, channels)`` of the flat picture, of any type.

        Raises:
            ValueError: if it is of another size.
        """
        width, height = self.flat_size
        if mask.ndim not in (2, 3) or mask.shape[:2] != (height, width):
            raise ValueError(
                f"a mask must be as large as its picture, {width} x {height} pixels: "
                f"its shape is {mask.shape}"
            )
        place, beside = self._sources
        warped = mask.reshape(height * width, *mask.shape[2:])[place]
        warped[beside] = 0
        return warped

    @cached_property
    def _sources(self) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Flat index of the pixel that each of the photo's shows, and where there is none."""
        inverse = self.camera.inverse_map((0, 0, *self.spec.photo_size))
        at = inverse.page_mm * np.float32(self.pixels_per_mm) - np.float32(0.5)
        x, y = (
            np.rint(inverse.every_pixel(np.ascontiguousarray(at[..., k]))).astype(np.intp)
            for k in range(2)
        )
        width, height = self.flat_size
        beside = (x < 0) | (y < 0) | (x >= width) | (y >= height)
        return np.where(beside, 0, y * width + x), beside


class PicturePhoto(SheetPhoto):
    """A photo of a flat picture.

    Args:
        image: ``(h, w, 3)`` uint8 RGB.
        spec: how the photo is taken.
        long_side_mm: the picture's longer side as it is printed.
    """

    def __init__(
        self, image: NDArray[np.uint8], spec: PhotoSpec, long_side_mm: float = A4_LONG_SIDE_MM
    ) -> None:
        self.image = image
        self.map = FlatMap(spec.camera, (image.shape[1], image.shape[0]), long_side_mm)
        super().__init__(self.map.size_mm, spec)

    def _raster(self, pixels_per_mm: float, _: tuple[float, float, float, float]) -> Raster:
        """The picture's own pixels, smoothed where the photo has fewer."""
        fewer = self.map.pixels_per_mm / pixels_per_mm
        factor = max(1, int(fewer))
        image = self.image.copy()
        if factor > 1:
            height, width = image.shape[:2]
            image = cv2.copyMakeBorder(
                image, 0, -height % factor, 0, -width % factor, cv2.BORDER_REPLICATE
            )
            size = (image.shape[1] // factor, image.shape[0] // factor)
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        rest = fewer / factor
        if rest > 1.01:
            image = cv2.GaussianBlur(image, (0, 0), 0.5 * float(np.sqrt(rest**2 - 1)))
        scale = self.map.pixels_per_mm / factor
        return Raster(image, scale, (0.5 / scale, 0.5 / scale))


@dataclass(frozen=True, eq=False)
class Photographed:
    """A photo of a picture with what was known of the picture.

    Attributes:
        image: ``(H, W, 3)`` uint8 RGB, or ``(H, W)`` where the picture was grey.
        masks: ``(H, W)`` or ``(H, W, channels)``, of the types that were given; 0 beside the
            sheet.
        keypoints: ``(n, 2)`` float64 pixels, those beyond the photo too.
        visible: ``(n,)`` whether each lies on the sheet and within the photo.
        spec: what was sampled; ``Photograph.replay`` makes the photo again from it.
        camera: maps between the sheet's millimetres and the photo's pixels.
    """

    image: NDArray[np.uint8]
    masks: tuple[NDArray[Any], ...]
    keypoints: NDArray[np.float64]
    visible: NDArray[np.bool_]
    spec: PhotoSpec
    camera: Camera


@dataclass(frozen=True)
class Photograph:
    """Photographs any flat picture, with masks and points.

    Attributes:
        preset: a photo preset's name, or the path of a TOML file.
        long_side_mm: the picture's longer side as it is printed; folds, pens, blur and noise
            have their size on paper.
        pixels: pixel count of phone photos, and with a scan's border about that of scans; as many
            as the picture has where None.
        keep_size: make the photo exactly as wide and high as the picture.

    Raises:
        ValueError: if there is no such preset, or a number makes no sense.

    Example::

        photograph = Photograph("hard_photo")
        seen = photograph(image, [mask], [(120, 80)], np.random.default_rng(0))
        same = photograph.replay(seen.spec, image, [mask], [(120, 80)])
    """

    preset: str = "photo"
    long_side_mm: float = A4_LONG_SIDE_MM
    pixels: int | None = None
    keep_size: bool = False

    def __post_init__(self) -> None:
        load_preset(self.preset)
        if not 1 <= self.long_side_mm <= 10000:
            raise ValueError(f"long_side_mm must lie in 1 to 10000, not {self.long_side_mm:g}")
        if self.pixels is not None and self.pixels < 1:
            raise ValueError(f"pixels must be 1 or more, not {self.pixels}")

    def __call__(
        self,
        image: NDArray[np.uint8],
        masks: Sequence[NDArray[Any]] = (),
        keypoints: ArrayLike | None = None,
        rng: np.random.Generator | None = None,
    ) -> Photographed:
        """Photograph a picture.

        Args:
            image: ``(h, w, 3)`` uint8 RGB or ``(h, w)`` uint8 grey.
            masks: ``(h, w)`` or ``(h, w, channels)`` each, of any type.
            keypoints: ``(n, 2)`` pixels of the picture.
            rng: source of randomness; a fresh one where None.

        Raises:
            ValueError: if shapes or types do not fit.
        """
        spec = self.sample(rng or np.random.default_rng(), _size_of(image))
        return self.replay(spec, image, masks, keypoints)

    def sample(self, rng: np.random.Generator, flat_size: tuple[int, int]) -> PhotoSpec:
        """Sample how a picture of ``flat_size`` (width, height) is photographed."""
        width, height = flat_size
        pixels = self.pixels or width * height
        scale = max(flat_size) / self.long_side_mm
        size_mm = (width / scale, height / scale)
        if load_preset(self.preset).frame.kind == "phone":
            spec = sample_photo(rng, size_mm, self.preset, None, pixels)
        else:
            scale *= float(np.sqrt(pixels / (width * height)))
            spec = sample_photo(rng, size_mm, self.preset, scale)
        return _fitted(spec, flat_size) if self.keep_size else spec

    def replay(
        self,
        spec: PhotoSpec,
        image: NDArray[np.uint8],
        masks: Sequence[NDArray[Any]] = (),
        keypoints: ArrayLike | None = None,
    ) -> Photographed:
        """Photograph a picture as it was sampled before, to the byte.

        Raises:
            ValueError: if shapes or types do not fit.
        """
        flat_size = _size_of(image)
        points = _checked_points(keypoints)
        flat_map = self.flat_map(spec, flat_size)
        warped = tuple(flat_map.mask(mask) for mask in masks)
        taken = self.take(spec, image)
        return Photographed(
            taken,
            warped,
            flat_map.points(points),
            flat_map.visible(points),
            spec,
            flat_map.camera,
        )

    def take(self, spec: PhotoSpec, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The photo alone; grey where the picture is grey.

        Raises:
            ValueError: if the image's shape or type does not fit.
        """
        _size_of(image)
        grey = image.ndim == 2
        rgb = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if grey else image
        taken = PicturePhoto(rgb, spec, self.long_side_mm).take()
        return cv2.cvtColor(taken, cv2.COLOR_RGB2GRAY) if grey else taken

    def flat_map(self, spec: PhotoSpec, flat_size: tuple[int, int]) -> FlatMap:
        """Where the pixels of a picture of ``flat_size`` (width, height) lie in its photo."""
        return FlatMap(spec.camera, flat_size, self.long_side_mm)


def as_albumentations(photograph: Photograph, p: float = 1.0) -> Any:
    """An ``albumentations.DualTransform`` for ``albumentations.Compose``.

    Image, masks, keypoints and boxes go along; ``Compose(seed=...)`` decides the randomness.
    """
    from dataset_generation.photograph_albumentations import PhotographTransform

    return PhotographTransform(
        photograph.preset, photograph.long_side_mm, photograph.pixels, photograph.keep_size, p
    )


def as_torchvision(photograph: Photograph) -> Any:
    """A callable for ``torchvision.transforms.v2.Compose``, on samples that are dicts."""
    from dataset_generation.photograph_tensors import TensorPhotograph

    return TensorPhotograph(photograph)


def _within(points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray(((points >= -0.5) & (points <= np.array(size) - 0.5)).all(axis=-1))


def _size_of(image: NDArray[Any]) -> tuple[int, int]:
    """Width and height of a picture that can be photographed."""
    right = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if not right or image.dtype != np.uint8:
        raise ValueError(
            "an image must be (height, width, 3) or (height, width) uint8, "
            f"not {image.shape} {image.dtype}"
        )
    height, width = image.shape[:2]
    if min(width, height) < _LEAST_SIDE_PX:
        raise ValueError(f"an image of {width} x {height} pixels is too small to photograph")
    return width, height


def _checked_points(keypoints: ArrayLike | None) -> NDArray[np.float64]:
    points = np.zeros((0, 2)) if keypoints is None else np.asarray(keypoints, np.float64)
    if not points.size:
        points = points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError(f"keypoints must be (n, 2) finite numbers, not {points.shape}")
    return points


def _fitted(spec: PhotoSpec, size: tuple[int, int]) -> PhotoSpec:
    """The same photo in a frame of another size, all of the old frame within it."""
    share = min(new / old for new, old in zip(size, spec.camera.photo_size, strict=True))
    light = spec.light
    return replace(
        spec,
        camera=replace(
            spec.camera, photo_size=size, pixels_per_mm=spec.camera.pixels_per_mm * share
        ),
        light=replace(
            light,
            blur_px=light.blur_px * share,
            motion_px=1 + (light.motion_px - 1) * share if light.motion_px else 0.0,
        ),
    )
