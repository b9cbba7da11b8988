"""Light and sensor: everything that changes a photo's brightness but not its geometry."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from dataset_generation.coarse import enlarged

FloatImage = NDArray[np.float32]
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class LightSpec:
    """Sampled parameters of light, lens and sensor.

    Attributes:
        gradient: darkening across the picture, share.
        gradient_deg: direction of the gradient.
        shadows: each a polygon in shares of the picture, its depth (share; below 0 it brightens)
            and edge softness (share of the diagonal).
        relief: how strongly the sheet's slope shades it.
        relief_deg: where the light of the relief comes from.
        white_rgb: white balance gains.
        exposure: factor on everything.
        gamma: tone curve exponent.
        contrast: factor about middle grey.
        glare: centre, radius (shares) and strength of a flash spot, or None.
        blur_px: Gaussian defocus.
        motion_px: length of motion blur; ``motion_deg`` its direction.
        noise: sensor noise, 8-bit levels.
        moire: amplitude of a screen's stripes (share); ``moire_period_px`` and ``moire_deg``.
        grey: whether the picture has no colour.
        streaks: a scanner's dirty lines: place (share of the width), width in pixels, change in
            levels.
        sharpen: unsharp-mask strength, as phones do.
        jpeg_quality: 0 leaves the picture uncompressed.
        seed: of the noise.
    """

    gradient: float = 0.0
    gradient_deg: float = 0.0
    shadows: tuple[tuple[tuple[tuple[float, float], ...], float, float], ...] = ()
    relief: float = 0.0
    relief_deg: float = 0.0
    white_rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    exposure: float = 1.0
    gamma: float = 1.0
    contrast: float = 1.0
    glare: tuple[float, float, float, float] | None = None
    blur_px: float = 0.0
    motion_px: float = 0.0
    motion_deg: float = 0.0
    noise: float = 0.0
    moire: float = 0.0
    moire_period_px: float = 7.0
    moire_deg: float = 0.0
    grey: bool = False
    streaks: tuple[tuple[float, float, float], ...] = ()
    sharpen: float = 0.0
    jpeg_quality: int = 0
    seed: int = 0


def light_field(
    spec: LightSpec, photo_size: tuple[int, int], roi: tuple[int, int, int, int]
) -> FloatImage | None:
    """Brightness factor of every pixel of a region, computed coarsely and enlarged.

    Args:
        spec: light parameters; places are shares of the whole photo.
        photo_size: width and height of the whole photo.
        roi: left, top, width and height of the region.

    Returns:
        ``(height, width)`` float32 factors; None where the light is even.
    """
    if not (spec.gradient or spec.shadows or spec.glare):
        return None
    step = max(1, min(photo_size) // 256)
    columns, rows = (side // step + 2 for side in photo_size)
    x = (step * np.arange(columns, dtype=np.float32) + (step - 1) / 2) / photo_size[0]
    y = (step * np.arange(rows, dtype=np.float32) + (step - 1) / 2) / photo_size[1]
    grid_x, grid_y = np.meshgrid(x, y)
    angle = np.deg2rad(spec.gradient_deg)
    along = (grid_x - 0.5) * np.cos(angle) + (grid_y - 0.5) * np.sin(angle)
    field = (1 - spec.gradient * np.clip(along + 0.5, 0, 1)).astype(np.float32)
    for polygon, depth, softness in spec.shadows:
        mask = np.zeros(field.shape, np.uint8)  # OpenCV smooths the edges of uint8 alone
        points = (np.array(polygon) * photo_size - (step - 1) / 2) / step
        cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        shade = mask.astype(np.float32) / 255
        sigma = softness * np.hypot(*photo_size) / step
        if sigma > 0.3:
            shade = cv2.GaussianBlur(shade, (0, 0), sigma)
        field *= 1 - depth * shade
    if spec.glare is not None:
        centre_x, centre_y, radius, strength = spec.glare
        aspect = photo_size[1] / photo_size[0]
        away = ((grid_x - centre_x) ** 2 + ((grid_y - centre_y) * aspect) ** 2) / radius**2
        field *= 1 + strength * np.exp(-away)
    return enlarged(field, step, roi)


def relief_field(spec: LightSpec, height_mm: NDArray[np.float64], step_mm: float) -> FloatImage:
    """Shading of a bent sheet on its page lattice: 1 where it lies flat."""
    slope_y, slope_x = np.gradient(height_mm, step_mm)
    angle = np.deg2rad(spec.relief_deg)
    toward = slope_x * np.cos(angle) + slope_y * np.sin(angle)
    return np.clip(1 + spec.relief * toward, 0.45, 1.35).astype(np.float32)


def expose(
    image: Image, spec: LightSpec, photo_size: tuple[int, int], roi: tuple[int, int, int, int]
) -> Image:
    """Lens and sensor: blur, white balance, tone, copying, noise, compression.

    Args:
        image: ``(h, w, 3)`` uint8 RGB, already lit.
        spec: parameters.
        photo_size: width and height of the whole photo.
        roi: left, top, width and height of the image in it.

    Returns:
        ``(h, w, 3)`` uint8 RGB.
    """
    if spec.moire:
        image = _moire(image, spec)
    if spec.blur_px > 0.15:
        image = cv2.GaussianBlur(image, (0, 0), spec.blur_px)
    if spec.motion_px > 1:
        image = cv2.filter2D(image, -1, _motion_kernel(spec.motion_px, spec.motion_deg))
    image = _toned(image, spec)
    if spec.sharpen:
        soft = cv2.GaussianBlur(image, (0, 0), 1.3)
        image = cv2.addWeighted(image, 1 + spec.sharpen, soft, -spec.sharpen, 0)
    if spec.streaks:
        image = _streaked(image, spec, photo_size[0], roi[0])
    if spec.noise:
        image = _noisy(image, spec)
    if spec.jpeg_quality:
        quality = [cv2.IMWRITE_JPEG_QUALITY, spec.jpeg_quality]
        ok, coded = cv2.imencode(".jpg", image[..., ::-1], quality)
        decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR) if ok else None
        if decoded is not None:
            image = np.ascontiguousarray(decoded[..., ::-1])
    return image


def _toned(image: Image, spec: LightSpec) -> Image:
    """White balance, exposure, contrast and gamma: one table a channel."""
    levels = np.arange(256, dtype=np.float64)
    table = levels[:, None] * (np.array(spec.white_rgb) * spec.exposure)
    table = np.clip((table - 128) * spec.contrast + 128, 0, 255)
    table = np.round(255 * (table / 255) ** spec.gamma).astype(np.uint8)
    if (table != levels[:, None]).any():
        image = cv2.LUT(image, table[None])
    if spec.grey:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return image


def copied(image: Image, kind: str) -> Image:
    """A copy of a sheet: ``photocopy`` (a hard tone curve) or ``fax`` (black and white).

    A fax's threshold follows the brightness of the paper around.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if kind == "photocopy":
        levels = 255 / (1 + np.exp(-(np.arange(256) - 150) / 22))
        grey = cv2.LUT(grey, np.round(levels).astype(np.uint8))
    else:
        around = cv2.blur(grey, (51, 51))
        black = (grey.astype(np.int16) < around.astype(np.int16) - 14).astype(np.uint8)
        grey = 255 - 225 * black
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


def _streaked(image: Image, spec: LightSpec, photo_width: int, left: int) -> Image:
    out = image.copy()
    for place, width, levels in spec.streaks:
        first = round(place * photo_width) - left
        part = out[:, max(first, 0) : max(first + max(1, round(width)), 0)]
        part[:] = np.clip(part.astype(np.int16) + round(levels), 0, 255).astype(np.uint8)
    return out


def lit(image: Image, light: FloatImage) -> Image:
    """The image times a brightness factor (below 2), in steps of 1/128."""
    factor = cv2.merge([np.clip(light * 128 + 0.5, 0, 255).astype(np.uint8)] * 3)
    return cv2.multiply(image, factor, scale=1 / 128)


def _noisy(image: Image, spec: LightSpec) -> Image:
    """Grain in brightness, and coarser grain in colour; in sixteenths of a level."""
    rng = np.random.default_rng(spec.seed)
    height, width = image.shape[:2]
    # 256 quantiles of the normal law: random bytes become normal numbers.
    normal = ndtri((np.arange(256) + 0.5) / 256) * 16 * spec.noise

    def grain(share: float, *shape: int) -> NDArray[np.int16]:
        table = np.round(share * normal).astype(np.int16)
        index = np.frombuffer(rng.bytes(int(np.prod(shape))), np.uint8).reshape(shape)
        return np.asarray(cv2.LUT(index, table), np.int16)

    coarse = grain(0.5, (height + 1) // 2, (width + 1) // 2, 3)
    total = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    fine = grain(0.8, height, width) + np.int16(8)
    total = cv2.add(total, cv2.merge([fine, fine, fine]))
    total >>= 4
    total += image
    return np.clip(total, 0, 255, out=total).astype(np.uint8)


def _moire(image: Image, spec: LightSpec) -> Image:
    x = np.arange(image.shape[1], dtype=np.float32)
    y = np.arange(image.shape[0], dtype=np.float32)
    angle = np.deg2rad(spec.moire_deg)
    rate = 2 * np.pi / spec.moire_period_px
    a, b = x * np.float32(np.cos(angle) * rate), y * np.float32(np.sin(angle) * rate)
    level = np.float32(128 * spec.moire)
    planes = []
    for shift in (0.0, 2.1, 4.2):
        # sin(a + b) from the two axes.
        sines = np.outer(np.cos(b), np.sin(a + np.float32(shift)))
        sines += np.outer(np.sin(b), np.cos(a + np.float32(shift)))
        planes.append((sines * level + np.float32(128.5)).astype(np.uint8))
    return cv2.multiply(image, cv2.merge(planes), scale=1 / 128)


def _motion_kernel(length_px: float, degrees: float) -> FloatImage:
    size = int(np.ceil(length_px)) | 1
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    dx, dy = np.cos(np.deg2rad(degrees)) * middle, np.sin(np.deg2rad(degrees)) * middle
    ends = [(round((middle - dx) * 16), round((middle - dy) * 16)),
            (round((middle + dx) * 16), round((middle + dy) * 16))]  # fmt: skip
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA, 4)
    return kernel / kernel.sum()
