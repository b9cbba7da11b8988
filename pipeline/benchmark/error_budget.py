"""The error budget: what each stage of reading costs, by making one after the other perfect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tqdm import tqdm

from dataset_generation.photo import Photo
from digitization.find_page import SeesPages
from digitization.given import GivenPage
from digitization.read_page import ReadOptions, read_page
from ecg.page_parts import PageParts
from ecg.reading import PageRejected, Reading
from ecg.record import Record
from pipeline.benchmark.cases import PageCase, make_photo
from pipeline.benchmark.oracles import PerfectTraceLook, millimetre_picture, true_parts
from pipeline.benchmark.pages import score, truth_of
from pipeline.benchmark.table import Figure, mean_interval

STAGES = ("as_read", "perfect_geometry", "perfect_layout", "perfect_trace", "all_perfect")
PAGES = 20
_DATA = "PTB-XL fold 10, generated pages"


def budget_figures(
    case: PageCase, records: Iterable[Record], looks: SeesPages, seed: int, model: str
) -> list[Figure]:
    """Mean Challenge SNR with each stage made perfect alone, and with all.

    The layout stands for names, rows, pulses, calibration and the time base.

    Args:
        case: how the pages are printed and photographed.
        records: what is printed.
        looks: the networks.
        seed: of pages and photos.
        model: what the figures are said to be of.
    """
    scores: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for record in tqdm(records, f"error budget of {case.name}", unit="page", disable=None):
        photo = make_photo(record, case, seed)
        truth = truth_of(photo)
        for stage, reading in zip(STAGES, read_stages(photo, looks), strict=True):
            scores[stage].append(score(record.record_id, truth, reading).snr_db)
    figures = []
    for stage, values in scores.items():
        low, high = mean_interval(values)
        name, mean = f"error_budget/{case.name}/{stage}", float(np.mean(values))
        figures.append(
            Figure(name, "challenge_snr_db_mean", mean, len(values), model, _DATA, low, high)
        )
    return figures


def read_stages(photo: Photo, looks: SeesPages) -> Sequence[Reading | None]:
    """A photo read as by ``STAGES``; None where it was rejected."""
    picture, true = photo.take(), true_parts(photo)
    geometry = PageParts(points=true.points)
    layout = true.model_copy(update={"points": None, "corners": None})
    as_read = _read(picture, looks, PageParts())
    readings = [as_read, _read(picture, looks, geometry), _read(picture, looks, layout)]
    millimetres: Any = millimetre_picture(photo)
    perfect: Any = PerfectTraceLook(photo)
    if as_read is None or as_read.page is None:
        readings.append(None)
    else:
        found = as_read.page.model_copy(update={"corners": None, "leads": None})
        readings.append(_read(millimetres, perfect, found))
    readings.append(_read(millimetres, perfect, true.model_copy(update={"corners": None})))
    return readings


def _read(picture: Any, looks: SeesPages, parts: PageParts) -> Reading | None:
    # A poor reading still tells where the page is: none is refused for its quality.
    options = replace(ReadOptions(min_quality=0.0), given=GivenPage(parts))
    try:
        return read_page(picture, looks, options)
    except PageRejected:
        return None
