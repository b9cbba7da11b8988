"""``Photograph`` on samples of tensors, as a step of ``torchvision.transforms.v2.Compose``.

Neither torch nor torchvision is imported: tensors are told by their methods and made from those
that were given, so torchvision's own kinds of tensors stay what they are.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset_generation.photograph import FlatMap, Photograph


@dataclass(frozen=True)
class TensorPhotograph:
    """Photographs the samples of a data set; ``torchvision.transforms.v2.Compose`` calls it.

    A sample is a dict with ``image`` and, where there are any, ``mask``, ``masks``, ``keypoints``
    and ``boxes``, tensors or NumPy arrays. Other entries stay as they are; ``visible`` is added
    where there are keypoints. Randomness comes from torch's generator where the image is a
    tensor, else from Python's ``random``; ``DataLoader`` seeds both in every worker.

    Shapes: tensors of images ``(3, h, w)`` or ``(1, h, w)``, uint8 or floats in 0..1; arrays
    ``(h, w, 3)`` or ``(h, w)`` uint8; a mask ``(h, w)``; masks ``(n, h, w)`` or a list; keypoints
    ``(..., 2)``; boxes ``(n, 4)`` left, top, right, bottom, made upright boxes around the bent
    ones and cut at the photo's edges.

    Attributes:
        photograph: what is applied.
    """

    photograph: Photograph

    def __call__(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Photograph a sample.

        Raises:
            ValueError: if it is no such sample.
        """
        if not isinstance(sample, dict) or "image" not in sample:
            raise ValueError("a sample to photograph must be a dict with an image")
        image = _picture(sample["image"])
        flat_size = (image.shape[1], image.shape[0])
        rng = np.random.default_rng(_seed(sample["image"]))
        spec = self.photograph.sample(rng, flat_size)
        flat_map = self.photograph.flat_map(spec, flat_size)
        size = spec.camera.photo_size
        given = {key: value for key, value in sample.items() if value is not None}
        taken = dict(sample)
        taken["image"] = _picture_like(self.photograph.take(spec, image), sample["image"])
        for key in given.keys() & {"mask", "masks"}:
            taken[key] = _warped(flat_map, given[key])
        if "keypoints" in given:
            points = _array(given["keypoints"]).astype(np.float64)
            taken["keypoints"] = _like(flat_map.points(points), given["keypoints"], size)
            seen = flat_map.visible(points)
            if _is_tensor(given["keypoints"]):
                taken["visible"] = _plain(seen.astype(np.uint8), given["keypoints"]) > 0
            else:
                taken["visible"] = seen
        if "boxes" in given:
            kind = getattr(getattr(given["boxes"], "format", None), "value", "XYXY")
            if kind != "XYXY":
                raise ValueError(f"boxes to photograph must be XYXY, not {kind}")
            boxes = flat_map.boxes(_array(given["boxes"])).clip(0, np.tile(size, 2))
            taken["boxes"] = _like(boxes, given["boxes"], size)
        return taken


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "new_tensor")


def _array(value: Any) -> NDArray[Any]:
    return np.asarray(value.detach().cpu().numpy() if _is_tensor(value) else value)


def _plain(values: NDArray[Any], like: Any) -> Any:
    """A tensor of the type and on the device of another."""
    return like.new_tensor(np.ascontiguousarray(values))


def _like(values: NDArray[Any], like: Any, size: tuple[int, int]) -> Any:
    """Values as what was given: an array, a tensor, or one of torchvision's kinds of tensors."""
    if not _is_tensor(like):
        return values.astype(np.asarray(like).dtype, copy=False)
    facts: dict[str, Any] = {}
    if hasattr(like, "canvas_size"):
        facts["canvas_size"] = size[::-1]
    if hasattr(like, "format"):
        facts["format"] = like.format
    plain = _plain(values, like)
    return plain if type(like) is type(plain) else type(like)(plain, **facts)


def _picture(value: Any) -> NDArray[np.uint8]:
    """``(h, w, 3)`` or ``(h, w)`` uint8 of an image of either kind."""
    if not _is_tensor(value):
        return np.asarray(value)
    planes = _array(value)
    if planes.ndim != 3 or planes.shape[0] not in (1, 3):
        raise ValueError(f"a tensor of an image must be (3 or 1, h, w), not {planes.shape}")
    if np.issubdtype(planes.dtype, np.floating):
        planes = np.rint(planes.clip(0, 1) * 255).astype(np.uint8)
    return planes[0] if len(planes) == 1 else np.ascontiguousarray(planes.transpose(1, 2, 0))


def _picture_like(photo: NDArray[np.uint8], like: Any) -> Any:
    size = (photo.shape[1], photo.shape[0])
    if not _is_tensor(like):
        return photo
    planes = photo[None] if photo.ndim == 2 else photo.transpose(2, 0, 1)
    if like.is_floating_point():
        return _like(planes.astype(np.float32) / 255, like, size)
    return _like(planes, like, size)


def _warped(flat_map: FlatMap, masks: Any) -> Any:
    if isinstance(masks, (list, tuple)):
        return type(masks)(_warped(flat_map, mask) for mask in masks)
    values = _array(masks)
    warped = flat_map.mask(values if values.ndim == 2 else np.moveaxis(values, 0, -1))
    if values.ndim == 3:
        warped = np.moveaxis(warped, -1, 0)
    return _like(warped, masks, flat_map.spec.photo_size)


def _seed(image: Any) -> list[int]:
    if _is_tensor(image):
        return [int(value) for value in image.new_empty(8).random_(0, 256)]
    return [random.getrandbits(64)]
