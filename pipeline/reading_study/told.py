"""The scores of a reading study as text and as JSON."""

from __future__ import annotations

import json
import math
from statistics import mean, stdev
from typing import Any

from pipeline.reading_study.order import VERSIONS
from pipeline.reading_study.score import Agreement, Share, StudyScore

_MEASURES = ("accuracy", "sensitivity", "specificity", "unable")


def as_text(score: StudyScore) -> str:
    """Tables for a terminal: shares in per cent with 95 % intervals."""
    rows = [["reader", "version", *_MEASURES]]
    for one in score.readers:
        rows.append([one.reader, one.version, *(_told(getattr(one, name)) for name in _MEASURES)])
    if len({one.reader for one in score.readers}) > 1:
        for version in VERSIONS:
            cells = (_mean_told(score, version, name) for name in _MEASURES)
            rows.append(["mean ± SD", version, *cells])
    lines = [*_table(rows), "", "Shares in % with 95 % intervals; unable is never right.", ""]
    for title, agreements in (
        ("Agreement of each reader, original against reconstructed", score.within_readers),
        ("Agreement between readers", score.between_readers),
    ):
        if agreements:
            table = [["", "", "same", "kappa"]]
            table += [[a.first, a.second, _told(a.same), _number(a.kappa)] for a in agreements]
            lines += [title, *_table(table), ""]
    return "\n".join(lines)


def as_json(score: StudyScore) -> str:
    """One document; what is not defined is null."""
    document = {
        "readers": [
            {
                "reader": one.reader,
                "version": one.version,
                **{name: _share(getattr(one, name)) for name in _MEASURES},
            }
            for one in score.readers
        ],
        "within_readers": [_agreement(one) for one in score.within_readers],
        "between_readers": [_agreement(one) for one in score.between_readers],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)


def _agreement(one: Agreement) -> dict[str, Any]:
    return {
        "first": one.first,
        "second": one.second,
        "same": _share(one.same),
        "kappa": _finite(one.kappa),
    }


def _share(share: Share) -> dict[str, Any]:
    low, high = share.interval()
    return {
        "value": _finite(share.value),
        "low": _finite(low),
        "high": _finite(high),
        "n": share.of,
    }


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)


def _told(share: Share) -> str:
    if not share.of:
        return "-"
    low, high = share.interval()
    return f"{100 * share.value:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def _mean_told(score: StudyScore, version: str, name: str) -> str:
    values = [100 * getattr(one, name).value for one in score.readers if one.version == version]
    return f"{mean(values):.1f} ± {stdev(values):.1f}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return ["  ".join(row).rstrip() for row in padded]
