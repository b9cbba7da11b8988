"""Many pages in a few figures: the families of metrics that peers report, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEADS
from ecg.metrics.digitization import kaggle_db
from pipeline.benchmark.pages import ReadPage
from pipeline.benchmark.table import Figure, mean_interval

FloatArray = NDArray[np.float64]

MODEL = "page_look+layout_look+lead_names+trace_look"


def page_figures(
    case: str, pages: Sequence[ReadPage], data: str, model: str = MODEL
) -> list[Figure]:
    """The metric families of one case; pages that failed count in every mean.

    Amplitude and time error are medians over the pages that were read. A page is read wrongly
    where less than half of its leads are right; leads under a wrong name are counted apart.
    """
    every = [page.figures for page in pages]
    lead_snr = np.concatenate([page.lead_snr_db[np.isfinite(page.lead_snr_db)] for page in pages])
    page_snr = np.array([page.snr_db for page in pages])
    low, high = mean_interval(page_snr)
    n = len(pages)

    def figure(metric: str, value: Any, **more: float) -> Figure:
        return Figure(case, metric, float(value), n, model, data, **more)

    def percent(metric: str, hits: Sequence[bool]) -> Figure:
        return figure(metric, 100 * np.mean(hits))

    read = [page for page in every if page.status == "read"]
    printed = sum(page.leads_printed for page in every)
    found = sum(page.leads_found for page in every)
    return [
        figure("challenge_snr_db_mean", lead_snr.mean(), low=low, high=high),
        figure("challenge_snr_db_median", np.median(page_snr)),
        figure("kaggle_snr_db", kaggle_db([page.kaggle_ratio for page in every])),
        figure("mean_removed_snr_db", _mean([page.mean_removed_snr_db for page in every])),
        figure("pearson", _mean([page.pearson for page in every])),
        figure("rmse_uv", _mean([page.rmse_uv for page in every])),
        figure("amplitude_error_percent", 100 * _median([p.amplitude_error for p in read])),
        figure("time_error_percent", 100 * _median([p.time_error for p in read])),
        figure("leads_found_percent", 100 * found / max(printed, 1)),
        percent("pages_all_leads_percent", [p.leads_found == p.leads_printed for p in every]),
        percent("pages_read_percent", [page.status == "read" for page in every]),
        percent(
            "pages_read_wrong_percent",
            [p.status == "read" and p.leads_found < p.leads_printed / 2 for p in every],
        ),
        percent("layout_right_percent", [page.layout_right for page in every]),
        percent("speed_and_gain_right_percent", [page.scale_right for page in every]),
        percent("pages_wrong_name_percent", [bool(page.wrong_names) for page in every]),
        figure("leads_wrong_name", sum(len(page.wrong_names) for page in every)),
    ]


def overall_figures(
    case: str, pages: Sequence[ReadPage], data: str, seed: int = 0, model: str = MODEL
) -> list[Figure]:
    """What holds over pages of many cases: those read, wrong names, and how far quality is right.

    Arguments as of :func:`quality_figures`.
    """
    read = [page for page in pages if page.status == "read"]
    names = sum(len(page.figures.wrong_names) for page in read)
    return [
        Figure(case, metric, float(value), len(pages), model, data)
        for metric, value in (
            ("pages_read_percent", 100 * len(read) / max(len(pages), 1)),
            ("leads_wrong_name", names),
            ("leads_wrong_name_percent", 100 * names / max(len(LEADS) * len(read), 1)),
        )
    ] + quality_figures(case, pages, data, seed, model)


def quality_figures(
    case: str, pages: Sequence[ReadPage], data: str, seed: int = 0, model: str = MODEL
) -> list[Figure]:
    """Rank correlation of the quality that the reader states with the true SNR of the page.

    Args:
        case: what the pages are.
        pages: those that were rejected are left out.
        data: where they are from.
        seed: of the bootstrap.
        model: what read them.
    """
    read = [page for page in pages if page.status == "read"]
    if len(read) < 3:
        return []
    quality = np.array([page.figures.quality for page in read])
    snr = np.array([page.snr_db for page in read])
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(read), (500, len(read)))
    low, high = np.quantile(_rank_correlation(quality[drawn], snr[drawn]), [0.025, 0.975]).tolist()
    value = float(_rank_correlation(quality[None], snr[None])[0])
    metric = "spearman_quality_snr"
    return [Figure(case, metric, value, len(read), model, data, low, high)]


def _rank_correlation(a: FloatArray, b: FloatArray) -> FloatArray:
    """Spearman's correlation of every row of ``a`` with that of ``b``; 0 where one is constant."""
    from scipy.stats import rankdata

    ranks = [rankdata(one, axis=1) for one in (a, b)]
    x, y = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    scale = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    return np.asarray((x * y).sum(axis=1) / np.maximum(scale, 1e-9))


def _mean(values: Sequence[float]) -> float:
    """Mean of the finite ones; NaN if there are none."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")


def _median(values: Sequence[float]) -> float:
    """Median of the finite ones; NaN if there are none."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.median(finite)) if finite else float("nan")
