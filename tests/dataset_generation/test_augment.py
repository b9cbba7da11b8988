"""A folder of pictures augmented: truth beside every copy, same bytes, whatever happened."""

import csv
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import orjson
import pytest
from PIL import Image

from dataset_generation.augment import Augmented, AugmentError, augment_folder, remake
from dataset_generation.augment_options import AugmentOptions
from dataset_generation.photograph import Photograph
from pipeline.augment_command import run_augment

SIZE = (220, 160)
POINTS = [[40, 30], [110, 80], [180, 130]]


def draw() -> tuple[Image.Image, np.ndarray]:
    """White paper with three dots, and their mask."""
    mask = np.zeros(SIZE[::-1], np.uint16)
    for value, (x, y) in enumerate(POINTS, 500):
        cv2.circle(mask, (x, y), 6, value, -1)
    return Image.fromarray(np.where(mask[..., None] > 0, (200, 20, 20), 255).astype(np.uint8)), mask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures: masks and keypoints in every way that is read."""
    made = tmp_path / "set"
    (made / "images" / "deep").mkdir(parents=True)
    (made / "masks" / "deep").mkdir(parents=True)
    picture, mask = draw()
    picture.save(made / "images" / "one.png")
    Image.fromarray(mask).save(made / "masks" / "one.png")
    (made / "images" / "one.json").write_text(json.dumps({"keypoints": POINTS, "labels": "abc"}))
    picture.save(made / "images" / "deep" / "two.jpg", quality=95)
    palette = Image.fromarray((mask > 0).astype(np.uint8))
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.save(made / "masks" / "deep" / "two.png")
    picture.convert("L").save(made / "three.bmp")
    Image.fromarray(mask > 0).save(made / "three_mask.png")
    rows = [f"three.bmp,{x},{y},dot" for x, y in POINTS]
    (made / "keypoints.csv").write_text("\n".join(["file,x,y,label", *rows]) + "\n")
    return made


def augment(folder: Path, out: Path, copies: int = 2, seed: int = 0) -> Augmented:
    return augment_folder(folder, out, Photograph("photo"), copies, seed)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_copies_carry_their_masks_and_keypoints(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = augment(folder, out)
    assert (done.written, done.kept, done.failures) == (6, 0, [])
    with (out / "augmented.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["image"] for row in rows] == [
        f"images/{name}-a{copy}.jpg" for name in ("deep/two", "one", "three") for copy in (0, 1)
    ]
    for row in rows:
        assert Image.open(out / row["image"]).size == (int(row["width"]), int(row["height"]))
        assert Image.open(out / row["mask"]).size == (int(row["width"]), int(row["height"]))
    mask = np.array(Image.open(out / "masks" / "one-a0.png"))
    assert mask.dtype == np.uint16
    known = json.loads((out / "keypoints" / "one-a0.json").read_text())
    assert known["labels"] == ["a", "b", "c"]
    for value, point, visible in zip(
        (500, 501, 502), known["keypoints"], known["visible"], strict=True
    ):
        y, x = np.nonzero(mask == value)
        assert visible
        assert np.hypot(x.mean() - point[0], y.mean() - point[1]) < 1
    palette = Image.open(out / "masks" / "deep" / "two-a0.png")
    assert palette.mode == "P"
    assert list(palette.getpalette() or ())[3:6] == [255, 0, 0]
    assert set(np.array(palette).ravel().tolist()) == {0, 1}
    assert not (out / "keypoints" / "deep").exists()
    assert Image.open(out / "masks" / "three-a1.png").mode == "1"
    assert json.loads((out / "keypoints" / "three-a1.json").read_text())["labels"] == ["dot"] * 3


def test_a_copy_is_remade_from_its_parameters(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    augment(folder, out, copies=1)
    again = remake(out / "parameters" / "one-a0.json", folder)
    stored = cv2.imread(str(out / "images" / "one-a0.jpg"))
    assert stored is not None
    np.testing.assert_array_equal(again.image, stored[..., ::-1])
    np.testing.assert_array_equal(again.masks[0], np.array(Image.open(out / "masks/one-a0.png")))
    Image.new("RGB", SIZE).save(folder / "images" / "one.png")
    with pytest.raises(ValueError, match="another picture"):
        remake(out / "parameters" / "one-a0.json", folder)


def test_a_stopped_run_goes_on_to_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    augment(folder, tmp_path / "whole")
    whole = digests(tmp_path / "whole")
    out = tmp_path / "stopped"
    augment(folder, out, copies=1)
    # As if killed while it wrote: the parameters are the last file of a copy.
    (out / "parameters" / "one-a0.json").unlink()
    (out / "masks" / "one-a0.png").write_bytes(b"half")
    done = augment(folder, out)
    assert (done.written, done.kept) == (4, 2)
    assert digests(out) == whole
    assert augment(folder, out).kept == 6
    assert digests(out) == whole


def test_a_copy_depends_on_its_own_path_alone(folder: Path, tmp_path: Path) -> None:
    augment(folder, tmp_path / "all")
    (folder / "three.bmp").unlink()
    (folder / "three_mask.png").unlink()
    (folder / "keypoints.csv").unlink()
    augment(folder, tmp_path / "fewer")
    name = "images/one-a1.jpg"
    assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "fewer" / name).read_bytes()
    augment(folder, tmp_path / "seeded", seed=1)
    assert (tmp_path / "all" / name).read_bytes() != (tmp_path / "seeded" / name).read_bytes()


def test_the_copies_can_be_augmented_themselves(folder: Path, tmp_path: Path) -> None:
    augment(folder, tmp_path / "once", copies=1)
    done = augment(tmp_path / "once", tmp_path / "twice", copies=1)
    assert (done.written, done.failures) == (3, [])
    known = json.loads((tmp_path / "twice" / "keypoints" / "one-a0-a0.json").read_text())
    mask = np.array(Image.open(tmp_path / "twice" / "masks" / "one-a0-a0.png"))
    y, x = np.nonzero(mask == 501)
    assert np.hypot(x.mean() - known["keypoints"][1][0], y.mean() - known["keypoints"][1][1]) < 1.5


def command(folder: Path, out: Path, **more: object) -> int:
    return run_augment(AugmentOptions(folder, out, quiet=True, **more))  # type: ignore[arg-type]


def test_a_damaged_picture_is_reported_and_the_others_go_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = folder / "images" / "deep" / "two.jpg"
    two.write_bytes(two.read_bytes()[:900])
    assert command(folder, tmp_path / "out") == 3
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("left out: images/deep/two.jpg: two.jpg is cut off or damaged")
    assert told[1] == f"2 copies written, 1 pictures left out; see {tmp_path / 'out'}"
    assert len(list((tmp_path / "out" / "parameters").rglob("*.json"))) == 2
    assert command(folder, tmp_path / "out") == 3
    assert "0 copies written, 2 kept" in capsys.readouterr().err


def spoil_mask(folder: Path) -> None:
    Image.new("L", (5, 5)).save(folder / "masks" / "one.png")


def spoil_second_mask(folder: Path) -> None:
    Image.new("L", SIZE).save(folder / "images" / "one_mask.png")


def spoil_keypoints(folder: Path) -> None:
    (folder / "images" / "one.json").write_text('{"shapes": []}')


def spoil_labels(folder: Path) -> None:
    (folder / "images" / "one.json").write_text('{"keypoints": [[1, 2]], "labels": ["a", "b"]}')


def spoil_twin(folder: Path) -> None:
    (folder / "images" / "one.png").rename(folder / "images" / "one.bmp")
    draw()[0].save(folder / "images" / "one.png")


def spoil_frames(folder: Path) -> None:
    (folder / "images" / "one.png").unlink()
    picture = draw()[0]
    picture.save(folder / "images" / "one.tif", save_all=True, append_images=[picture])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (spoil_mask, "one.png is 5 x 5 pixels, its picture images/one.png 220 x 160"),
        (spoil_second_mask, "images/one.png has two masks, one_mask.png and one.png: keep one"),
        (spoil_keypoints, "one.json holds no keypoints"),
        (spoil_labels, "one.json has 1 keypoints, but 2 labels"),
        (spoil_twin, "differ in their suffix alone"),
        (spoil_frames, "one.tif holds several pictures"),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(
    folder: Path, tmp_path: Path, spoil: object, told: str
) -> None:
    spoil(folder)  # type: ignore[operator]
    done = augment(folder, tmp_path / "out", copies=1)
    ((_, reason),) = done.failures
    assert told in reason
    assert "\n" not in reason
    assert done.written == (3 if spoil is spoil_twin else 2)


def test_large_pictures_are_refused_before_they_are_decoded(folder: Path, tmp_path: Path) -> None:
    Image.new("L", (2000, 1000)).save(folder / "large.png")
    done = augment_folder(folder, tmp_path / "out", Photograph("photo"), 1, 0, max_megapixels=1.0)
    assert done.failures == [
        (
            "large.png",
            "large.png has 2 megapixels, more than the 1 that are read (--max-megapixels)",
        )
    ]


def test_a_place_that_holds_something_else_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(AugmentError, match="whose pictures are read"):
        augment(folder, folder / "out")
    with pytest.raises(AugmentError, match="whose pictures are read"):
        augment(folder, folder)
    with pytest.raises(AugmentError, match="holds other files"):
        augment(folder, tmp_path)
    augment(folder, tmp_path / "out", copies=1)
    with pytest.raises(AugmentError, match="made with other options"):
        augment(folder, tmp_path / "out", copies=1, seed=9)


def test_a_changed_picture_is_not_mixed_with_its_old_copies(folder: Path, tmp_path: Path) -> None:
    augment(folder, tmp_path / "out", copies=1)
    Image.new("RGB", SIZE).save(folder / "images" / "one.png")
    done = augment(folder, tmp_path / "out", copies=2)
    ((name, reason),) = done.failures
    assert name == "images/one.png"
    assert "has changed since" in reason


def test_usage_errors_say_what_to_do(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path / "nowhere", tmp_path / "out") == 2
    assert "there is no folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert command(tmp_path / "empty", tmp_path / "out") == 2
    assert "holds no picture" in capsys.readouterr().err
    assert command(folder, tmp_path / "out", preset="sketch") == 2
    assert "there is no preset 'sketch'" in capsys.readouterr().err
    (folder / "keypoints.csv").write_text("file,x,y\nnobody.png,1,2\n")
    assert command(folder, tmp_path / "out") == 2
    assert "keypoints.csv, line 2: there is no picture 'nobody.png'" in capsys.readouterr().err
    (folder / "keypoints.csv").write_text("name,x,y\nthree.bmp,1,2\n")
    assert command(folder, tmp_path / "out") == 2
    with pytest.raises(ValueError, match="--copies must be 1 or more"):
        AugmentOptions(folder, copies=0)


def test_the_clean_preset_writes_png_without_loss(folder: Path, tmp_path: Path) -> None:
    augment_folder(folder, tmp_path / "out", Photograph("clean"))
    copy = np.array(Image.open(tmp_path / "out" / "images" / "one-a0.png"))
    given = np.array(Image.open(folder / "images" / "one.png"))
    np.testing.assert_array_equal(copy[3:-3, 3:-3], given[3:-3, 3:-3])
    parameters = orjson.loads((tmp_path / "out" / "parameters" / "one-a0.json").read_bytes())
    assert parameters["source"] == "images/one.png"
