"""How well infarction is told on ECGs of other hospitals, none of which was learned from."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ecg.formats.atomic import atomic_path
from ecg.leads import LEADS
from ecg.metrics import diagnosis as metrics
from ecg.ptbxl_shards import unpacked_uv
from ecg.reading import READING_RATE_HZ, PageRejected
from ecg.record import Record
from pipeline.benchmark.pages import ReadsPicture
from pipeline.benchmark.paper_images import unpacked
from pipeline.benchmark.real_photos import manifest_rows
from pipeline.benchmark.table import Figure
from pipeline.photos import PhotoError, load_photos

if TYPE_CHECKING:
    from classification.mi import MiPrediction
    from pipeline.diagnoser import Diagnoser

SAYS_NOTHING = 0.25
"""Probability that counts where none was given: about the prevalence of fold 9."""
REPORT_LABELS = ("MI", "HISTORY_OF_MI", "NORMAL", "ABNORMAL")
_REPEATS = 500

TellsMi = Callable[[NDArray[np.float32], float], "MiPrediction"]
"""From ``(12, n)`` mV and their rate."""


@dataclass(frozen=True)
class Assessed:
    """One ECG and what was said of it.

    Attributes:
        name, source, patient: of the ECG.
        label: what its source calls it.
        decision: of the product, or ``rejected``.
        probability: of infarction; :data:`SAYS_NOTHING` where none was given.
    """

    name: str
    source: str
    patient: str
    label: str
    decision: str
    probability: float


def recordings_figures(folder: Path, diagnoser: Diagnoser, seed: int) -> list[Figure]:
    """Recordings of other hospitals, those of uncertain infarction left out.

    The folder holds ``index.csv`` (``record, source, patient, mi, mi_uncertain, file``) and files
    in the packing of ``ecg.ptbxl_shards`` with ``record`` in place of ``ecg_id``.

    Args:
        folder: the recordings.
        diagnoser: what assesses them.
        seed: of the bootstrap.
    """
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["record"]: row for row in csv.DictReader(file)}
    found = []
    for packed in sorted({row["file"] for row in rows.values()}):
        with np.load(folder / packed, allow_pickle=False) as file:
            names, signals = file["record"], unpacked_uv(file)
            rate_hz = float(file["fs"].ravel()[0])
        for name, uv in tqdm(
            zip(names, signals, strict=True), packed, len(names), disable=None, unit="record"
        ):
            row = rows[str(name)]
            if row["mi_uncertain"] == "1":
                continue
            record = Record(uv.astype(np.float32) / 1000, rate_hz, record_id="")
            diagnosis = diagnoser.assess_record(record)
            label = "MI" if row["mi"] == "1" else "no MI"
            found.append(
                Assessed(
                    row["record"],
                    row["source"],
                    row["patient"],
                    label,
                    diagnosis.mi_decision,
                    SAYS_NOTHING if diagnosis.mi is None else diagnosis.mi.probability,
                )
            )
    figures = []
    for source in ("all", *sorted({one.source for one in found})):
        some = [one for one in found if source in ("all", one.source)]
        data = "LUDB and PTB Diagnostic recordings" if source == "all" else source.upper()
        figures += _told(f"recordings/{source}", some, {"MI"}, {"no MI"}, data, seed)
    return figures


def reports_figures(
    folder: Path,
    read: ReadsPicture,
    tell: TellsMi,
    kept: Path,
    seed: int,
    count: int | None = None,
) -> list[Figure]:
    """Real report pages with a label of their source.

    The folder holds ``manifest.csv`` (``file, archive, kind, label, patient_key``).

    Args:
        folder: the pictures.
        read: what reads a picture.
        tell: what is said of signals that were read.
        kept: folder of readings that need not be made again.
        seed: of the bootstrap.
        count: at most so many pages of each label; all where None.
    """
    rows = [row for row in manifest_rows(folder) if row["label"] in REPORT_LABELS]
    if count:
        rows = [
            row for name in REPORT_LABELS for row in [r for r in rows if r["label"] == name][:count]
        ]
    found = []
    for row, path in tqdm(
        unpacked(folder, rows), "report pages", len(rows), disable=None, unit="page"
    ):
        signal = _signal_of(
            path, read, kept / "paper_reports" / f"{row['file'].replace('/', '_')}.npy"
        )
        about = (row["file"], "reports", row["patient_key"], row["label"])
        if signal is None:
            found.append(Assessed(*about, "rejected", SAYS_NOTHING))
        else:
            said = tell(signal, READING_RATE_HZ)
            found.append(Assessed(*about, said.decision, said.probability))
    data = "EDAN SE-3 report pages (Khan et al.)"
    old_or_new = {"MI", "HISTORY_OF_MI"}
    return [
        *_told("reports/mi_against_normal", found, {"MI"}, {"NORMAL"}, data, seed),
        *_told("reports/any_mi_against_normal", found, old_or_new, {"NORMAL"}, data, seed),
        *_told("reports/any_mi_against_all", found, old_or_new, {"NORMAL", "ABNORMAL"}, data, seed),
    ]


def _signal_of(path: Path, read: ReadsPicture, cache: Path) -> NDArray[np.float32] | None:
    """What is read of a page, None where it is rejected, kept in a file."""
    if not cache.exists():
        try:
            signal = read(next(iter(load_photos(path))).pixels).signal_mv
        except (PageRejected, PhotoError):
            signal = np.empty((len(LEADS), 0), np.float32)
        cache.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(cache) as temporary, Path(temporary).open("wb") as file:
            np.save(file, signal.astype(np.float32))
    kept: NDArray[np.float32] = np.load(cache, allow_pickle=False)
    return kept if kept.shape[1] else None


def _told(
    case: str,
    found: Sequence[Assessed],
    positive: set[str],
    negative: set[str],
    data: str,
    seed: int,
) -> list[Figure]:
    """Figures of infarction against those without it."""
    some = [one for one in found if one.label in positive | negative]
    truth = np.array([one.label in positive for one in some])
    chance = np.array([one.probability for one in some])
    said = np.array([one.decision == "mi" for one in some])
    answered = np.array([one.decision in ("mi", "no_mi") for one in some])
    values: dict[str, float] = {"mi_count": float(truth.sum())}
    low = high = None
    if 0 < truth.sum() < len(truth):
        patients = np.array([one.patient for one in some])
        rng = np.random.default_rng(seed)
        interval = metrics.bootstrap(metrics.auroc, truth, chance, patients, rng, repeats=_REPEATS)
        low, high = float(interval.low), float(interval.high)
        values["auroc"] = float(interval.value)
        values["auprc"] = float(metrics.auprc(truth, chance))
    for name, those in (("sensitivity_decided", truth), ("specificity_decided", ~truth)):
        decided = answered & those
        if decided.any():
            right = said if name == "sensitivity_decided" else ~said
            values[name] = float(right[decided].mean())
    values["no_answer_percent"] = 100 * float((~answered).mean())
    return [
        Figure(
            case,
            metric,
            value,
            len(some),
            "both" if case.startswith("reports") else "signal",
            data,
            low if metric == "auroc" else None,
            high if metric == "auroc" else None,
        )
        for metric, value in values.items()
    ]
