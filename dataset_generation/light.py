"""Light and sensor: everything that changes a photo's brightness but not its geometry."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]


@dataclass(frozen=True)
class LightSpec:
    """Sampled parameters of light, lens and sensor.

    Attributes:
        gradient: darkening across the picture, share.
        gradient_deg: direction of the gradient.
        shadows: each a polygon in shares of the picture, its depth (share) and edge softness
            (share of the diagonal).
        relief: how strongly the sheet's slope shades it.
        relief_deg: where the light of the relief comes from.
        white_rgb: white balance gains.
        exposure: factor on everything.
        gamma: tone curve exponent.
        glare: centre, radius (shares) and strength of a flash spot, or None.
        blur_px: Gaussian defocus.
        motion_px: length of motion blur; ``motion_deg`` its direction.
        noise: sensor noise, 8-bit levels.
        moire: amplitude of a screen's stripes (share); ``moire_period_px`` and ``moire_deg``.
        grey: photocopy: 0 colour, 1 grey, 2 grey with a hard tone curve.
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
    glare: tuple[float, float, float, float] | None = None
    blur_px: float = 0.0
    motion_px: float = 0.0
    motion_deg: float = 0.0
    noise: float = 0.0
    moire: float = 0.0
    moire_period_px: float = 7.0
    moire_deg: float = 0.0
    grey: int = 0
    sharpen: float = 0.0
    jpeg_quality: int = 0
    seed: int = 0


def light_field(
    spec: LightSpec, photo_size: tuple[int, int], roi: tuple[int, int, int, int]
) -> FloatImage:
    """Brightness factor of every pixel of a region, computed coarsely and enlarged.

    Args:
        spec: light parameters; places are shares of the whole photo.
        photo_size: width and height of the whole photo.
        roi: left, top, width and height of the region.

    Returns:
        ``(height, width)`` float32 factors.
    """
    left, top, width, height = roi
    step = max(1, min(width, height) // 96)
    x = (left + np.arange(0, width + step, step)) / photo_size[0]
    y = (top + np.arange(0, height + step, step)) / photo_size[1]
    grid_x, grid_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    angle = np.deg2rad(spec.gradient_deg)
    along = (grid_x - 0.5) * np.cos(angle) + (grid_y - 0.5) * np.sin(angle)
    field = (1 - spec.gradient * np.clip(along + 0.5, 0, 1)).astype(np.float32)
    for polygon, depth, softness in spec.shadows:
        mask = np.zeros(field.shape, np.float32)
        points = np.array(polygon) * photo_size
        points = (points - [left, top]) / step
        cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
        sigma = softness * np.hypot(*photo_size) / step
        if sigma > 0.3:
            mask = cv2.GaussianBlur(mask, (0, 0), sigma)
        field *= 1 - depth * mask
    if spec.glare is not None:
        centre_x, centre_y, radius, strength = spec.glare
        aspect = photo_size[1] / photo_size[0]
        away = ((grid_x - centre_x) ** 2 + ((grid_y - centre_y) * aspect) ** 2) / radius**2
        field *= 1 + strength * np.exp(-away)
    big = cv2.resize(
        field, (field.shape[1] * step, field.shape[0] * step), interpolation=cv2.INTER_LINEAR
    )
    return big[:height, :width]


def relief_field(spec: LightSpec, height_mm: NDArray[np.float64], step_mm: float) -> FloatImage:
    """Shading of a bent sheet on its page lattice: 1 where it lies flat."""
    slope_y, slope_x = np.gradient(height_mm, step_mm)
    angle = np.deg2rad(spec.relief_deg)
    toward = slope_x * np.cos(angle) + slope_y * np.sin(angle)
    return np.clip(1 + spec.relief * toward, 0.45, 1.35).astype(np.float32)


def expose(image: FloatImage, spec: LightSpec) -> NDArray[np.uint8]:
    """Lens and sensor: blur, white balance, tone, noise, compression.

    Args:
        image: ``(h, w, 3)`` float32 RGB, 0..255, already lit.
        spec: parameters.

    Returns:
        ``(h, w, 3)`` uint8 RGB.
    """
    if spec.moire:
        rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
        angle = np.deg2rad(spec.moire_deg)
        phase = (columns * np.cos(angle) + rows * np.sin(angle)) * (
            2 * np.pi / spec.moire_period_px
        )
        colour = np.array([0.0, 2.1, 4.2], np.float32)
        stripes = np.sin(phase[..., None].astype(np.float32) + colour)
        image = image * (1 + np.float32(spec.moire) * stripes)
    if spec.blur_px > 0.15:
        image = cv2.GaussianBlur(image, (0, 0), spec.blur_px)
    if spec.motion_px > 1:
        image = cv2.filter2D(image, -1, _motion_kernel(spec.motion_px, spec.motion_deg))
    image = image * (np.array(spec.white_rgb, np.float32) * spec.exposure)
    if spec.grey:
        grey = cv2.cvtColor(np.clip(image, 0, 255), cv2.COLOR_RGB2GRAY)
        if spec.grey == 2:
            grey = 255 / (1 + np.exp(-(grey - 150) / 22))
        image = np.repeat(grey[..., None], 3, axis=2)
    if spec.gamma != 1:
        image = 255 * np.power(np.clip(image / 255, 0, 1), spec.gamma, dtype=np.float32)
    if spec.sharpen:
        image = image + spec.sharpen * (image - cv2.GaussianBlur(image, (0, 0), 1.3))
    if spec.noise:
        rng = np.random.default_rng(spec.seed)
        noise = rng.standard_normal(image.shape[:2] + (1,), np.float32)
        colour = rng.standard_normal(
            ((image.shape[0] + 1) // 2, (image.shape[1] + 1) // 2, 3), np.float32
        )
        colour = cv2.resize(colour, (image.shape[1], image.shape[0]))
        image = image + spec.noise * (0.8 * noise + 0.5 * colour)
    out = np.clip(image + 0.5, 0, 255).astype(np.uint8)
    if spec.jpeg_quality:
        ok, coded = cv2.imencode(
            ".jpg", out[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, spec.jpeg_quality]
        )
        decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR) if ok else None
        if decoded is not None:
            out = np.ascontiguousarray(decoded[..., ::-1])
    return out


def _motion_kernel(length_px: float, degrees: float) -> NDArray[np.float32]:
    size = int(np.ceil(length_px)) | 1
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    dx, dy = np.cos(np.deg2rad(degrees)) * middle, np.sin(np.deg2rad(degrees)) * middle
    ends = [(round((middle - dx) * 16), round((middle - dy) * 16)),
            (round((middle + dx) * 16), round((middle + dy) * 16))]  # fmt: skip
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA, 4)
    return kernel / kernel.sum()
