"""The camera: one composed, invertible map between a page and a photo of it.

The sheet is bent in space (curl, folds, crumple), seen under perspective and turned; all of it
is one forward lattice ``photo_from_page``. Rendering needs the inverse, found by fixed-point
iteration to below a hundredth of a millimetre.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator

from ecg.page_geometry import PageGeometry

FloatArray = NDArray[np.float64]

LATTICE_MARGIN_MM = 30.0
LATTICE_STEP_MM = 1.5
_SQUEEZED_SHARE = 0.25
_FACETS = (((8, 30), (0.6, 0.9)), ((40, 160), (0.4, 0.9)), ((250, 1200), (0.12, 0.4)))
"""Of a crumpled sheet: how many points facets meet at, and their share of its depth."""
_INVERSE_STEP_PX = 8  # at most, and no coarser than the lattice
_SETTLED_MM = 0.004


@dataclass(frozen=True)
class Bend:
    """Curl and folds of a sheet along one direction.

    Attributes:
        direction_deg: direction across which the sheet bends.
        sagitta_mm: height of the curl's bow over the page.
        curl_phase: where along the page the bow begins, 0..1 of a period.
        fold_at: position of each fold, 0..1 across the page.
        fold_deg: change of slope at each fold.
    """

    direction_deg: float
    sagitta_mm: float = 0.0
    curl_phase: float = 0.0
    fold_at: tuple[float, ...] = ()
    fold_deg: tuple[float, ...] = ()


@dataclass(frozen=True)
class CameraSpec:
    """Sampled parameters of one photo's geometry.

    Attributes:
        photo_size: width and height in pixels.
        pixels_per_mm: scale before perspective.
        rotation_deg: turn of the page, clockwise in the picture.
        centre: where the page's centre lies, share of the photo's width and height.
        corner_shift: ``(4, 2)`` shifts of the page's corners, share of its sides.
        view: apparent sideways shift per mm of height (obliqueness of the view).
        bends: curl and folds.
        crumple_mm: depth of the crumple; its pattern follows from ``crumple_seed``.
        lens: radial distortion: shift at half the photo's diagonal, share of it.
        stretch: height of the page by what it should be.
    """

    photo_size: tuple[int, int]
    pixels_per_mm: float
    rotation_deg: float = 0.0
    centre: tuple[float, float] = (0.5, 0.5)
    corner_shift: tuple[tuple[float, float], ...] = ((0.0, 0.0),) * 4
    view: tuple[float, float] = (0.0, 0.0)
    bends: tuple[Bend, ...] = ()
    crumple_mm: float = 0.0
    crumple_seed: int = 0
    lens: float = 0.0
    stretch: float = 1.0


class Camera:
    """Maps between page millimetres and photo pixels for one photo."""

    def __init__(self, spec: CameraSpec, page_size_mm: tuple[float, float]) -> None:
        self.spec = spec
        self.page_size_mm = page_size_mm
        width, height = page_size_mm
        columns = int(np.ceil((width + 2 * LATTICE_MARGIN_MM) / LATTICE_STEP_MM)) + 1
        rows = int(np.ceil((height + 2 * LATTICE_MARGIN_MM) / LATTICE_STEP_MM)) + 1
        x = -LATTICE_MARGIN_MM + LATTICE_STEP_MM * np.arange(columns)
        y = -LATTICE_MARGIN_MM + LATTICE_STEP_MM * np.arange(rows)
        points, self.height_mm = self._bent(*np.meshgrid(x, y))
        self._homography = self._perspective()
        photo = cv2.perspectiveTransform(points.reshape(-1, 1, 2), self._homography)
        lattice = self._through_lens(photo.reshape(rows, columns, 2))
        self.geometry = PageGeometry(
            lattice, LATTICE_STEP_MM, (-LATTICE_MARGIN_MM, -LATTICE_MARGIN_MM), 0.0
        )

    def _bent(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Flat-page points moved as the bent sheet shows them, and the sheet's height."""
        width, height = self.page_size_mm
        shift_x, shift_y = np.zeros_like(x), np.zeros_like(y)
        z = np.zeros_like(x)
        diagonal = float(np.hypot(width, height))
        for bend in self.spec.bends:
            angle = np.deg2rad(bend.direction_deg)
            direction = np.array([np.cos(angle), np.sin(angle)])
            s = np.linspace(-0.75 * diagonal, 0.75 * diagonal, 1500)
            slope = np.zeros_like(s)
            if bend.sagitta_mm:
                bow = np.pi / diagonal
                slope = bend.sagitta_mm * bow * np.cos(bow * s + 2 * np.pi * bend.curl_phase)
            for at, degrees in zip(bend.fold_at, bend.fold_deg, strict=True):
                # A crease is round over about 2 mm.
                middle = (at - 0.5) * diagonal
                slope = slope + np.tan(np.deg2rad(degrees)) * 0.5 * (
                    1 + np.tanh((s - middle) / 1.5)
                )
            if bend.fold_at:
                slope = slope - np.average(slope)
            cosine = 1 / np.sqrt(1 + slope**2)
            step = s[1] - s[0]
            along = np.cumsum(cosine) * step
            rise = np.cumsum(slope * cosine) * step
            along -= np.interp(0, s, along)
            rise -= np.interp(0, s, rise)
            here = (x - width / 2) * direction[0] + (y - height / 2) * direction[1]
            moved = np.interp(here, s, along) - here
            shift_x += moved * direction[0]
            shift_y += moved * direction[1]
            z += np.interp(here, s, rise)
        if self.spec.crumple_mm:
            z_crumple, dx, dy = _crumple(x, y, self.spec.crumple_mm, self.spec.crumple_seed)
            z += z_crumple
            shift_x += dx
            shift_y += dy
        view_x, view_y = self.spec.view
        moved_x = x + shift_x + view_x * z
        moved_y = y + shift_y + view_y * z
        # What is nearer to the camera looks larger.
        nearer = 1 + z / (1.6 * diagonal)
        moved_x = width / 2 + (moved_x - width / 2) * nearer
        moved_y = height / 2 + (moved_y - height / 2) * nearer
        return np.stack([moved_x, moved_y], axis=-1), z

    def _through_lens(self, points: FloatArray) -> FloatArray:
        if not self.spec.lens:
            return points
        size = np.array(self.spec.photo_size, np.float64)
        away = points - size / 2
        radius = np.linalg.norm(away, axis=-1, keepdims=True) / (np.linalg.norm(size) / 2)
        # Beyond the picture the cubic would fold back; there it grows no more.
        return size / 2 + away * (1 + self.spec.lens * np.minimum(radius, 1.2) ** 2)

    def _perspective(self) -> FloatArray:
        """Homography from (bent) page millimetres to photo pixels."""
        width, height = self.page_size_mm
        spec = self.spec
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
        shifted = corners + np.array(spec.corner_shift) * [width, height]
        shifted = [width / 2, height / 2] + (shifted - [width / 2, height / 2]) * [1, spec.stretch]
        angle = np.deg2rad(spec.rotation_deg)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        centred = (shifted - [width / 2, height / 2]) @ turn.T * spec.pixels_per_mm
        target = centred + np.array(spec.centre) * np.array(spec.photo_size)
        return cv2.getPerspectiveTransform(
            corners.astype(np.float32), target.astype(np.float32)
        ).astype(np.float64)

    def photo_from_page(self, points_mm: FloatArray) -> FloatArray:
        """Map ``(..., 2)`` page millimetres to photo pixels."""
        return self.geometry.photo_from_page(points_mm).astype(np.float64, copy=False)

    @cached_property
    def _corners_photo(self) -> FloatArray:
        width, height = self.page_size_mm
        corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
        return cv2.perspectiveTransform(corners, self._homography)[0]

    @cached_property
    def _lattice(self) -> NDArray[np.complex128]:
        x, y = np.moveaxis(np.asarray(self.geometry.photo_points, np.float64), -1, 0)
        return (x + 1j * y).ravel()

    def _forward(self, page: FloatArray) -> FloatArray:
        """``photo_from_page`` for points within the lattice; fast."""
        rows, columns = self.geometry.photo_points.shape[:2]
        at = (page + LATTICE_MARGIN_MM) / LATTICE_STEP_MM
        x, y = at[..., 0], at[..., 1]
        j = np.minimum(x.astype(np.intp), columns - 2)
        i = np.minimum(y.astype(np.intp), rows - 2)
        x, y = x - j, y - i
        i *= columns
        i += j
        take = self._lattice.take
        top, bottom = take(i), take(i + columns)
        top += x * (take(i + 1) - top)
        bottom += x * (take(i + columns + 1) - bottom)
        top += y * (bottom - top)
        return np.stack([top.real, top.imag], axis=-1)

    def page_from_photo(self, points: FloatArray, iterations: int = 12) -> FloatArray:
        """Invert the map for an ``(h, w, 2)`` grid of photo pixels.

        Good to about ``_SETTLED_MM``; beyond the lattice's margin it is meaningless.
        """
        back = np.linalg.inv(self._homography)

        def rough(at: FloatArray) -> FloatArray:
            # Past the horizon the division would bring points back from the other side.
            plane = at @ back[:, :2].T + back[:, 2]
            away = np.maximum(plane[..., 2:] / middle, 0.02)
            return plane[..., :2] / (middle * away)

        middle = float(back[2] @ [*np.mean(self._corners_photo, axis=0), 1.0])
        wanted = rough(np.asarray(points, np.float64))
        page = wanted.copy()
        width, height = self.page_size_mm
        low = np.array([-LATTICE_MARGIN_MM, -LATTICE_MARGIN_MM])
        high = np.array([width + LATTICE_MARGIN_MM, height + LATTICE_MARGIN_MM])
        for _ in range(iterations):
            inside = np.clip(page, low, high)
            moved = inside + (wanted - rough(self._forward(inside)))
            settled = np.abs(moved - page).max() < _SETTLED_MM
            page = moved
            if settled:
                break
        return page

    def inverse_map(self, roi: tuple[int, int, int, int]) -> InverseMap:
        """Page position (mm) of every pixel of a photo's region, on a coarse grid.

        Args:
            roi: left, top, width and height in photo pixels.
        """
        left, top, width, height = roi
        step = int(np.clip(LATTICE_STEP_MM * self.spec.pixels_per_mm, 2, _INVERSE_STEP_PX))
        # Places such that cv2.resize, which aligns outer edges, meets every pixel exactly.
        x = left + (step - 1) / 2 + step * np.arange(-1, width // step + 2, dtype=np.float64)
        y = top + (step - 1) / 2 + step * np.arange(-1, height // step + 2, dtype=np.float64)
        page = self.page_from_photo(np.stack(np.meshgrid(x, y), axis=-1)).astype(np.float32)
        return InverseMap(page, step, (width, height))


@dataclass(frozen=True, eq=False)
class InverseMap:
    """Page positions of a photo's region.

    Attributes:
        page_mm: ``(rows, columns, 2)`` page points of every ``step``-th pixel, one beyond the
            region on each side.
        step: pixels between them.
        size: width and height of the region.
    """

    page_mm: NDArray[np.float32]
    step: int
    size: tuple[int, int]

    def every_pixel(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """A quantity of the grid's points, interpolated to every pixel of the region."""
        rows, columns = plane.shape
        fine = cv2.resize(
            plane, (columns * self.step, rows * self.step), interpolation=cv2.INTER_LINEAR
        )
        width, height = self.size
        return np.asarray(
            fine[self.step : self.step + height, self.step : self.step + width], np.float32
        )


def _crumple(
    x: FloatArray, y: FloatArray, depth_mm: float, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Facets of a crumpled sheet: height and sideways displacement in mm."""
    rng = np.random.default_rng(seed)
    z = np.zeros_like(x)
    for _ in range(int(rng.integers(3, 10))):
        angle = rng.uniform(0, np.pi)
        normal = np.array([np.cos(angle), np.sin(angle)])
        at = rng.uniform(0, 1, 2) * [x.max(), y.max()]
        away = (x - at[0]) * normal[0] + (y - at[1]) * normal[1]
        along = -(x - at[0]) * normal[1] + (y - at[1]) * normal[0]
        reach = rng.uniform(40, 160)
        ridge = np.exp(-np.abs(away) / rng.uniform(12, 45)) * np.exp(-((along / reach) ** 2))
        z += rng.uniform(-1, 1) * ridge
    # Flat facets that meet in sharp ridges: heights of random points, linear between them. A sheet
    # that was crumpled into a ball has many small ones, one that was squeezed has not.
    low, high = (x.min() - 20, y.min() - 20), (x.max() + 20, y.max() + 20)
    frame = np.array([(u, v) for u in (low[0], high[0]) for v in (low[1], high[1])])
    squeezed = rng.random() < _SQUEEZED_SHARE
    for (fewest, most), (least, greatest) in _FACETS[:2] if squeezed else _FACETS:
        points = rng.uniform(low, high, (int(rng.integers(fewest, most)), 2))
        points = np.concatenate([points, frame])
        heights = rng.normal(0, 0.5, len(points))
        z += rng.uniform(least, greatest) * LinearNDInterpolator(points, heights)(x, y)
    z = cv2.GaussianBlur(z, (0, 0), rng.uniform(0.3, 1.0))
    spread = float(np.abs(z).max()) or 1.0
    z *= depth_mm / spread
    # Where the sheet is steep it is foreshortened; tilt follows the local slope.
    gy, gx = np.gradient(z, LATTICE_STEP_MM)
    shrink_x = np.cumsum(1 / np.sqrt(1 + gx**2) - 1, axis=1) * LATTICE_STEP_MM
    shrink_y = np.cumsum(1 / np.sqrt(1 + gy**2) - 1, axis=0) * LATTICE_STEP_MM
    shrink_x -= shrink_x.mean(axis=1, keepdims=True)
    shrink_y -= shrink_y.mean(axis=0, keepdims=True)
    smooth = 15 / LATTICE_STEP_MM
    return z, cv2.GaussianBlur(shrink_x, (0, 0), smooth), cv2.GaussianBlur(shrink_y, (0, 0), smooth)
