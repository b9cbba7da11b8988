"""Many photos; one bad file never ends the run.

Several photos may be read at a time, each in a thread; what was read is written in the order of
the photos, so that folders have the same names however many there are.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any

from ecg.page_parts import PagePartsError
from ecg.reading import PageRejected, Reading
from pipeline.diagnoser import Diagnosis
from pipeline.digital import DigitalRecord, RecordFileError, is_record_file, load_record
from pipeline.lead_quality import leads_found
from pipeline.options import DEFAULT_FORMATS, RecordFormat
from pipeline.outputs import IndexRow, OutputError, ResultTree
from pipeline.photos import MAX_MEGAPIXELS, Photo, PhotoError, load_photos
from pipeline.result_files import write_record_result, write_result

Source = Photo | DigitalRecord
Process = Callable[[Any], Reading | Diagnosis]
"""Reads, or reads and assesses, one source: ``Digitizer.digitize`` (photos only) or
``Diagnoser.diagnose``."""


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


@dataclass(frozen=True, eq=False)
class _PageDone:
    """A page of a photo, or a recording, after reading: it and what was read, or why not."""

    page: int
    seconds: float
    source: Source | None = None
    result: Reading | Diagnosis | None = None
    error: Exception | None = None


def run_batch(
    photos: Sequence[Path],
    tree: ResultTree,
    process: Process,
    diagnose: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
    formats: Sequence[RecordFormat] = DEFAULT_FORMATS,
    jobs: int = 1,
) -> Iterator[Outcome]:
    """Processes photos and writes their results.

    Args:
        photos: files, each with one page or several.
        tree: where the results go.
        process: what to do with a photo; called from ``jobs`` threads.
        diagnose: whether ``process`` gives a diagnosis.
        max_megapixels: see ``load_photos``.
        formats: see ``write_result``.
        jobs: photos read at a time.

    Yields:
        One outcome a page, in the order of the photos, as soon as its results are written.

    Raises:
        OutputError: the results cannot be written; nothing half-written stays.
    """
    for path, done in _read_all(photos, process, max_megapixels, jobs, diagnose):
        began = time.perf_counter()
        outcome = _written(path, done, tree, formats)
        outcome = _timed(outcome, done.seconds + time.perf_counter() - began, diagnose)
        tree.add_row(outcome.row)
        yield outcome


def _read_all(
    photos: Sequence[Path], process: Process, max_megapixels: float, jobs: int, records: bool
) -> Iterator[tuple[Path, _PageDone]]:
    """Every page of every photo, in order; other photos are read meanwhile."""
    if jobs == 1:
        for path in photos:
            for page in _read_file(path, process, max_megapixels, records):
                yield path, page
        return
    stopped = threading.Event()
    waiting = deque(photos)
    under_way: deque[tuple[Path, Queue[_PageDone | None]]] = deque()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while waiting or under_way:
                while waiting and len(under_way) < 2 * jobs:
                    path = waiting.popleft()
                    pages: Queue[_PageDone | None] = Queue(maxsize=2)
                    pool.submit(_feed, pages, path, process, max_megapixels, stopped, records)
                    under_way.append((path, pages))
                path, pages = under_way[0]
                done = pages.get()
                if done is not None:
                    yield path, done
                else:
                    under_way.popleft()
        finally:
            stopped.set()
            for _, pages in under_way:
                _empty(pages)


def _feed(
    pages: Queue[_PageDone | None],
    path: Path,
    process: Process,
    max_megapixels: float,
    stopped: threading.Event,
    records: bool,
) -> None:
    """Read a file in a thread of its own, a page or two ahead of who takes them."""
    if stopped.is_set():
        return
    page: _PageDone | None
    for page in chain(_read_file(path, process, max_megapixels, records), [None]):
        while not stopped.is_set():
            try:
                pages.put(page, timeout=0.2)
                break
            except Full:
                continue
        if stopped.is_set():
            return


def _empty(pages: Queue[_PageDone | None]) -> None:
    try:
        while True:
            pages.get_nowait()
    except Empty:
        return


def _read_file(
    path: Path, process: Process, max_megapixels: float, records: bool
) -> Iterator[_PageDone]:
    """Every page of a file; whatever goes wrong with one is that page's error."""
    pages: Iterator[Source]
    if is_record_file(path):
        pages = (_recording(one, records) for one in (path,))
    else:
        pages = load_photos(path, max_megapixels)
    page = 0
    while True:
        began = time.perf_counter()
        page += 1
        try:
            source = next(pages, None)
            if source is None:
                return
            result = process(source)
            yield _PageDone(page, time.perf_counter() - began, source, result)
        except Exception as error:  # noqa: BLE001 (the boundary of one photo in a batch)
            yield _PageDone(page, time.perf_counter() - began, error=error)


def _recording(path: Path, wanted: bool) -> DigitalRecord:
    if not wanted:
        raise RecordFileError(f"{path.name} is a digital recording; ecgphoto diagnose takes it.")
    return load_record(path)


def _written(
    path: Path, done: _PageDone, tree: ResultTree, formats: Sequence[RecordFormat]
) -> Outcome:
    """Write what was read of a page, or tell why nothing was."""
    try:
        if done.error is not None:
            raise done.error
        if done.source is None or done.result is None:
            raise RuntimeError("a page without a result")
        if isinstance(done.source, DigitalRecord):
            return _write_recording(done.source, done.result, tree, formats)
        return _write_page(done.source, done.result, tree, formats)
    except OutputError:
        raise
    except (PhotoError, PagePartsError, RecordFileError) as error:
        return _failed(tree, path, done.page, "error", str(error))
    except PageRejected as error:
        return _failed(tree, path, done.page, "rejected", str(error))
    except Exception as error:  # noqa: BLE001 (the boundary of one photo in a batch)
        tree.log_error(path, done.page, error)
        sentence = f"Internal error ({type(error).__name__}); the traceback is in errors.log."
        return _failed(tree, path, done.page, "error", sentence)


def _write_page(
    photo: Photo,
    result: Reading | Diagnosis,
    tree: ResultTree,
    formats: Sequence[RecordFormat],
) -> Outcome:
    diagnosis = result if isinstance(result, Diagnosis) else None
    reading = result.reading if isinstance(result, Diagnosis) else result
    if reading is None:
        raise TypeError("a photo was assessed without a reading")
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
        reason=diagnosis.mi_reason if diagnosis else "",
        mi_probability=diagnosis.mi_probability if diagnosis else None,
        mi_decision=diagnosis.mi_decision if diagnosis else None,
    )
    return Outcome(row, folder, reading, diagnosis)


def _write_recording(
    source: DigitalRecord,
    result: Reading | Diagnosis,
    tree: ResultTree,
    formats: Sequence[RecordFormat],
) -> Outcome:
    if not isinstance(result, Diagnosis):
        raise TypeError("a recording needs no reading")
    name = tree.folder_name(source.path, 1)
    folder = tree.write_folder(name, lambda new: write_record_result(new, source, result, formats))
    row = IndexRow(
        photo=str(source.path),
        page=1,
        folder=name,
        status="read",
        reason=result.mi_reason,
        leads_found=leads_found(source.record),
        mi_probability=result.mi_probability,
        mi_decision=result.mi_decision,
    )
    return Outcome(row, folder, None, result)


def _failed(tree: ResultTree, path: Path, page: int, status: str, reason: str) -> Outcome:
    tree.remove_folder(tree.folder_name(path, page))
    return Outcome(IndexRow(str(path), page, "", status, reason))


def _timed(outcome: Outcome, seconds: float, diagnose: bool) -> Outcome:
    decision = outcome.row.mi_decision
    if diagnose and decision is None:
        decision = "not_assessed"
    row = replace(outcome.row, seconds=seconds, mi_decision=decision)
    return replace(outcome, row=row)
