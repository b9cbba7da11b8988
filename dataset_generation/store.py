"""Where a data set lies: a folder or any fsspec URL, every file whole or not there."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import fsspec

_PARTIAL = ".partial"


class PlaceTakenError(ValueError):
    """A place holds something else; the message says what to do."""


def names_a_file(name: str) -> bool:
    """Whether a name from a file of others is safe to write under."""
    return name not in ("", ".", "..") and not set(name) & set("/\\")


class Store:
    """Files below a folder or URL.

    Args:
        place: a folder, or a URL of fsspec (``s3://bucket/set``, ``memory://set``, ...).

    Raises:
        OSError: if there is no such kind of URL, or the package that it needs is not installed.
    """

    def __init__(self, place: str | Path) -> None:
        self.place = str(place)
        local = "://" not in self.place and "::" not in self.place
        if local:  # a worker elsewhere has another working folder
            self.place = str(Path(self.place).expanduser().absolute())
        self._files: Any
        try:
            # What workers write must be seen at once: no cached listings.
            options = {"auto_mkdir": True} if local else {"use_listings_cache": False}
            self._files, self._root = fsspec.url_to_fs(self.place, **options)
        except (ValueError, ImportError, TypeError) as error:
            raise OSError(f"{self.place} cannot be used: {error}") from error

    def __reduce__(self) -> tuple[type[Store], tuple[str]]:
        return type(self), (self.place,)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def write(self, name: str, content: bytes) -> None:
        """Write a file under another name and move it in place.

        Raises:
            OSError: if the place cannot be written or is full.
        """
        folder, _, last = name.rpartition("/")
        # Two machines may write the same file: each under a name of its own.
        last = f".{last}.{uuid.uuid4().hex}{_PARTIAL}"
        partial = self._path(f"{folder}/{last}" if folder else last)
        if folder:
            self._files.makedirs(self._path(folder), exist_ok=True)
        else:
            self._files.makedirs(self._root, exist_ok=True)
        self._files.pipe_file(partial, content)
        self._files.mv(partial, self._path(name))

    def write_table(
        self, name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
    ) -> None:
        """Write rows as a CSV file with a line of column names."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.write(name, text.getvalue().encode())

    def claim(self, name: str, settings: bytes, others: str) -> None:
        """Take an empty place for what is made with some settings, or go on with the same.

        Args:
            name: the file that keeps the settings.
            settings: its content.
            others: what the place holds where they differ, for the message.

        Raises:
            PlaceTakenError: if it holds anything else.
        """
        if self.exists(name):
            if self.read(name) != settings:
                raise PlaceTakenError(
                    f"{self.place} holds {others} (see its {name}): name another --out, or give "
                    "the same options"
                )
        elif self.names():
            raise PlaceTakenError(f"{self.place} holds other files: name another --out")
        else:
            self.write(name, settings)

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises:
            FileNotFoundError: if it is not there.
        """
        content: bytes = self._files.cat_file(self._path(name))
        return content

    def exists(self, name: str) -> bool:
        """Whether a file is there, whole."""
        return bool(self._files.exists(self._path(name)))

    def names(self, folder: str = "") -> list[str]:
        """Names of the files in a folder, sorted; files half-written by a killed run left out."""
        where = self._path(folder) if folder else self._root
        if not self._files.exists(where):
            return []
        self._files.invalidate_cache(where)
        found = (path.rsplit("/", 1)[-1] for path in self._files.ls(where, detail=False))
        return sorted(name for name in found if not name.endswith(_PARTIAL))

    def clear_partial(self, folder: str) -> None:
        """Remove what a killed run left half-written in a folder."""
        where = self._path(folder)
        if self._files.exists(where):
            for path in self._files.ls(where, detail=False):
                if path.endswith(_PARTIAL):
                    self._files.rm_file(path)
