"""Pictures in: one photo after the other out of files of every usual kind.

What a file is, is told by its first bytes, never by its name. Its size in pixels is read from its
header and checked before anything is decoded, so a small file cannot claim the memory of a large
one.
"""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

if TYPE_CHECKING:
    import pypdfium2

MAX_MEGAPIXELS = 120.0
MAX_FILE_MB = 512.0
MIN_SIDE_PX = 64
PDF_DPI = 300.0
PDF_LEAST_DPI = 100.0

_TIFF_SUBFILE_TYPE = 254
_TIFF_REDUCED = 1

_DECODER_ERRORS = (
    OSError,  # cut files among others
    SyntaxError,  # how Pillow calls a broken PNG or TIFF
    ValueError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ArithmeticError,
    AttributeError,
    struct.error,
    zlib.error,
)
"""What Pillow's decoders and libheif raise for damaged data."""


_pdfium = threading.Lock()


class PhotoError(Exception):
    """A file that gives no picture; the message is one sentence for the user."""


@dataclass(frozen=True, eq=False)
class Photo:
    """One picture, upright.

    Attributes:
        pixels: ``(height, width, 3)`` uint8 RGB.
        path: file that it came from.
        page: 1 for the first page of the file.
        kind: what the file is: ``JPEG``, ``PNG``, ``TIFF``, ``BMP``, ``WEBP``, ``HEIC``, ``PDF``.
        orientation: EXIF orientation 1 to 8 that the file stated; the pixels are turned already.
        dpi: resolution that the file states, or that a PDF page was drawn at; None if unknown.
    """

    pixels: NDArray[np.uint8]
    path: Path
    page: int = 1
    kind: str = ""
    orientation: int = 1
    dpi: float | None = None

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if len(shape) != 3 or shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise ValueError(f"pixels must be (height, width, 3) uint8, not {shape}")
        if self.page < 1:
            raise ValueError(f"page counts from 1, not {self.page}")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


def load_photos(path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> Iterator[Photo]:
    """Opens a file and yields each picture in it.

    PNG, JPEG, BMP, WebP and HEIC give one, TIFF and PDF one a page. 16-bit, grey, palette and
    CMYK pictures become 8-bit RGB, transparency becomes white, EXIF orientation is applied.

    Args:
        path: the file.
        max_megapixels: pictures with more pixels are refused before they are decoded. PDF pages
            are drawn at up to 300 dpi, less where they would be larger than this.

    Raises:
        PhotoError: while iterating, with one sentence that names the file.
    """
    path = Path(path)
    kind = _sniff(path)
    opener = _load_pdf if kind == "PDF" else _load_image
    yield from opener(path, kind, max_megapixels)


def _sniff(path: Path) -> str:
    """What the file is, from its first bytes."""
    try:
        if path.is_dir():
            raise PhotoError(f"{path.name} is a folder, not a picture.")
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(1024)
    except FileNotFoundError:
        raise PhotoError(f"{path} does not exist.") from None
    except OSError as error:
        raise PhotoError(f"{path} cannot be opened: {error.strerror}.") from error
    if size == 0:
        raise PhotoError(f"{path.name} is empty (0 bytes).")
    if size > MAX_FILE_MB * 1e6:
        raise PhotoError(
            f"{path.name} has {size / 1e6:.0f} MB, more than the {MAX_FILE_MB:.0f} that are read."
        )
    kind = _kind_of(head)
    if kind is None:
        what = "text" if _looks_like_text(head) else "of an unknown kind"
        raise PhotoError(
            f"{path.name} is no picture (its content is {what}): "
            "PNG, JPEG, TIFF, BMP, WebP, HEIC and PDF are read."
        )
    return kind


def _kind_of(head: bytes) -> str | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return "BMP"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    heif_brands = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
    if head[4:8] == b"ftyp" and head[8:12] in heif_brands:
        return "HEIC"
    if b"%PDF-" in head:
        return "PDF"
    return None


def _looks_like_text(head: bytes) -> bool:
    return b"\0" not in head and sum(byte < 9 for byte in head) == 0


_pixel_bound = threading.Lock()


@contextmanager
def _own_pixel_bound() -> Iterator[None]:
    """Lets Pillow open headers of any size: the caller checks the size itself, more strictly.

    Pillow's own bound is a global that warns from 89 and refuses from 179 megapixels.
    """
    with _pixel_bound:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _load_image(path: Path, kind: str, max_megapixels: float) -> Iterator[Photo]:
    if kind == "HEIC":
        import pi_heif

        pi_heif.register_heif_opener()
    formats = ["HEIF"] if kind == "HEIC" else [kind]
    with _own_pixel_bound():
        image: Image.Image = _decoding(path, lambda: Image.open(path, formats=formats))
    with image:
        frames = 1
        if kind == "TIFF":
            frames = _decoding(path, lambda: getattr(image, "n_frames", 1))
        page = 0
        for frame in range(frames):
            if frame:
                with _own_pixel_bound():
                    _decoding(path, lambda: image.seek(frame))  # noqa: B023 (called at once)
                if _is_thumbnail(image):
                    continue
            page += 1
            name = path.name if frames == 1 else f"page {page} of {path.name}"
            _check_size(name, *image.size, max_megapixels)
            yield _decoding(path, lambda: _photo(image, path, page, kind))  # noqa: B023


def _decoding(path: Path, step: Callable[[], Any]) -> Any:
    """Runs one step of decoding; whatever the decoder dislikes becomes one sentence."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of damaged metadata, which says nothing about the pixels.
            warnings.simplefilter("ignore", UserWarning)
            return step()
    except PhotoError:
        raise
    except MemoryError as error:
        raise PhotoError(f"{path.name} is too large for this machine's memory.") from error
    except UnidentifiedImageError as error:
        raise PhotoError(f"{path.name} is damaged: its header cannot be read.") from error
    except _DECODER_ERRORS as error:
        raise PhotoError(f"{path.name} is cut off or damaged: it cannot be decoded.") from error


def _is_thumbnail(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", {})
    return bool(int(tags.get(_TIFF_SUBFILE_TYPE, 0)) & _TIFF_REDUCED)


def _check_size(name: str, width: int, height: int, max_megapixels: float) -> None:
    megapixels = width * height / 1e6
    if megapixels > max_megapixels:
        raise PhotoError(
            f"{name} has {megapixels:.0f} megapixels, more than the {max_megapixels:g} "
            "that are read (--max-megapixels)."
        )
    if min(width, height) < MIN_SIDE_PX:
        raise PhotoError(
            f"{name} is {width} x {height} pixels, too small to show an ECG "
            f"(at least {MIN_SIDE_PX} each way)."
        )


def _photo(image: Image.Image, path: Path, page: int, kind: str) -> Photo:
    orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1) or 1)
    dpi = image.info.get("dpi")
    image.load()
    upright = ImageOps.exif_transpose(image) if 2 <= orientation <= 8 else image
    dpi_x = float(dpi[0]) if dpi and 30 < float(dpi[0]) < 5000 else None
    return Photo(_rgb(upright), path, page, kind, orientation, dpi_x)


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Any Pillow picture as 8-bit RGB, transparent parts white."""
    if image.mode.startswith("I") or image.mode == "F":
        grey = _eight_bits(np.asarray(image))
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        seen = image.convert("RGBA")
        paper = Image.new("RGBA", seen.size, "white")
        image = Image.alpha_composite(paper, seen)
    return np.array(image.convert("RGB"))


def _eight_bits(grey: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey values of more than 8 bits to 8.

    Scanners put 10, 12 or 16 bits into 16: the least of these that holds the brightest value is
    taken for full scale. Floating-point pictures are stretched.
    """
    if np.issubdtype(grey.dtype, np.floating):
        low, high = float(np.nanmin(grey)), float(np.nanmax(grey))
        scaled = (np.nan_to_num(grey, nan=low) - low) / max(high - low, 1e-12)
    else:
        brightest = int(grey.max(initial=0))
        bits = next((bits for bits in (8, 10, 12, 14, 16) if brightest < 1 << bits), 32)
        scaled = grey.clip(0).astype(np.float32) / ((1 << bits) - 1)
    return np.rint(scaled * 255).clip(0, 255).astype(np.uint8)


def _load_pdf(path: Path, kind: str, max_megapixels: float) -> Iterator[Photo]:
    import pypdfium2

    # PDFium is not thread-safe, and photos are read in several threads.
    with _pdfium:
        try:
            document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            if "assword" in str(error):
                raise PhotoError(f"{path.name} is protected by a password.") from error
            raise PhotoError(
                f"{path.name} is damaged or has no pages: it cannot be opened."
            ) from error
        pages = len(document)
    try:
        if pages == 0:
            raise PhotoError(f"{path.name} is a PDF without pages.")
        for index in range(pages):
            name = f"page {index + 1} of {path.name}"
            with _pdfium:
                try:
                    pixels, dpi = _draw_page(document[index], name, max_megapixels)
                except pypdfium2.PdfiumError as error:
                    raise PhotoError(f"{name} is damaged: it cannot be drawn.") from error
            yield Photo(pixels, path, index + 1, kind, 1, dpi)
    finally:
        with _pdfium:
            document.close()


def _draw_page(
    page: pypdfium2.PdfPage, name: str, max_megapixels: float
) -> tuple[NDArray[np.uint8], float]:
    """A page of a PDF as RGB, and its dots per inch."""
    width_in, height_in = (length / 72 for length in page.get_size())
    dpi = PDF_DPI
    if width_in * height_in * dpi**2 > max_megapixels * 1e6:
        dpi = float((max_megapixels * 1e6 / (width_in * height_in)) ** 0.5) * 0.998
    if dpi < PDF_LEAST_DPI:
        raise PhotoError(
            f"{name} measures {width_in * 25.4:.0f} x {height_in * 25.4:.0f} mm, too "
            f"large for {max_megapixels:g} megapixels (--max-megapixels)."
        )
    _check_size(name, int(width_in * dpi), int(height_in * dpi), max_megapixels)
    bitmap = page.render(scale=dpi / 72, rev_byteorder=True)
    pixels = bitmap.to_numpy()[..., :3]
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    pixels = np.array(pixels)  # the bitmap's memory goes with it
    bitmap.close()
    page.close()
    return pixels, dpi
