"""Any picture photographed: masks, points and boxes go where the pixels go."""

import pickle
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dataset_generation.page_dataset import PageDataset
from dataset_generation.photo import PhotoSpec
from dataset_generation.photo_preset import preset_names
from dataset_generation.photograph import Photograph, as_albumentations, as_torchvision
from dataset_generation.plain_data import from_plain, to_plain
from dataset_generation.sample import Recipe
from dataset_generation.sources import open_source

WIDTH, HEIGHT = 640, 450
RADIUS = 6


def picture() -> NDArray[np.uint8]:
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 255, (HEIGHT // 10, WIDTH // 10, 3), dtype=np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def dots() -> tuple[NDArray[np.float64], NDArray[np.uint16]]:
    """Points, and a mask with a dot of its own value at each."""
    x, y = np.meshgrid(np.arange(20, WIDTH, 60), np.arange(20, HEIGHT, 58))
    points = np.stack([x.ravel(), y.ravel()], -1).astype(np.float64)
    mask = np.zeros((HEIGHT, WIDTH), np.uint16)
    for value, (px, py) in enumerate(points, 1000):
        cv2.circle(mask, (int(px), int(py)), RADIUS, int(value), -1)
    return points, mask


def whole_dots(mask: NDArray[np.uint16], points: NDArray[np.float64]) -> dict[int, float]:
    """Distance of each whole dot's middle from its point."""
    height, width = mask.shape
    found = {}
    for value in np.unique(mask[mask > 0]):
        y, x = np.nonzero(mask == value)
        if x.min() and y.min() and x.max() < width - 1 and y.max() < height - 1:
            px, py = points[int(value) - 1000]
            found[int(value)] = float(np.hypot(x.mean() - px, y.mean() - py))
    return found


@pytest.mark.parametrize("preset", preset_names())
def test_a_mask_of_dots_moves_with_its_keypoints(preset: str) -> None:
    points, mask = dots()
    for seed in range(4):
        seen = Photograph(preset)(picture(), [mask], points, np.random.default_rng(seed))
        away = whole_dots(seen.masks[0], seen.keypoints)
        assert len(away) > 0.7 * len(points)
        assert max(away.values()) < 1.0
        assert seen.visible[[value - 1000 for value in away]].all()


@pytest.mark.parametrize("preset", ["scan", "photo", "hard_photo"])
def test_what_the_picture_shows_moves_with_its_keypoints(preset: str) -> None:
    # Black dots on white paper: where they are dark is told by the picture, not by the mask.
    points, mask = dots()
    image = np.where(mask > 0, 0, 255).astype(np.uint8)
    for seed in range(3):
        photograph = Photograph(preset, pixels=4 * WIDTH * HEIGHT)
        spec = photograph.sample(np.random.default_rng(seed), (WIDTH, HEIGHT))
        spec = PhotoSpec(preset, spec.camera, replace(spec.light, seed=0, noise=0.0, shadows=()),
                         spec.background_seed)  # fmt: skip
        seen = photograph.replay(spec, image, [mask], points)
        checked = 0
        for value in whole_dots(seen.masks[0], seen.keypoints):
            x, y = np.round(seen.keypoints[value - 1000]).astype(int)
            reach = 20
            part = seen.image[y - reach : y + reach + 1, x - reach : x + reach + 1]
            if part.shape != (2 * reach + 1, 2 * reach + 1):
                continue
            ink = float(part.max()) - part.astype(float)
            ink[ink < 0.5 * ink.max()] = 0
            rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
            middle = np.array([(ink * columns).sum(), (ink * rows).sum()]) / ink.sum()
            away = middle + (x, y) - seen.keypoints[value - 1000]
            assert np.hypot(*away) < 1.0
            checked += 1
        assert checked > 0.5 * len(points)


def test_a_mask_keeps_type_and_values() -> None:
    rng = np.random.default_rng(0)
    bits = (1 << rng.integers(0, 16, (HEIGHT, WIDTH))).astype(np.uint16)
    wide = rng.integers(-(2**40), 2**40, (HEIGHT, WIDTH), dtype=np.int64)
    colours = rng.integers(1, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    given: list[NDArray[Any]] = [bits, wide, colours, bits > 99]
    seen = Photograph("hard_photo")(picture(), given, rng=np.random.default_rng(3))
    for mask, warped in zip(given, seen.masks, strict=True):
        assert warped.dtype == mask.dtype
        assert warped.shape[:2] == seen.image.shape[:2]
        assert set(np.unique(warped)) <= {0, *np.unique(mask)}
    # Every place of the sheet has some bit; beside the sheet there is none.
    corners = seen.camera.photo_from_page(
        np.array([[0, 0], [297, 0], [297, 297 * HEIGHT / WIDTH], [0, 297 * HEIGHT / WIDTH]])
    )
    middle = np.round(corners.mean(axis=0)).astype(int)
    assert seen.masks[0][middle[1], middle[0]] > 0
    assert (seen.masks[0] == 0).any()


def test_the_clean_preset_returns_the_picture() -> None:
    points, mask = dots()
    seen = Photograph("clean")(picture(), [mask], points, np.random.default_rng(0))
    assert seen.image.shape == picture().shape
    inner = np.s_[3:-3, 3:-3]
    assert np.abs(seen.image[inner].astype(int) - picture()[inner]).max() <= 1
    np.testing.assert_array_equal(seen.masks[0], mask)
    np.testing.assert_allclose(seen.keypoints, points, atol=1e-3)
    assert seen.visible.all()


def test_points_beside_sheet_or_photo_are_not_visible() -> None:
    outside = [(-2, 5), (WIDTH + 3, 5), (5, -1), (5, HEIGHT), (100, 100)]
    seen = Photograph("clean")(picture(), keypoints=outside, rng=np.random.default_rng(0))
    assert seen.visible.tolist() == [False, False, False, False, True]
    photograph = Photograph("clean")
    spec = photograph.sample(np.random.default_rng(0), (WIDTH, HEIGHT))
    moved = replace(spec, camera=replace(spec.camera, centre=(1.0, 0.5)))  # half of it in view
    half = photograph.replay(moved, picture(), keypoints=[(20, 99), (WIDTH - 20, 99)])
    assert half.visible.tolist() == [True, False]
    assert np.isfinite(half.keypoints).all()


def test_the_seed_decides_and_a_stored_photo_is_replayed_to_the_byte() -> None:
    points, mask = dots()
    photograph = Photograph("hard_photo")
    one, same, other = (
        photograph(picture(), [mask], points, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    assert one.image.tobytes() == same.image.tobytes()
    assert one.image.tobytes() != other.image.tobytes()
    stored = from_plain(PhotoSpec, to_plain(one.spec))
    again = Photograph().replay(stored, picture(), [mask], points)
    assert again.image.tobytes() == one.image.tobytes()
    assert again.masks[0].tobytes() == one.masks[0].tobytes()
    assert again.keypoints.tobytes() == one.keypoints.tobytes()


@pytest.mark.parametrize("preset", ["clean", "scan", "photo", "hard_photo"])
def test_the_photo_is_as_large_as_was_asked_for(preset: str) -> None:
    points, mask = dots()
    for pixels in (None, 100_000):
        seen = Photograph(preset, pixels=pixels)(picture(), rng=np.random.default_rng(2))
        share = seen.image.shape[0] * seen.image.shape[1] / (pixels or WIDTH * HEIGHT)
        assert 0.9 < share < 1.15
    fitted = Photograph(preset, keep_size=True)
    seen = fitted(picture(), [mask], points, np.random.default_rng(2))
    assert seen.image.shape == picture().shape
    assert max(whole_dots(seen.masks[0], seen.keypoints).values()) < 1.0


def test_a_grey_picture_stays_grey() -> None:
    grey = picture()[..., 0]
    seen = Photograph("photo")(grey, rng=np.random.default_rng(0))
    assert seen.image.ndim == 2
    clean = Photograph("clean")(grey, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(clean.image[3:-3, 3:-3], grey[3:-3, 3:-3])


@pytest.mark.parametrize("size", [(33, 800), (800, 33), (7, 5), (300, 300)])
def test_pictures_of_any_shape_are_photographed(size: tuple[int, int]) -> None:
    width, height = size
    image = np.full((height, width, 3), 200, np.uint8)
    seen = Photograph("photo")(image, [image[..., 0]], [(1, 1)], np.random.default_rng(0))
    assert set(np.unique(seen.masks[0])) <= {0, 200}
    assert (seen.masks[0] == 200).any()


def test_boxes_hold_what_they_held() -> None:
    points, mask = dots()
    photograph = Photograph("hard_photo")
    spec = photograph.sample(np.random.default_rng(4), (WIDTH, HEIGHT))
    flat_map = photograph.flat_map(spec, (WIDTH, HEIGHT))
    edge = RADIUS + 0.5
    middle = points + 0.5  # boxes count from the pixels' edges
    boxes = flat_map.boxes(np.concatenate([middle - edge, middle + edge], axis=-1))
    warped = flat_map.mask(mask)
    for value in whole_dots(warped, flat_map.points(points)):
        y, x = np.nonzero(warped == value)
        left, top, right, bottom = boxes[value - 1000]
        assert left - 1 <= x.min() <= x.max() + 1 <= right + 1
        assert top - 1 <= y.min() <= y.max() + 1 <= bottom + 1
        assert right - left < 5 * RADIUS


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"image": np.zeros((5, 5, 4), np.uint8)}, "an image must be"),
        ({"image": np.zeros((5, 5, 3), np.float32)}, "uint8"),
        ({"image": np.zeros((1, 5, 3), np.uint8)}, "too small"),
        ({"masks": [np.zeros((5, 5), np.uint8)]}, "as large as its picture, 640 x 450"),
        ({"keypoints": [(1, 2, 3)]}, "keypoints must be"),
        ({"keypoints": [(1, np.nan)]}, "finite"),
    ],
)
def test_bad_input_is_told_in_one_sentence(given: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told) as error:
        Photograph()(**{"image": picture(), **given})  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_bad_settings_are_told() -> None:
    with pytest.raises(ValueError, match="there is no preset 'sketch'"):
        Photograph("sketch")
    with pytest.raises(ValueError, match="long_side_mm"):
        Photograph(long_side_mm=0)
    with pytest.raises(ValueError, match="pixels"):
        Photograph(pixels=0)


def test_albumentations_compose_carries_everything_along() -> None:
    import albumentations

    points, mask = dots()
    boxes = [[x - RADIUS, y - RADIUS, x + RADIUS + 1, y + RADIUS + 1] for x, y in points[:9]]
    compose = albumentations.Compose(
        [albumentations.HorizontalFlip(p=1.0), as_albumentations(Photograph("photo"))],
        keypoint_params=albumentations.KeypointParams("xy", remove_invisible=False),
        bbox_params=albumentations.BboxParams("pascal_voc", label_fields=["names"]),
        seed=3,
    )
    seen = compose(image=picture(), mask=mask, masks=[mask, mask.astype(np.uint8)],
                   keypoints=points, bboxes=boxes, names=list(range(9)))  # fmt: skip
    assert seen["mask"].dtype == np.uint16
    np.testing.assert_array_equal(seen["masks"][0], seen["mask"])
    assert max(whole_dots(seen["mask"], np.array(seen["keypoints"])).values()) < 1.0
    left, top, right, bottom = seen["bboxes"][4]
    x, y = seen["keypoints"][4]
    assert left < x < right
    assert top < y < bottom
    again = albumentations.Compose([as_albumentations(Photograph("photo"))], seed=3)
    first = again(image=picture())["image"]
    again = albumentations.Compose([as_albumentations(Photograph("photo"))], seed=3)
    np.testing.assert_array_equal(again(image=picture())["image"], first)
    pickle.loads(pickle.dumps(again))  # noqa: S301 (what a spawned worker does)


def test_albumentations_turns_a_keypoint_with_the_sheet() -> None:
    photograph = Photograph("clean")
    transform = as_albumentations(photograph)
    spec = photograph.sample(np.random.default_rng(0), (300, 300))
    turned = replace(spec, camera=replace(spec.camera, rotation_deg=30.0, pixels_per_mm=300 / 594))
    flat_map = photograph.flat_map(turned, (300, 300))
    given = np.array([[150.0, 150.0, 0.0, 0.2, 8.0]], np.float32)
    moved = transform.apply_to_keypoints(given, flat_map=flat_map)
    np.testing.assert_allclose(moved[0, 3:], [0.2 + np.deg2rad(30), 4.0], rtol=1e-3)


def test_torchvision_compose_carries_tensors_along() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("learning.torchvision_guard")
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    points, mask = dots()
    sample = {
        "image": tv_tensors.Image(torch.from_numpy(picture()).permute(2, 0, 1)),
        "masks": tv_tensors.Mask(torch.from_numpy(mask.astype(np.int32))[None]),
        "keypoints": tv_tensors.KeyPoints(
            torch.from_numpy(points.astype(np.float32)), canvas_size=(HEIGHT, WIDTH)
        ),
        "boxes": tv_tensors.BoundingBoxes(
            torch.tensor([[100.0, 100, 150, 150]]), format="XYXY", canvas_size=(HEIGHT, WIDTH)
        ),
        "name": "a",
    }
    compose = v2.Compose(
        [as_torchvision(Photograph("photo")), v2.ToDtype({tv_tensors.Image: torch.float32,
                                                          "others": None}, scale=True)]
    )  # fmt: skip
    torch.manual_seed(4)
    seen = compose(sample)
    torch.manual_seed(4)
    again = compose(sample)
    assert torch.equal(seen["image"], again["image"])
    assert not torch.equal(seen["image"][:, :9, :9], compose(sample)["image"][:, :9, :9])
    assert seen["name"] == "a"
    for key in ("image", "masks", "keypoints", "boxes"):
        assert type(seen[key]) is type(sample[key])
    assert seen["keypoints"].canvas_size == tuple(seen["image"].shape[-2:])
    assert seen["masks"].dtype == torch.int32
    warped, moved = seen["masks"][0].numpy().astype(np.uint16), seen["keypoints"].numpy()
    assert max(whole_dots(warped, moved).values()) < 1.0
    assert seen["visible"].dtype == torch.bool


def test_the_torchvision_step_takes_arrays_and_float_tensors() -> None:
    torch = pytest.importorskip("torch")
    points, mask = dots()
    step = as_torchvision(Photograph("clean"))
    seen = step({"image": picture(), "mask": mask, "keypoints": points})
    np.testing.assert_array_equal(seen["mask"], mask)
    assert seen["visible"].all()
    planes = torch.from_numpy(picture()).permute(2, 0, 1) / 255
    clean = step({"image": planes, "mask": None})
    assert torch.equal(clean["image"][:, 3:-3, 3:-3], planes[:, 3:-3, 3:-3])
    with pytest.raises(ValueError, match="a dict with an image"):
        step(planes)


RECIPE = Recipe(3, "papers", (), (("photo", 1.0),), 0.1, None, "auto", True)


def pages(length: int | None = None) -> PageDataset:
    return PageDataset(open_source(None, records=3, seed=1), RECIPE, length)


def test_pages_depend_on_seed_epoch_and_place_alone() -> None:
    one, other = pages(7), pages(7)
    assert len(one) == 7
    first, again = one[4], other[4]
    assert first["image"].tobytes() == again["image"].tobytes()
    assert first["image"].shape[:2] == first["mask"].shape == first["lead_masks"].shape
    assert first["mask"].max() == 3
    assert first["lead_masks"].dtype == np.uint16
    assert first["signal"].shape[0] == 12
    assert first["record_id"] == one[1]["record_id"] != one[2]["record_id"]
    assert first["image"].tobytes() != one[1]["image"].tobytes()  # another page of the record
    other.set_epoch(1)
    assert other[4]["image"].tobytes() != first["image"].tobytes()
    assert [pages()[k]["record_id"] for k in range(3)] == [one[k]["record_id"] for k in range(3)]
    with pytest.raises(IndexError):
        one[7]
    with pytest.raises(ValueError, match="length must be 1 or more"):
        pages(0)


def identity(items: list[dict[str, object]]) -> list[dict[str, object]]:
    return items


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_data_loader_gives_the_same_pages_with_any_workers(workers: int) -> None:
    data = pytest.importorskip("torch.utils.data")
    loader = data.DataLoader(
        pages(4),
        batch_size=2,
        num_workers=workers,
        collate_fn=identity,
        multiprocessing_context="spawn" if workers else None,
    )
    items = [item for batch in loader for item in batch]
    assert [item["image"].tobytes() for item in items] == [
        pages(4)[k]["image"].tobytes() for k in range(4)
    ]
