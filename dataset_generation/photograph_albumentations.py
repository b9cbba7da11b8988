"""``Photograph`` as a transform of albumentations, beside its own in one ``Compose``."""

from __future__ import annotations

from typing import Any

import numpy as np
from albumentations import DualTransform
from albumentations.core.type_definitions import Targets
from numpy.typing import NDArray

from dataset_generation.photo import PhotoSpec
from dataset_generation.photograph import A4_LONG_SIDE_MM, FlatMap, Photograph


class PhotographTransform(DualTransform):
    """Photographs the image; its masks, keypoints and boxes go along.

    A keypoint's angle is taken as a direction in the picture, from x towards y; its scale grows
    as lengths do around it. Boxes are upright boxes around the bent ones.

    Args:
        preset, long_side_mm, pixels, keep_size: as of ``Photograph``.
        p: probability.
    """

    _targets = (Targets.IMAGE, Targets.MASK, Targets.KEYPOINTS, Targets.BBOXES)

    def __init__(
        self,
        preset: str = "photo",
        long_side_mm: float = A4_LONG_SIDE_MM,
        pixels: int | None = None,
        keep_size: bool = False,
        p: float = 1.0,
    ) -> None:
        super().__init__(p=p)
        self.preset = preset
        self.long_side_mm = long_side_mm
        self.pixels = pixels
        self.keep_size = keep_size
        self.photograph = Photograph(preset, long_side_mm, pixels, keep_size)

    def get_params_dependent_on_data(
        self, params: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, Any]:
        """Sample the photo."""
        del data  # the shape is all that is needed of it
        flat_size = (params["shape"][1], params["shape"][0])
        spec = self.photograph.sample(self.random_generator, flat_size)
        return {"spec": spec, "flat_map": self.photograph.flat_map(spec, flat_size)}

    def apply(self, img: NDArray[np.uint8], spec: PhotoSpec, **_: Any) -> NDArray[np.uint8]:
        """The photo of an image."""
        if img.ndim == 3 and img.shape[2] == 1:
            return self.photograph.take(spec, img[..., 0])[..., None]
        return self.photograph.take(spec, img)

    def apply_to_mask(self, mask: NDArray[Any], flat_map: FlatMap, **_: Any) -> NDArray[Any]:
        """The mask of the photo."""
        return flat_map.mask(mask)

    def apply_to_keypoints(
        self, keypoints: NDArray[Any], flat_map: FlatMap, **_: Any
    ) -> NDArray[Any]:
        """Keypoints ``(n, 5+)``: x, y, z, angle, scale, labels."""
        at, angle = keypoints[:, :2].astype(np.float64), keypoints[:, 3]
        ahead = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        aside = np.stack([-ahead[:, 1], ahead[:, 0]], axis=-1)
        here = flat_map.points(at)
        along, across = flat_map.points(at + ahead) - here, flat_map.points(at + aside) - here
        area = np.abs(along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0])
        moved = keypoints.copy()
        moved[:, :2] = here
        moved[:, 3] = np.arctan2(along[:, 1], along[:, 0]) % (2 * np.pi)
        moved[:, 4] *= np.sqrt(area)
        return moved

    def apply_to_bboxes(self, bboxes: NDArray[Any], flat_map: FlatMap, **_: Any) -> NDArray[Any]:
        """Boxes ``(n, 4+)``: left, top, right, bottom as shares of the picture, labels."""
        before, after = np.tile(flat_map.flat_size, 2), np.tile(flat_map.spec.photo_size, 2)
        moved = bboxes.copy()
        moved[:, :4] = flat_map.boxes(bboxes[:, :4] * before) / after
        return moved
