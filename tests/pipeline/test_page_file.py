"""The page file on the console: what it says is done, and one sentence for what cannot be."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from digitization.given import GivenPage
from ecg.page_parts import PageParts, PagePartsError
from ecg.reading import Reading
from pipeline.command import main
from pipeline.digitizer import Digitizer, PageReader

WIDTH, HEIGHT = 1130, 570
CORNERS = {
    "photo_points": [[20, 20], [1100, 20], [1100, 540], [20, 540]],
    "width_mm": 270,
    "height_mm": 130,
}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, stub_read: PageReader) -> dict[str, Any]:
    """What reaches the reader; with the page that the stub reads."""
    hints: dict[str, Any] = {}

    def load(*args: object, **given: object) -> Digitizer:
        hints.update(given)
        return Digitizer(stub_read)

    monkeypatch.setattr(Digitizer, "load", load)
    return hints


def page_file(folder: Path, document: object) -> Path:
    path = folder / "corners.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def run(photo: Path, page: Path, out: Path) -> int:
    return main(["digitize", str(photo), "--page", str(page), "--out", str(out)])


def test_what_was_given_reaches_the_reader(
    tmp_path: Path, ecg_photo: Path, seen: dict[str, Any]
) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[100:103] = 255
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks" / "mended.png")
    document = {"corners": CORNERS, "layout": "6x2", "mask": "masks/mended.png"}
    assert run(ecg_photo, page_file(tmp_path, document), tmp_path / "out") == 0
    given = seen["given"]
    assert isinstance(given, GivenPage)
    assert given.parts.layout == "6x2"
    np.testing.assert_array_equal(given.trace_mask, mask)


def bad_mask(folder: Path) -> None:
    Image.new("L", (10, 570)).save(folder / "small.png")
    Image.new("L", (WIDTH - 1, HEIGHT)).save(folder / "narrow.png")
    (folder / "letter.png").write_text("Dear colleague")
    (folder / "link.png").symlink_to(folder.parent / "outside.png")


OUTSIDE = {**CORNERS, "photo_points": [[20, 20], [1200, 20], [1100, 540], [20, 540]]}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{", "it is no JSON"),
        ({"layout": "4x3"}, "layout: must be one of"),
        ({"speed_mm_per_s": 30}, "speed_mm_per_s: must be one of 25, 50, not 30."),
        ({"leads": [{"lead": "V9", "box": [1, 1, 9, 9]}]}, "leads[0].lead: 'V9' is not one of"),
        ({"corners": {**CORNERS, "photo_points": [[0, 0]]}}, "four points"),
        ({"corners": OUTSIDE}, "the top right corner (1200, 20) lies outside the photo"),
        ({"photo_size": [4000, 3000]}, "photo_size is 4000 x 3000 pixels, but the photo has"),
        ({"mask": "none.png"}, "mask:"),
        ({"mask": "narrow.png"}, "mask: it has 1129 x 570 pixels, but the photo has 1130 x 570"),
        ({"mask": "small.png"}, "mask:"),
        ({"mask": "letter.png"}, "is no picture"),
        ({"mask": "../outside.png"}, "leads out of the folder of the page file."),
        ({"mask": "link.png"}, "leads out of the folder of the page file."),
        ({"mask": "/etc/hostname"}, "leads out of the folder of the page file."),
        ({"mask": "a\0b.png"}, "cannot be the name of a file."),
    ],
)
def test_what_cannot_be_is_one_sentence_exit_2_and_nothing_written(
    tmp_path: Path,
    ecg_photo: Path,
    seen: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    document: object,
    says: str,
) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    Image.new("L", (WIDTH, HEIGHT)).save(tmp_path / "outside.png")
    bad_mask(folder)
    assert run(ecg_photo, page_file(folder, document), tmp_path / "out") == 2
    told = capsys.readouterr().err.strip()
    assert told.startswith(f"ecgphoto: {folder}/corners.json: ")
    assert says in told
    assert told.count("\n") == 0
    assert not (tmp_path / "out").exists()
    assert not seen


def test_a_page_file_is_for_one_photo_of_one_page(
    tmp_path: Path,
    ecg_photo: Path,
    page_photo: NDArray[np.uint8],
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = page_file(tmp_path, {})
    picture = Image.fromarray(page_photo)
    picture.save(tmp_path / "two.tif", save_all=True, append_images=[picture])
    out = str(tmp_path / "out")
    both = [str(ecg_photo), str(tmp_path / "two.tif")]
    assert main(["digitize", *both, "--page", str(page), "--out", out]) == 2
    assert "describes one photo, but 2 were given." in capsys.readouterr().err
    assert run(tmp_path / "two.tif", page, tmp_path / "out") == 2
    assert "has several." in capsys.readouterr().err
    assert run(ecg_photo, tmp_path / "none.json", tmp_path / "out") == 2
    assert "Cannot read" in capsys.readouterr().err
    (tmp_path / "huge.json").write_bytes(b" " * (17 * 2**20))
    assert run(ecg_photo, tmp_path / "huge.json", tmp_path / "out") == 2
    assert "larger than 16 MB" in capsys.readouterr().err
    assert not Path(out).exists()


def test_a_contradiction_found_while_reading_is_one_sentence(
    tmp_path: Path,
    ecg_photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def read(photo_rgb: NDArray[np.uint8]) -> Reading:
        raise PagePartsError("leads[0] (I): its box lies on none of the rows.")

    monkeypatch.setattr(Digitizer, "load", lambda *args, **hints: Digitizer(read))
    assert run(ecg_photo, page_file(tmp_path, {}), tmp_path / "out") == 3
    assert "error: leads[0] (I): its box lies on none of the rows." in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["index.csv"]


def test_a_page_without_parts_changes_nothing(
    tmp_path: Path, ecg_photo: Path, seen: dict[str, Any]
) -> None:
    assert run(ecg_photo, page_file(tmp_path, {}), tmp_path / "out") == 0
    assert seen["given"].parts == PageParts()
    assert seen["given"].trace_mask is None


@pytest.mark.data
@pytest.mark.slow
def test_a_result_given_back_is_the_same_signal(tmp_path: Path, shared_data: Path) -> None:
    """From the console to the console, with the networks that ship."""
    photo = shared_data / "real_photos" / "photo_01924_2000px.jpg"
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(["digitize", str(photo), "--out", str(first), "--formats", "npz"]) == 0
    result = first / photo.stem / "result.json"
    arguments = ["--page", str(result), "--formats", "npz"]
    assert main(["digitize", str(photo), "--out", str(second), *arguments]) == 0
    with (
        np.load(first / photo.stem / "record.npz") as one,
        np.load(second / photo.stem / "record.npz") as two,
    ):
        difference = np.abs(one["signal_mv"] - two["signal_mv"])
        assert (np.isfinite(one["signal_mv"]) == np.isfinite(two["signal_mv"])).mean() > 0.999
        assert np.nanquantile(difference, 0.99) < 0.01
    steps = json.loads((second / photo.stem / "result.json").read_text())["steps"]
    assert [step["source"] for step in steps if step["stage"] == "page geometry"] == ["given"]
