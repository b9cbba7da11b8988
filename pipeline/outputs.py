"""The folder that a run writes: ``index.csv``, one folder a photo, ``errors.log``.

Every file and folder appears whole or not at all: folders are written beside their place and then
renamed, rows of the index are appended one line at a time.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

INDEX_FILE = "index.csv"
ERRORS_FILE = "errors.log"
RESULT_FILE = "result.json"
_DIAGNOSIS_COLUMNS = ("mi_probability", "mi_decision")


class OutputError(Exception):
    """Results cannot be written; the message is one sentence for the user."""


@dataclass(frozen=True)
class IndexRow:
    """One photo in ``index.csv``.

    Attributes:
        photo: path of the file as the user named it.
        page: page of the file, from 1.
        folder: folder of the results inside the run's folder, empty unless read.
        status: ``read``, ``rejected`` or ``error``.
        reason: one sentence why it was not read, or not assessed; else empty.
        layout: layout id.
        speed_mm_per_s: paper speed.
        gain_mm_per_mv: gain.
        leads_found: how many of the twelve leads were read.
        quality: 0..1.
        seconds: time from opening the photo to its written results.
        mi_probability: probability of myocardial infarction, empty unless assessed.
        mi_decision: ``mi``, ``no_mi``, ``cannot_tell`` or ``not_assessed``; None in a run that
            does not diagnose.
    """

    photo: str
    page: int
    folder: str
    status: str
    reason: str = ""
    layout: str = ""
    speed_mm_per_s: float | None = None
    gain_mm_per_mv: float | None = None
    leads_found: int = 0
    quality: float | None = None
    seconds: float = 0.0
    mi_probability: float | None = None
    mi_decision: str | None = None

    def __post_init__(self) -> None:
        if self.status not in ("read", "rejected", "error"):
            raise ValueError(f"status is read, rejected or error, not {self.status!r}")


def index_columns(diagnose: bool) -> tuple[str, ...]:
    """Columns of ``index.csv``; a run that diagnoses has two more."""
    names = tuple(field.name for field in fields(IndexRow))
    return names if diagnose else tuple(n for n in names if n not in _DIAGNOSIS_COLUMNS)


class ResultTree:
    """The result folder of one run.

    Args:
        folder: the run's folder; made, with its parents, if it is not there.
        diagnose: whether the index has the columns of a diagnosis.

    Raises:
        OutputError: nothing can be written there.
    """

    def __init__(self, folder: Path, diagnose: bool = False) -> None:
        self.folder = folder
        self._columns = index_columns(diagnose)
        self._taken = {INDEX_FILE, ERRORS_FILE}
        self._stems: dict[Path, str] = {}
        with _writing(folder):
            if folder.exists() and not folder.is_dir():
                raise OutputError(f"{folder} is a file, not a folder to write results to.")
            folder.mkdir(parents=True, exist_ok=True)
            self._write_atomically(INDEX_FILE, self._csv_line(self._columns))

    def folder_name(self, photo: Path, page: int) -> str:
        """A name of its own for the results of one page of a photo.

        ``<stem>`` for the first page, ``<stem>-p2`` for the second; another photo of the same
        stem gets ``<stem>-2``. A folder that an earlier run wrote is given out again, any other
        folder that is in the way is not.
        """
        if photo not in self._stems:
            self._stems[photo] = self._free(_plain(photo.stem))
        base = self._stems[photo]
        return base if page == 1 else self._free(f"{base}-p{page}")

    def _free(self, wanted: str) -> str:
        number, name = 1, wanted
        while name.casefold() in self._taken or self._is_foreign(self.folder / name):
            number += 1
            name = f"{wanted}-{number}"
        self._taken.add(name.casefold())
        return name

    @staticmethod
    def _is_foreign(path: Path) -> bool:
        return path.is_symlink() or (path.exists() and not (path / RESULT_FILE).is_file())

    def write_folder(self, name: str, write: Callable[[Path], None]) -> Path:
        """Writes the results of one photo; they appear all at once.

        Args:
            name: from :meth:`folder_name`.
            write: called with an empty folder to fill.

        Raises:
            OutputError: the disk is full or read-only.
        """
        target = self.folder / name
        with _writing(target):
            scratch = Path(tempfile.mkdtemp(dir=self.folder, prefix=f".{name}-"))
        try:
            new = scratch / "new"
            with _writing(target):
                new.mkdir()
                write(new)
                self._remove_stale(name)
                new.rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return target

    def remove_folder(self, name: str) -> None:
        """Removes what an earlier run wrote for a photo that is not read now."""
        with _writing(self.folder / name):
            self._remove_stale(name)

    def _remove_stale(self, name: str) -> None:
        target = self.folder / name
        if target.exists() and not self._is_foreign(target):
            shutil.rmtree(target)

    def add_row(self, row: IndexRow) -> None:
        """Appends a photo to ``index.csv``.

        Raises:
            OutputError: the disk is full or read-only.
        """
        line = self._csv_line(tuple(_cell(getattr(row, name)) for name in self._columns))
        with _writing(self.folder / INDEX_FILE), (self.folder / INDEX_FILE).open("ab") as stream:
            stream.write(line)

    def log_error(self, photo: Path, page: int, error: BaseException) -> None:
        """Appends a traceback to ``errors.log``."""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        text = "".join(traceback.format_exception(error))
        with (
            _writing(self.folder / ERRORS_FILE),
            (self.folder / ERRORS_FILE).open(
                "a", encoding="utf-8", errors="backslashreplace"
            ) as stream,
        ):
            stream.write(f"{when} {photo} page {page}\n{text}\n")

    def _write_atomically(self, name: str, content: bytes) -> None:
        descriptor, scratch = tempfile.mkstemp(dir=self.folder, prefix=f".{name}-")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
            Path(scratch).chmod(0o644)
            Path(scratch).replace(self.folder / name)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise

    @staticmethod
    def _csv_line(cells: tuple[str, ...]) -> bytes:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerow(cells)
        # A name may hold bytes that are no UTF-8.
        return buffer.getvalue().encode(errors="backslashreplace")


class _writing:
    """Turns the system's refusal to write into one sentence."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            raise OutputError(f"Cannot write to {self._path}: {reason}.") from error


def _plain(stem: str) -> str:
    """A file's stem as a folder name that every system takes."""
    name = re.sub(r'[\x00-\x1f<>:"/\\|?*]+', "_", stem).strip(" .")
    # Bytes count: most systems take 255 of them.
    return name.encode(errors="replace")[:100].decode(errors="ignore").strip(" .") or "photo"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
