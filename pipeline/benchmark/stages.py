"""One photo after the other from file to report, timed by stage, in a process of its own.

``python -m pipeline.benchmark.stages PRECISION FOLDER PHOTO...`` prints one JSON object. Nothing
but what a user's run needs is imported, so that peak memory and the time to start are a user's.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

_NETWORKS = {
    "see_page": "network page look",
    "see_layout": "network layout look",
    "see_names": "network lead names",
    "see_text": "network text reader",
    "see_trace": "network trace look",
}


class TimedLooks:
    """Looks that keep how long each of them took.

    Attributes:
        seconds: by stage, since it was last emptied.
    """

    def __init__(self, looks: Any) -> None:
        self._looks = looks
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        look = getattr(self._looks, name)

        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            seen = look(*arguments)
            self.seconds[_NETWORKS[name]] += time.perf_counter() - began
            return seen

        return timed


def time_photos(photos: Sequence[Path], out: Path, precision: str) -> dict[str, Any]:
    """Read, assess and report photos.

    Args:
        photos: files that can be read.
        out: folder for the results; made.
        precision: of the looks.

    Returns:
        ``load_s``; ``stages``, the seconds of each photo by stage (those of networks are part of
        the stage that asked them); ``rejected``, how many photos were not read; ``cores_busy``,
        processor seconds for each second; ``peak_mib`` of memory.
    """
    began = time.perf_counter()
    from digitization.read_page import read_page
    from ecg.reading import PageRejected
    from pipeline.diagnoser import Diagnoser
    from pipeline.digitizer import Digitizer
    from pipeline.photos import load_photos
    from pipeline.result_files import write_result
    from segmentation.looks import Looks

    looks = TimedLooks(Looks.load(precision=precision))
    digitizer = Digitizer(lambda photo: read_page(photo, looks))
    explaining = Diagnoser.load(explain=True)
    load_s = time.perf_counter() - began
    diagnoser = Diagnoser.load()
    stages: list[dict[str, float]] = []
    rejected = 0
    wall, busy = time.perf_counter(), time.process_time()
    for path in photos:
        looks.seconds.clear()
        times = [time.perf_counter()]
        photo = next(iter(load_photos(path)))
        times.append(time.perf_counter())
        try:
            reading = digitizer.digitize(photo)
        except PageRejected:
            rejected += 1
            continue
        times.append(time.perf_counter())
        explained = explaining.assess(reading)
        times.append(time.perf_counter())
        folder = out / path.stem
        folder.mkdir(parents=True)
        write_result(folder, photo, reading, explained)
        times.append(time.perf_counter())
        decode, digitize, explain, write = (b - a for a, b in pairwise(times))
        began = time.perf_counter()
        diagnoser.assess(reading)
        diagnose = time.perf_counter() - began
        stages.append(
            {
                "decode": decode,
                "digitize": digitize,
                **{step.stage: step.seconds for step in reading.steps},
                **looks.seconds,
                "diagnose": diagnose,
                "diagnose and explain": explain,
                "write": write,
                "photo to report": times[-1] - times[0],
            }
        )
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    return {
        "load_s": load_s,
        "stages": stages,
        "rejected": rejected,
        "cores_busy": busy / wall,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    found = time_photos([Path(name) for name in sys.argv[3:]], Path(sys.argv[2]), sys.argv[1])
    sys.stdout.write(json.dumps(found) + "\n")
