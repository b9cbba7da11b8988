"""The tables of a reading study: answers, and the key that is kept apart from them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

ANSWERS = ("yes", "no", "unable")
PAGES_FOLDER = "pages"
ANSWERS_FILE = "answers.csv"
INSTRUCTIONS_FILE = "INSTRUCTIONS.md"
KEY_FOLDER = "key"
KEY_FILE = "key.csv"
ABOUT_FILE = "study.json"
_KEY_COLUMNS = ("page", "record_id", "version", "truth")
_ANSWER_COLUMNS = ("page", "answer")


class StudyError(ValueError):
    """A study that cannot be made or scored; the message is for the user."""


@dataclass(frozen=True)
class KeyRow:
    """What is on a page.

    Attributes:
        page: number of the page as its file is named, such as ``001``.
        record_id: the record.
        version: ``original`` or ``reconstructed``.
        truth: ``yes`` or ``no``.
    """

    page: str
    record_id: str
    version: str
    truth: str


def write_key(path: Path, rows: list[KeyRow]) -> None:
    """Writes what is on each page."""
    _write(path, _KEY_COLUMNS, [(row.page, row.record_id, row.version, row.truth) for row in rows])


def write_answer_table(path: Path, pages: list[str]) -> None:
    """Writes the table that readers fill in."""
    _write(path, _ANSWER_COLUMNS, [(page, "") for page in pages])


def read_key(study: Path) -> list[KeyRow]:
    """Reads the key of a study.

    Raises:
        StudyError: there is none, or it is damaged.
    """
    path = study / KEY_FOLDER / KEY_FILE
    rows = [KeyRow(*(row[name] for name in _KEY_COLUMNS)) for row in _read(path, _KEY_COLUMNS)]
    seen = {row.page for row in rows}
    if not rows or len(seen) != len(rows):
        raise StudyError(f"{path} is damaged: it has no page, or one of them twice")
    for row in rows:
        if row.version not in ("original", "reconstructed") or row.truth not in ("yes", "no"):
            raise StudyError(f"{path} is damaged: see page {row.page}")
    return rows


def read_answers(path: Path, pages: set[str]) -> dict[str, str]:
    """Reads a reader's answers, page to answer.

    Args:
        path: the filled table.
        pages: all pages of the study.

    Raises:
        StudyError: a page is unknown, missing or answered twice, or an answer is no choice.
    """
    found: dict[str, str] = {}
    for line, row in enumerate(_read(path, _ANSWER_COLUMNS), 2):
        # Spreadsheets drop leading zeros.
        page, answer = row["page"].strip().zfill(3), row["answer"].strip().lower()
        if page not in pages:
            raise StudyError(f"{path}, line {line}: this study has no page {row['page']!r}")
        if page in found:
            raise StudyError(f"{path}, line {line}: page {page} was answered before")
        if answer not in ANSWERS:
            told = repr(row["answer"]) if answer else "empty"
            raise StudyError(
                f"{path}, line {line}: the answer to page {page} is {told}; "
                f"it must be {', '.join(ANSWERS[:-1])} or {ANSWERS[-1]}"
            )
        found[page] = answer
    missing = sorted(pages - found.keys())
    if missing:
        more = "" if len(missing) == 1 else f" and {len(missing) - 1} more"
        raise StudyError(f"{path} has no answer to page {missing[0]}{more}")
    return found


def reader_name(path: Path) -> str:
    """``answers_anna.csv`` is Anna's; any other file is called as it is."""
    return path.stem.removeprefix("answers_") or path.stem


def _write(path: Path, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _read(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise StudyError(f"there is no {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} cannot be read as a table: {error}") from None
    first = text.split("\n", 1)[0]
    # Spreadsheets of some countries part columns by semicolons.
    reader = csv.DictReader(text.splitlines(), delimiter=";" if ";" in first else ",")
    if not set(columns) <= set(reader.fieldnames or ()):
        raise StudyError(f"{path} must have the columns {', '.join(columns)}")
    rows = [{name: row[name] or "" for name in columns} for row in reader]
    return [row for row in rows if any(value.strip() for value in row.values())]
