"""Which files a command line names: files, folders and patterns."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.digital import RECORD_SUFFIXES
from pipeline.photos import PhotoError

_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".webp")
SUFFIXES = frozenset((*_IMAGE_SUFFIXES, ".heic", ".heif", ".hif", ".pdf"))


def collect_photos(
    inputs: Sequence[str | Path], exclude: Path | None = None, records: bool = False
) -> list[Path]:
    """The files that some files, folders and glob patterns name, each once.

    Folders are searched to the bottom for names with a usual suffix, hidden files left out. A
    file that is named itself is taken whatever its name. Patterns that the shell did not
    expand are expanded here (``**`` reaches into sub-folders).

    Args:
        inputs: what the user named.
        exclude: a folder whose files are not taken unless named (the results of an earlier run).
        records: patterns also fit digital recordings (folders are searched for pictures only).

    Raises:
        PhotoError: if something does not exist, a folder holds no picture, a pattern fits
            nothing, or nothing was named.
    """
    if not inputs:
        raise PhotoError("No photo was given.")
    found: dict[Path, Path] = {}
    for given in inputs:
        named = Path(given).is_file()
        files = [f for f in _expand(str(given), records) if named or not _inside(f, exclude)]
        if not files:
            raise PhotoError(f"{given} holds no photo ({', '.join(sorted(SUFFIXES))}).")
        for file in files:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def _expand(given: str, records: bool) -> list[Path]:
    path = Path(given)
    if path.is_dir():
        return _pictures_in(path)
    if path.exists():
        return [path]
    if not glob.has_magic(given):
        raise PhotoError(f"{given} does not exist.")
    hits = sorted(Path(hit) for hit in glob.glob(given, recursive=True))  # noqa: PTH207
    if not hits:
        raise PhotoError(f"No file fits the pattern {given}.")
    wanted = SUFFIXES | RECORD_SUFFIXES if records else SUFFIXES
    return [file for file in hits if file.is_file() and file.suffix.lower() in wanted]


def _pictures_in(folder: Path) -> list[Path]:
    files: Iterable[Path] = (
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
    return sorted(file for file in files if file.is_file())


def _inside(file: Path, folder: Path | None) -> bool:
    return folder is not None and file.resolve().is_relative_to(folder.resolve())
