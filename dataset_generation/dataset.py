"""A PTB-V data set: planned in parts, made by any number of processes or machines, indexed."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from dataset_generation.contact_sheet import contact_sheet
from dataset_generation.data_card import data_card
from dataset_generation.parts import (
    INDEX_COLUMNS,
    PARTS,
    SHARDS,
    Item,
    Part,
    make_part,
    part_name,
    shard_name,
)
from dataset_generation.plain_data import to_plain
from dataset_generation.sample import Recipe
from dataset_generation.sources import Entry, RecordError, RecordSource
from dataset_generation.store import PlaceTakenError, Store
from dataset_generation.stored import DatasetError, StoredDataset

Rows: TypeAlias = list[dict[str, Any]]
Run = Callable[[Callable[[Part], Rows], Iterable[Part]], Iterator[Rows]]
"""Makes parts somewhere: takes ``make_part`` and parts, gives each part's rows as it is done."""

_RECIPE_FILE = "recipe.json"
_MOST_A_PART = 64


class GenerationError(ValueError):
    """The data set cannot be made; the message says why and what to do."""


@dataclass
class Summary:
    """What a run did: photos written and found finished, records left out with reasons.

    ``notes`` names records that were printed without leads that they lack. ``whole`` is False
    where parts of other machines are still to come.
    """

    written: int = 0
    kept: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    whole: bool = True


@dataclass(frozen=True)
class Plan:
    """What is to be made, in which parts, and which of them here.

    Attributes:
        recipe: how photos look.
        data_format: ``shards`` or ``folder``.
        pages_per_record: photos of each record.
        samples_per_part: photos of a part; 0 for 64, fewer where there are few.
        share: (i, n): of the parts, the i-th of every n (from 1).
    """

    recipe: Recipe
    data_format: str = "shards"
    pages_per_record: int = 1
    samples_per_part: int = 0
    share: tuple[int, int] = (1, 1)


def write_dataset(
    source: RecordSource,
    plan: Plan,
    place: str | Path,
    run: Run | None = None,
    advance: Callable[[int], object] = lambda _: None,
) -> Summary:
    """Write a data set, or go on with one that was stopped at any moment.

    A photo depends on (seed, record, page) alone, a part on the plan: who makes it changes no
    byte.

    Args:
        source: the records.
        plan: what is to be made.
        place: folder or fsspec URL; made if it is not there.
        run: what makes parts; this process where None.
        advance: called with the number of photos that are done with.

    Raises:
        GenerationError: if the place holds another data set or cannot be written, or a worker
            dies.
    """
    try:
        store = Store(place)
        parts = _parts(source, plan)
        _claim(store, source, plan, len(parts))
        summary = Summary()
        missing = []
        for number, photos in enumerate(parts):
            rows = _finished(store, plan, number)
            if rows is not None:
                _count(summary, rows, kept=True)
                advance(len(rows))
            elif number % plan.share[1] == plan.share[0] - 1:
                missing.append((number, photos))
        waiting = (
            Part(number, store, plan.data_format, plan.recipe, _read(source, photos))
            for number, photos in missing
        )
        for rows in (run or _here)(make_part, waiting):
            _count(summary, rows, kept=False)
            advance(len(rows))
        summary.whole = all(store.exists(part_name(number)) for number in range(len(parts)))
        if summary.whole:
            _finish(store, source, plan, len(parts))
        elif plan.share == (1, 1):
            raise GenerationError(
                f"the workers wrote elsewhere: {place} must be a place that all of them reach"
            )
    except PlaceTakenError as error:
        raise GenerationError(str(error)) from error
    except DatasetError as error:
        raise GenerationError(
            f"{error}: remove that file, and the same command makes it again"
        ) from error
    except OSError as error:
        raise GenerationError(
            f"cannot write the data set to {place}: {error.strerror or error}; "
            "what is finished is kept, the same command goes on"
        ) from error
    except BrokenProcessPool as error:
        raise GenerationError(
            "a worker process died, perhaps for want of memory: take fewer --workers or "
            "--megapixels; the same command goes on"
        ) from error
    return summary


def in_processes(workers: int) -> Run:
    """Makes parts in processes of this machine.

    A script that uses it needs ``if __name__ == "__main__":``.
    """

    def run(make: Callable[[Part], Rows], parts: Iterable[Part]) -> Iterator[Rows]:
        # spawn: a forked child could inherit a lock that a thread of OpenCV holds.
        context = multiprocessing.get_context("spawn")
        pending: set[Future[Rows]] = set()
        with ProcessPoolExecutor(workers, context, one_thread) as pool:
            try:
                for part in parts:
                    pending.add(pool.submit(make, part))
                    if len(pending) > workers:
                        done, pending = wait(pending, return_when=FIRST_COMPLETED)
                        yield from (future.result() for future in done)
                yield from (future.result() for future in wait(pending).done)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    return run


def _here(make: Callable[[Part], Rows], parts: Iterable[Part]) -> Iterator[Rows]:
    return (make(part) for part in parts)


def one_thread() -> None:
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


def _parts(source: RecordSource, plan: Plan) -> list[list[tuple[Entry, int]]]:
    photos = [(entry, page) for entry in source.entries for page in range(plan.pages_per_record)]
    size = plan.samples_per_part or min(_MOST_A_PART, max(8, len(photos) // 16))
    return [photos[first : first + size] for first in range(0, len(photos), size)]


def _read(source: RecordSource, photos: list[tuple[Entry, int]]) -> tuple[Item, ...]:
    """Read the records of a part's photos, each once."""
    items: list[Item] = []
    for entry, page in photos:
        if items and items[-1].entry == entry:
            last = items[-1]
            items.append(Item(entry, page, last.record, last.target, last.problem))
            continue
        try:
            record = source.read(entry)
            items.append(Item(entry, page, record, source.target(record)))
        except RecordError as error:
            items.append(Item(entry, page, None, None, str(error)))
    return tuple(items)


def _count(summary: Summary, rows: Rows, kept: bool) -> None:
    for row in rows:
        if "problem" in row:
            summary.failures.append((row["record"], row["problem"]))
            continue
        if row["missing"]:
            summary.notes.append(f"{row['id']}: the record has no {row['missing']}")
        if kept:
            summary.kept += 1
        else:
            summary.written += 1


def _finished(store: Store, plan: Plan, number: int) -> Rows | None:
    """The rows of a part whose files are there; None where it is to be made."""
    if not store.exists(part_name(number)):
        return None
    rows = _recorded(store, number)
    if plan.data_format == "shards":
        return rows if store.exists(shard_name(number)) else None
    truths = (row["truth"] for row in rows if "problem" not in row)
    return rows if all(store.exists(name) for name in truths) else None


def _recorded(store: Store, number: int) -> Rows:
    return [orjson.loads(line) for line in store.read(part_name(number)).splitlines()]


def _claim(store: Store, source: RecordSource, plan: Plan, parts: int) -> None:
    """Refuse another data set's place."""
    document = {
        "source": source.name,
        "records": len(source.entries),
        "pages_per_record": plan.pages_per_record,
        "format": plan.data_format,
        "parts": parts,
        "recipe": to_plain(plan.recipe),
    }
    wanted = (json.dumps(document, indent=1) + "\n").encode()
    store.claim(_RECIPE_FILE, wanted, "a data set made with other options")


def _finish(store: Store, source: RecordSource, plan: Plan, parts: int) -> None:
    """Write index, data card and contact sheet from the records of all parts."""
    rows = [
        {name: str(row[name]) for name in INDEX_COLUMNS}
        for number in range(parts)
        for row in _recorded(store, number)
        if "problem" not in row
    ]
    store.write("data_card.md", data_card(rows, source, plan.recipe).encode())
    store.write_table("index.csv", INDEX_COLUMNS, rows)
    sheet = contact_sheet(StoredDataset(store.place))
    if sheet:
        store.write("contact_sheet.jpg", sheet)
    # What killed runs left half-written; earlier another machine might have been writing it.
    for folder in ("", PARTS, SHARDS, "images", "masks", "leads", "truth", "signals"):
        store.clear_partial(folder)
