"""The records of fold 10 that benchmarks print, in one fixed order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from pipeline.benchmark import BenchmarkError

if TYPE_CHECKING:
    from ecg.ptbxl import PtbXl
    from ecg.record import Record
    from pipeline.options import BenchmarkOptions

_SHARDS = 4
"""So many hold fold 10 at 500 Hz; records are taken from them in random order."""


def test_records(options: BenchmarkOptions, count: int) -> Iterator[Record]:
    """The first so many records of a fixed, MI-stratified order of fold 10."""
    ptbxl = open_ptbxl(options)
    for ecg_id in stratified_order(ptbxl, options.seed)[:count]:
        yield ptbxl.record(int(ecg_id), 500)


def open_ptbxl(options: BenchmarkOptions) -> PtbXl:
    """PTB-XL where the options say it is.

    Raises:
        BenchmarkError: they do not say.
    """
    from ecg.ptbxl import PtbXl

    if options.data is None:
        raise BenchmarkError("this benchmark needs PTB-XL: name its folder with --data")
    return PtbXl(options.data, cached_shards=_SHARDS)


def stratified_order(ptbxl: PtbXl, seed: int) -> list[int]:
    """Fold-10 records in a random order in which every stretch has the fold's share of MI."""
    ids = ptbxl.select(split="test", rate_hz=500)
    mi = ptbxl.index.loc[ids, "mi"].to_numpy()
    rng = np.random.default_rng(seed)
    keyed = []
    for group in (ids[mi], ids[~mi]):
        shuffled = rng.permutation(group)
        places = (np.arange(len(shuffled)) + rng.random()) / len(shuffled)
        keyed += list(zip(places.tolist(), shuffled.tolist(), strict=True))
    return [int(ecg_id) for _, ecg_id in sorted(keyed)]
