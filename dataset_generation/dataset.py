"""A PTB-V data set in a folder: planned, made by any number of processes, indexed."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from dataset_generation.contact_sheet import contact_sheet
from dataset_generation.data_card import data_card
from dataset_generation.plain_data import to_plain
from dataset_generation.sample import FOLDERS, Job, Recipe, is_finished, make, photo_id
from dataset_generation.sources import RecordError, RecordSource
from ecg.formats.atomic import atomic_path

INDEX_COLUMNS = (
    "id", "image", "mask", "truth", "signal", "record_id", "patient_id", "fold", "target",
    "labels", "layout", "order", "speed_mm_per_s", "gain_mm_per_mv", "strength", "width",
    "height", "pixels_per_mm", "stretches",
)  # fmt: skip
_RECIPE_FILE = "recipe.json"
_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}(\.[a-z]+)?")


class GenerationError(ValueError):
    """The data set cannot be made; the message says why and what to do."""


@dataclass
class Summary:
    """What a run did: photos written, photos found finished, and records left out with reasons."""

    written: int = 0
    kept: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


def write_dataset(
    source: RecordSource,
    recipe: Recipe,
    folder: Path,
    pages_per_record: int = 1,
    workers: int = 1,
    advance: Callable[[], object] = lambda: None,
) -> Summary:
    """Write a data set, or go on with one that was stopped.

    A photo depends on (seed, record, page) alone: order and number of workers change no byte.
    With more than one worker a script that calls this needs ``if __name__ == "__main__":``.

    Args:
        source: the records.
        recipe: how photos look.
        folder: where to; made if it is not there.
        pages_per_record: photos of each record.
        workers: processes.
        advance: called once for each photo that is done with.

    Raises:
        GenerationError: if the folder holds another data set or cannot be written, or a worker
            dies.
    """
    try:
        _prepare(folder, source, recipe)
        summary = Summary()
        jobs = _jobs(source, recipe, folder, pages_per_record, summary, advance)
        if workers == 1:
            for job in jobs:
                make(job)
                summary.written += 1
                advance()
        else:
            _make_in_processes(jobs, workers, summary, advance)
        rows = index_rows(folder)
        _write_index(rows, folder / "index.csv")
        with atomic_path(folder / "data_card.md") as temporary:
            temporary.write_text(data_card(rows, source, recipe), encoding="utf-8")
        contact_sheet(folder, rows)
    except OSError as error:
        raise GenerationError(
            f"cannot write the data set to {folder}: {error.strerror or error}; "
            "what is finished is kept, the same command goes on"
        ) from error
    except BrokenProcessPool as error:
        raise GenerationError(
            "a worker process died, perhaps for want of memory: take fewer --workers or "
            "--megapixels; the same command goes on"
        ) from error
    return summary


def index_rows(folder: Path) -> list[dict[str, str]]:
    """One row a finished photo, read from the truth files, in the order of their names."""
    rows = []
    for path in sorted((folder / "truth").glob("*.json")):
        truth = json.loads(path.read_text(encoding="utf-8"))
        record = truth["record"]
        row = {name: truth[name] for name in INDEX_COLUMNS if name in truth}
        row |= {name: record[name] for name in ("record_id", "patient_id", "fold", "target")}
        row["labels"] = " ".join(record["labels"])
        row["truth"] = f"truth/{path.name}"
        row["width"], row["height"] = truth["photo_size"]
        row["stretches"] = len(truth["stretches"])
        rows.append({name: "" if row[name] is None else f"{row[name]}" for name in INDEX_COLUMNS})
    return rows


def _prepare(folder: Path, source: RecordSource, recipe: Recipe) -> None:
    """Make the folders, refuse another data set's, clear what a killed run left half-written."""
    wanted = json.dumps({"source": source.name, "recipe": to_plain(recipe)}, indent=1) + "\n"
    recipe_file = folder / _RECIPE_FILE
    if recipe_file.is_file():
        if recipe_file.read_text(encoding="utf-8") != wanted:
            raise GenerationError(
                f"{folder} holds a data set made with other options (see its {_RECIPE_FILE}): "
                "name another --out, or give the same options"
            )
    elif folder.is_dir() and any(folder.iterdir()):
        raise GenerationError(f"{folder} holds other files: name another --out")
    for name in FOLDERS:
        part = folder / name
        part.mkdir(parents=True, exist_ok=True)
        for path in part.iterdir():
            if _TEMPORARY.fullmatch(path.name):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    if not recipe_file.is_file():
        with atomic_path(recipe_file) as temporary:
            temporary.write_text(wanted, encoding="utf-8")


def _jobs(
    source: RecordSource,
    recipe: Recipe,
    folder: Path,
    pages_per_record: int,
    summary: Summary,
    advance: Callable[[], object],
) -> Iterator[Job]:
    """The photos still to make; a record is read when its turn comes."""
    for entry in source.entries:
        missing = []
        for page in range(pages_per_record):
            if is_finished(folder, photo_id(entry, page)):
                summary.kept += 1
                advance()
            else:
                missing.append(page)
        if not missing:
            continue
        try:
            record = source.read(entry)
        except RecordError as error:
            summary.failures.append((entry.name, str(error)))
            for _ in missing:
                advance()
            continue
        for page in missing:
            yield Job(recipe, folder, entry, page, record, source.target(record))


def _make_in_processes(
    jobs: Iterator[Job], workers: int, summary: Summary, advance: Callable[[], object]
) -> None:
    # spawn: a forked child could inherit a lock that a thread of OpenCV holds.
    context = multiprocessing.get_context("spawn")
    pending: set[Future[None]] = set()

    def collect(done: set[Future[None]]) -> None:
        for future in done:
            future.result()
            summary.written += 1
            advance()

    with ProcessPoolExecutor(workers, context, _start_worker) as pool:
        try:
            for job in jobs:
                pending.add(pool.submit(make, job))
                if len(pending) >= 2 * workers:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    collect(done)
            collect(wait(pending).done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _start_worker() -> None:
    """One thread draws, for more would wait for one another; one ends it with its parent.

    Without the second, workers would outlive a parent that was killed.
    """
    import cv2

    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _write_index(rows: list[dict[str, str]], path: Path) -> None:
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, INDEX_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
