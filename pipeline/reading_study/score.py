"""Scores of readers: how often they were right, and how far they agree."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

from pipeline.reading_study.order import VERSIONS
from pipeline.reading_study.study_files import ANSWERS, KeyRow, StudyError


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's 95 % interval (1927, doi 10.2307/2276774)."""

    right: int
    of: int

    @property
    def value(self) -> float:
        """The share; NaN of none."""
        return self.right / self.of if self.of else math.nan

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Lower and upper end; NaN of none."""
        if not self.of:
            return math.nan, math.nan
        z = NormalDist().inv_cdf(0.5 + level / 2)
        n, p = self.of, self.value
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True)
class ReaderScore:
    """How one reader did on the pages of one version.

    ``unable`` is never right: it lowers accuracy, and sensitivity or specificity.
    """

    reader: str
    version: str
    accuracy: Share
    sensitivity: Share
    specificity: Share
    unable: Share


@dataclass(frozen=True)
class Agreement:
    """How far two sets of answers to the same records agree.

    Attributes:
        first, second: whose answers, of which version.
        same: how many are the same.
        kappa: Cohen's (1960, doi 10.1177/001316446002000104) over the three choices; NaN where
            chance alone would make all the same.
    """

    first: str
    second: str
    same: Share
    kappa: float


@dataclass(frozen=True)
class StudyScore:
    """All scores of a study."""

    readers: tuple[ReaderScore, ...]
    within_readers: tuple[Agreement, ...]
    between_readers: tuple[Agreement, ...]


def score_study(key: Sequence[KeyRow], answers: Mapping[str, Mapping[str, str]]) -> StudyScore:
    """Scores all readers.

    Args:
        key: what is on each page.
        answers: reader to page to answer, every page answered.

    Raises:
        StudyError: nobody answered, or a record lacks a version.
    """
    if not answers:
        raise StudyError("there are no answers to score")
    pages = {(row.record_id, row.version): row.page for row in key}
    records = sorted({row.record_id for row in key})
    for record in records:
        if any((record, version) not in pages for version in VERSIONS):
            raise StudyError(f"the key lacks a version of record {record}")

    def of(reader: str, version: str) -> list[str]:
        return [answers[reader][pages[record, version]] for record in records]

    truth = {row.record_id: row.truth for row in key}
    truths = [truth[record] for record in records]
    readers = list(answers)
    scores = [
        _reader_score(reader, version, of(reader, version), truths)
        for reader in readers
        for version in VERSIONS
    ]
    within = [_agreement(reader, VERSIONS, [of(reader, v) for v in VERSIONS]) for reader in readers]
    between = [
        _agreement(version, (a, b), [of(a, version), of(b, version)])
        for version in VERSIONS
        for a, b in combinations(readers, 2)
    ]
    return StudyScore(tuple(scores), tuple(within), tuple(between))


def cohens_kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Cohen's kappa of two raters; NaN where chance alone would make all the same."""
    n = len(first)
    same = sum(a == b for a, b in zip(first, second, strict=True)) / n
    chance = sum(first.count(one) * second.count(one) for one in ANSWERS) / n**2
    return math.nan if chance == 1 else (same - chance) / (1 - chance)


def _reader_score(
    reader: str, version: str, answers: Sequence[str], truths: Sequence[str]
) -> ReaderScore:
    def share(truth: str) -> Share:
        given = [a for a, t in zip(answers, truths, strict=True) if t == truth]
        return Share(given.count(truth), len(given))

    sensitivity, specificity = share("yes"), share("no")
    return ReaderScore(
        reader,
        version,
        Share(sensitivity.right + specificity.right, len(answers)),
        sensitivity,
        specificity,
        Share(answers.count("unable"), len(answers)),
    )


def _agreement(where: str, names: Sequence[str], answers: Sequence[Sequence[str]]) -> Agreement:
    same = sum(a == b for a, b in zip(*answers, strict=True))
    first, second = (f"{where}: {name}" for name in names)
    return Agreement(first, second, Share(same, len(answers[0])), cohens_kappa(*answers))
