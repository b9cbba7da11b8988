"""Opening pictures of every kind, and refusing what is none, in one sentence."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipeline.photos import Photo, PhotoError, load_photos

HERE = Path(__file__).parent
HEIGHT, WIDTH = 96, 160


@pytest.fixture
def quadrants() -> NDArray[np.uint8]:
    """Red top left, blue bottom right, pale elsewhere."""
    picture = np.full((HEIGHT, WIDTH, 3), 240, np.uint8)
    picture[: HEIGHT // 2, : WIDTH // 2] = (200, 30, 30)
    picture[HEIGHT // 2 :, WIDTH // 2 :] = (30, 30, 200)
    return picture


def only(path: Path, **arguments: float) -> Photo:
    (photo,) = load_photos(path, **arguments)
    return photo


def reason(path: Path, **arguments: float) -> str:
    with pytest.raises(PhotoError) as caught:
        list(load_photos(path, **arguments))
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


@pytest.mark.parametrize(
    ("suffix", "kind", "tolerance"),
    [
        (".png", "PNG", 0),
        (".bmp", "BMP", 0),
        (".tif", "TIFF", 0),
        (".jpg", "JPEG", 12),
        (".webp", "WEBP", 12),
    ],
)
def test_each_format_gives_its_pixels(
    tmp_path: Path, quadrants: NDArray[np.uint8], suffix: str, kind: str, tolerance: int
) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(quadrants).save(path, quality=95)
    photo = only(path)
    assert (photo.kind, photo.page, photo.size) == (kind, 1, (WIDTH, HEIGHT))
    core = np.s_[4:40, 4:70]  # away from the edges that chroma subsampling blurs
    assert np.abs(photo.pixels[core].astype(int) - quadrants[core]).max() <= tolerance


def test_heic_is_decoded(quadrants: NDArray[np.uint8]) -> None:
    photo = only(HERE / "data" / "quadrants.heic")
    assert (photo.kind, photo.size) == ("HEIC", (WIDTH, HEIGHT))
    core = np.s_[8:40, 8:70]
    assert np.abs(photo.pixels[core].astype(int) - quadrants[core]).max() < 25


def test_cut_heic_is_refused(tmp_path: Path) -> None:
    whole = (HERE / "data" / "quadrants.heic").read_bytes()
    (tmp_path / "a.heic").write_bytes(whole[: len(whole) * 2 // 3])
    assert "cut off or damaged" in reason(tmp_path / "a.heic")


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_picture_upright(
    tmp_path: Path, quadrants: NDArray[np.uint8], orientation: int, suffix: str
) -> None:
    upright = Image.fromarray(quadrants)
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    stored.save(path, exif=exif, quality=95)
    photo = only(path)
    assert photo.size == (WIDTH, HEIGHT)
    assert photo.pixels[10, 10, 0] > 150 > photo.pixels[10, 10, 2]
    assert photo.pixels[-10, -10, 2] > 150 > photo.pixels[-10, -10, 0]


def test_16_bit_grey_keeps_its_tones(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, WIDTH).astype(np.uint16)
    image = Image.fromarray(np.tile(ramp, (HEIGHT, 1)))
    for suffix in (".png", ".tif"):
        image.save(tmp_path / f"a{suffix}")
        row = only(tmp_path / f"a{suffix}").pixels[10, :, 0].astype(int)
        assert np.abs(row - ramp / 257).max() <= 1


def test_12_bits_in_16_fill_the_range(tmp_path: Path) -> None:
    ramp = np.linspace(0, 4095, WIDTH).astype(np.uint16)
    Image.fromarray(np.tile(ramp, (HEIGHT, 1))).save(tmp_path / "a.png")
    assert only(tmp_path / "a.png").pixels.max() == 255


def test_16_bit_rgb_png(tmp_path: Path) -> None:
    rows = np.zeros((HEIGHT, WIDTH, 3), ">u2")
    rows[..., 0] = 0xC8C8
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )
    assert only(tmp_path / "a.png").pixels[5, 5].tolist() == [200, 0, 0]


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_scan_has_its_colours(
    tmp_path: Path, quadrants: NDArray[np.uint8], suffix: str
) -> None:
    Image.fromarray(quadrants).convert("CMYK").save(tmp_path / f"a{suffix}", quality=95)
    photo = only(tmp_path / f"a{suffix}")
    assert photo.pixels[10, 10, 0] > 150 > photo.pixels[10, 10, 2]
    assert photo.pixels[10, -10].min() > 200


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_bilevel_and_palette_become_rgb(
    tmp_path: Path, quadrants: NDArray[np.uint8], mode: str
) -> None:
    Image.fromarray(quadrants).convert(mode).save(tmp_path / "a.png")
    photo = only(tmp_path / "a.png")
    assert photo.pixels.shape == (HEIGHT, WIDTH, 3)
    assert photo.pixels[10, -10].min() > 200


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_parts_are_white_paper(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (WIDTH, HEIGHT))  # black and wholly transparent
    image.save(tmp_path / "a.png")
    assert only(tmp_path / "a.png").pixels.min() == 255


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (WIDTH, HEIGHT), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.save(tmp_path / "a.png", transparency=0)
    assert only(tmp_path / "a.png").pixels.min() == 255


def test_pages_of_a_tiff_come_one_by_one(tmp_path: Path) -> None:
    pages = [Image.new("L", (WIDTH, HEIGHT), grey) for grey in (10, 120, 250)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    photos = list(load_photos(tmp_path / "a.tif"))
    assert [photo.page for photo in photos] == [1, 2, 3]
    assert [int(photo.pixels[5, 5, 0]) for photo in photos] == [10, 120, 250]


def test_thumbnail_in_a_tiff_is_no_page(tmp_path: Path) -> None:
    full, thumb = Image.new("L", (WIDTH, HEIGHT)), Image.new("L", (80, 70))
    thumb.encoderinfo = {"tiffinfo": {254: 1}}
    full.save(tmp_path / "a.tif", save_all=True, append_images=[thumb])
    assert len(list(load_photos(tmp_path / "a.tif"))) == 1


def pdf_of(pages: list[Image.Image], path: Path) -> None:
    pages[0].save(path, save_all=True, append_images=pages[1:], resolution=100)


def test_pdf_pages_are_drawn_at_300_dpi(tmp_path: Path) -> None:
    pdf_of([Image.new("RGB", (400, 300), "red"), Image.new("RGB", (200, 300))], tmp_path / "a.pdf")
    first, second = load_photos(tmp_path / "a.pdf")
    assert (first.page, second.page, first.kind) == (1, 2, "PDF")
    assert np.abs(np.subtract(first.size, (1200, 900))).max() <= 1
    assert np.abs(first.pixels[450, 600].astype(int) - [255, 0, 0]).max() <= 2
    assert first.dpi == 300


def test_large_pdf_page_is_drawn_coarser(tmp_path: Path) -> None:
    pdf_of([Image.new("RGB", (400, 300))], tmp_path / "a.pdf")
    photo = only(tmp_path / "a.pdf", max_megapixels=0.4)
    assert photo.dpi is not None
    assert 180 < photo.dpi < 205
    assert photo.size[0] * photo.size[1] <= 0.4e6


def test_pdf_page_beyond_all_bounds_is_refused_unrendered(tmp_path: Path) -> None:
    pdf_of([Image.new("RGB", (400, 300))], tmp_path / "a.pdf")
    assert "too large" in reason(tmp_path / "a.pdf", max_megapixels=0.05)


def test_pdf_without_pages(tmp_path: Path) -> None:
    body = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
        b"trailer<</Root 1 0 R/Size 3>>\n%%EOF\n"
    )
    (tmp_path / "a.pdf").write_bytes(body)
    assert "pages" in reason(tmp_path / "a.pdf")


def test_damaged_pdf(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\nnothing more")
    assert "damaged" in reason(tmp_path / "a.pdf")


def test_truncated_jpeg_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "JPEG")
    for share in (0.02, 0.5, 0.97):
        (tmp_path / "a.jpg").write_bytes(stream.getvalue()[: int(share * stream.tell())])
        assert "damaged" in reason(tmp_path / "a.jpg")


def test_truncated_png_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    (tmp_path / "a.png").write_bytes(stream.getvalue()[: stream.tell() // 2])
    assert "cut off or damaged" in reason(tmp_path / "a.png")


def test_one_pixel_is_too_small(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "a.png")
    assert "1 x 1 pixels, too small" in reason(tmp_path / "a.png")


def test_too_many_pixels_are_refused_from_the_header_alone(tmp_path: Path) -> None:
    """The file claims 400 megapixels but holds none: decoding it would fail otherwise."""
    data = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + data + struct.pack(">I", zlib.crc32(b"IHDR" + data))
    empty = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + empty)
    assert "400 megapixels, more than the 120" in reason(tmp_path / "a.png")


def test_the_bound_is_the_callers(tmp_path: Path, quadrants: NDArray[np.uint8]) -> None:
    Image.fromarray(quadrants).save(tmp_path / "a.png")
    before = Image.MAX_IMAGE_PIXELS
    assert "megapixels" in reason(tmp_path / "a.png", max_megapixels=0.01)
    assert only(tmp_path / "a.png", max_megapixels=0.02).size == (WIDTH, HEIGHT)
    assert before == Image.MAX_IMAGE_PIXELS


def test_content_decides_not_the_name(tmp_path: Path, quadrants: NDArray[np.uint8]) -> None:
    Image.fromarray(quadrants).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert only(tmp_path / "a.jpg").kind == "PNG"
    (tmp_path / "b.jpg").write_text("Dear colleague, please find the ECG attached.")
    assert "is no picture (its content is text)" in reason(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").write_bytes(bytes(range(256)) * 4)
    assert "of an unknown kind" in reason(tmp_path / "c.jpg")


def test_empty_missing_and_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert "empty (0 bytes)" in reason(tmp_path / "a.jpg")
    assert "does not exist" in reason(tmp_path / "b.jpg")
    assert "is a folder" in reason(tmp_path)


def test_random_damage_never_gives_a_traceback(
    tmp_path: Path, quadrants: NDArray[np.uint8]
) -> None:
    rng = np.random.default_rng(1)
    path = tmp_path / "a"
    for kind in ("PNG", "JPEG", "TIFF", "BMP", "WEBP"):
        stream = io.BytesIO()
        Image.fromarray(quadrants).save(stream, kind)
        for _ in range(40):
            data = np.frombuffer(stream.getvalue(), np.uint8).copy()
            data[rng.integers(0, min(len(data), 200), 4)] = rng.integers(0, 255, 4)
            path.write_bytes(data.tobytes()[: rng.integers(20, len(data) + 1)])
            try:
                for photo in load_photos(path):
                    assert photo.pixels.ndim == 3
            except PhotoError as error:
                assert "\n" not in str(error)  # noqa: PT017


def test_random_damage_of_a_tiff_with_pages_never_gives_a_traceback(
    tmp_path: Path, quadrants: NDArray[np.uint8]
) -> None:
    path = tmp_path / "scan.tif"
    first, *others = [Image.fromarray(quadrants) for _ in range(3)]
    first.save(path, save_all=True, append_images=others)
    whole = path.read_bytes()
    refused = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        damaged = bytearray(whole)
        for at in rng.integers(4, 200, 6) + len(whole) // 3 * rng.integers(3):
            damaged[at] = int(rng.integers(256))
        path.write_bytes(bytes(damaged))
        try:
            list(load_photos(path))
        except PhotoError:
            refused += 1
    assert refused > 20
