"""Photos read side by side give what they give one after the other."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecg.reading import PageRejected, Reading
from pipeline.batch import run_batch
from pipeline.digitizer import Digitizer
from pipeline.outputs import ResultTree

PageReader = Callable[[NDArray[np.uint8]], Reading]


def _photos(folder: Path, photo: Path) -> list[Path]:
    paths = []
    for number in range(7):
        path = folder / f"ward{number % 3}" / "page.png"
        path = path.with_name(f"page{number // 3}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, path)
        paths.append(path)
    paths[2].write_bytes(b"no picture")
    return paths


def test_side_by_side_is_as_one_after_the_other(
    tmp_path: Path, ecg_photo: Path, stub_read: PageReader
) -> None:
    paths = _photos(tmp_path / "in", ecg_photo)
    active, most, lock = 0, 0, threading.Lock()
    calls: list[int] = []

    def read(photo: NDArray[np.uint8]) -> Reading:
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
            calls.append(len(calls))
            number = calls[-1]
        time.sleep(0.05 if number % 2 else 0.2)
        with lock:
            active -= 1
        return stub_read(photo)

    rows = []
    for jobs in (1, 3):
        tree = ResultTree(tmp_path / f"out{jobs}")
        outcomes = list(run_batch(paths, tree, Digitizer(read).digitize, jobs=jobs))
        rows.append([(o.row.photo, o.row.folder, o.row.status, o.row.reason) for o in outcomes])
        assert most == (1 if jobs == 1 else 3)
    assert rows[0] == rows[1]
    assert [row[2] for row in rows[0]].count("error") == 1
    names = [sorted(p.name for p in (tmp_path / f"out{jobs}").iterdir()) for jobs in (1, 3)]
    assert names[0] == names[1]


def test_whoever_stops_listening_stops_the_reading(
    tmp_path: Path, ecg_photo: Path, stub_read: PageReader
) -> None:
    seen: list[int] = []

    def read(photo: NDArray[np.uint8]) -> Reading:
        seen.append(1)
        if len(seen) == 2:
            raise PageRejected("no ECG", "page")
        return stub_read(photo)

    paths = [ecg_photo] * 12
    outcomes = run_batch(paths, ResultTree(tmp_path / "out"), Digitizer(read).digitize, jobs=2)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert len(seen) < 8
    assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]
