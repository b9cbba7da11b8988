"""``ecgphoto reading-study make|score``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from dataset_generation.sources import RecordError, SourceError
from ecg.ptbxl import DatasetNotFoundError, PtbXl
from ecg.record import Record
from pipeline.command import EXIT_OK, EXIT_USAGE
from pipeline.reading_study.make import Fill, StudyRecord, make_study
from pipeline.reading_study.options import MakeStudy, ReadingStudyOptions, ScoreStudy
from pipeline.reading_study.score import score_study
from pipeline.reading_study.study_files import StudyError, read_answers, read_key, reader_name
from pipeline.reading_study.told import as_json, as_text

_RATE_HZ = 100
_PADDED_S = 0.15  # PTB-XL repeats the last value over the end of many records


def run_reading_study(options: ReadingStudyOptions) -> int:
    """Makes or scores a study.

    Returns:
        0, or 2 where it could not be done.
    """
    from learning.checkpoint import CheckpointError
    from reconstruction.reconstructor import ReconstructionError

    try:
        if isinstance(options.action, MakeStudy):
            _make(options.action)
        else:
            _score(options.action)
    except (
        StudyError, SourceError, RecordError, DatasetNotFoundError, CheckpointError,
        ReconstructionError,
    ) as error:  # fmt: skip
        sys.stderr.write(f"ecgphoto: {error}\n")
        return EXIT_USAGE
    except OSError as error:
        sys.stderr.write(f"ecgphoto: {error.filename}: {error.strerror or error}\n")
        return EXIT_USAGE
    return EXIT_OK


def _make(options: MakeStudy) -> None:
    leads, fill = _reconstruct(options)
    ptbxl = PtbXl(options.ptbxl, cached_shards=1)
    records = study_records(
        ptbxl, options.question, options.count, options.fold, np.random.default_rng(options.seed)
    )
    facts = {"model": options.model, "data": f"PTB-XL 1.0.3, fold {options.fold}"}
    key = make_study(records, options.question, leads, fill, options.out, options.seed, facts)
    sys.stderr.write(
        f"{len(key)} pages; give readers {options.out} without its folder key, then run "
        f"ecgphoto reading-study score {options.out} answers_*.csv\n"
    )


def _score(options: ScoreStudy) -> None:
    key = read_key(options.study)
    pages = {row.page for row in key}
    answers: dict[str, dict[str, str]] = {}
    for path in options.answers:
        reader = reader_name(path)
        if reader in answers:
            raise StudyError(f"two tables are {reader}'s; rename {path}")
        answers[reader] = read_answers(path, pages)
    score = score_study(key, answers)
    sys.stdout.write((as_json(score) if options.json else as_text(score).rstrip()) + "\n")


def study_records(
    ptbxl: PtbXl, question: str, count: int, fold: int, rng: np.random.Generator
) -> list[StudyRecord]:
    """Draws records of a fold, half of them positive, each of another patient.

    They are taken at 100 Hz, as reconstructors work: finer noise would tell an original.

    Raises:
        StudyError: the fold has too few patients.
    """
    ids = ptbxl.select(folds=[fold], rate_hz=_RATE_HZ)
    rows = ptbxl.index.loc[rng.permutation(ids)]
    wanted = {"mi": "MI", "normal": "NORM"}.get(question, question.upper())
    patients: set[int] = set()
    found: dict[bool, list[int]] = {True: [], False: []}
    for ecg_id, patient, superclasses in zip(
        rows.index, rows["patient_id"], rows["superclasses"], strict=True
    ):
        of_kind = found[wanted in superclasses]
        if patient not in patients and len(of_kind) < count // 2:
            patients.add(patient)
            of_kind.append(int(ecg_id))
    for positive, of_kind in found.items():
        if len(of_kind) < count // 2:
            raise StudyError(
                f"fold {fold} has {len(of_kind)} patients here whose answer is "
                f"{'yes' if positive else 'no'}, and {count // 2} are needed; lower --count"
            )
    return [
        StudyRecord(_shown(ptbxl.record(ecg_id, _RATE_HZ)), positive)
        for positive, of_kind in found.items()
        for ecg_id in of_kind
    ]


def _shown(record: Record) -> Record:
    """The record without its padded end."""
    signal = record.signal_mv.copy()
    signal[:, -round(_PADDED_S * record.rate_hz) :] = np.nan
    return replace(record, signal_mv=signal)


def _reconstruct(options: MakeStudy) -> tuple[tuple[str, ...], Fill]:
    """The leads that are given, spelt as the project does, and what fills the others."""
    import checkpoints
    from ecg.leads import LEADS, derivable_leads
    from reconstruction.complete import complete
    from reconstruction.reconstructor import NetworkReconstructor
    from reconstruction.visible import lead_rows

    try:
        leads = tuple(LEADS[row] for row in lead_rows(tuple(options.leads.split(","))))
    except ValueError as error:
        raise StudyError(f"--leads: {error}") from None
    if len(derivable_leads(leads)) == len(LEADS):
        raise StudyError(f"--leads: {options.leads} already give all twelve leads")
    shipped = options.model in checkpoints.available()
    folder = checkpoints.path(options.model) if shipped else Path(options.model)
    reconstructor = NetworkReconstructor.open(folder)
    return leads, lambda shown, rate_hz: complete(shown, rate_hz, reconstructor).signal_mv
