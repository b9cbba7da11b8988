"""Many photos, one after the other; one bad file never ends the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ecg.page_parts import PagePartsError
from ecg.reading import PageRejected, Reading
from pipeline.diagnoser import Diagnosis
from pipeline.lead_quality import leads_found
from pipeline.options import DEFAULT_FORMATS, RecordFormat
from pipeline.outputs import IndexRow, OutputError, ResultTree
from pipeline.photos import MAX_MEGAPIXELS, Photo, PhotoError, load_photos
from pipeline.result_files import write_result

Process = Callable[[Photo], Reading | Diagnosis]
"""Reads, or reads and assesses, one photo; ``Digitizer.digitize`` or ``Diagnoser.diagnose``."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one photo.

    Attributes:
        row: its line of the index.
        folder: where its results lie, None unless read.
        reading: what was read, None unless read.
        diagnosis: what it means, None unless it was assessed.
    """

    row: IndexRow
    folder: Path | None = None
    reading: Reading | None = None
    diagnosis: Diagnosis | None = None


def run_batch(
    photos: Sequence[Path],
    tree: ResultTree,
    process: Process,
    diagnose: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
    formats: Sequence[RecordFormat] = DEFAULT_FORMATS,
) -> Iterator[Outcome]:
    """Processes photos and writes their results.

    Args:
        photos: files, each with one page or several.
        tree: where the results go.
        process: what to do with a photo.
        diagnose: whether ``process`` gives a diagnosis.
        max_megapixels: see ``load_photos``.
        formats: see ``write_result``.

    Yields:
        One outcome a page, as soon as its results are written.

    Raises:
        OutputError: the results cannot be written; nothing half-written stays.
    """
    for path in photos:
        for outcome in _run_file(path, tree, process, diagnose, max_megapixels, formats):
            tree.add_row(outcome.row)
            yield outcome


def _run_file(
    path: Path,
    tree: ResultTree,
    process: Process,
    diagnose: bool,
    max_megapixels: float,
    formats: Sequence[RecordFormat],
) -> Iterator[Outcome]:
    pages = load_photos(path, max_megapixels)
    page = 0
    while True:
        began = time.perf_counter()
        page += 1
        try:
            photo = next(pages, None)
            if photo is None:
                return
            outcome = _run_page(photo, tree, process, formats)
        except OutputError:
            raise
        except (PhotoError, PagePartsError) as error:
            outcome = _failed(tree, path, page, "error", str(error))
        except PageRejected as error:
            outcome = _failed(tree, path, page, "rejected", str(error))
        except Exception as error:  # noqa: BLE001 (the boundary of one photo in a batch)
            tree.log_error(path, page, error)
            sentence = f"Internal error ({type(error).__name__}); the traceback is in errors.log."
            outcome = _failed(tree, path, page, "error", sentence)
        yield _timed(outcome, time.perf_counter() - began, diagnose)


def _run_page(
    photo: Photo, tree: ResultTree, process: Process, formats: Sequence[RecordFormat]
) -> Outcome:
    result = process(photo)
    diagnosis = result if isinstance(result, Diagnosis) else None
    reading = result.reading if isinstance(result, Diagnosis) else result
    name = tree.folder_name(photo.path, photo.page)
    folder = tree.write_folder(
        name, lambda new: write_result(new, photo, reading, diagnosis, formats)
    )
    row = IndexRow(
        photo=str(photo.path),
        page=photo.page,
        folder=name,
        status="read",
        layout=reading.layout,
        speed_mm_per_s=float(reading.speed_mm_per_s),
        gain_mm_per_mv=float(reading.gain_mm_per_mv),
        leads_found=leads_found(reading),
        quality=float(reading.quality),
        mi_probability=diagnosis.mi_probability if diagnosis else None,
        mi_decision=diagnosis.mi_decision if diagnosis else None,
    )
    return Outcome(row, folder, reading, diagnosis)


def _failed(tree: ResultTree, path: Path, page: int, status: str, reason: str) -> Outcome:
    tree.remove_folder(tree.folder_name(path, page))
    return Outcome(IndexRow(str(path), page, "", status, reason))


def _timed(outcome: Outcome, seconds: float, diagnose: bool) -> Outcome:
    decision = outcome.row.mi_decision
    if diagnose and decision is None:
        decision = "not_assessed"
    row = replace(outcome.row, seconds=seconds, mi_decision=decision)
    return replace(outcome, row=row)
