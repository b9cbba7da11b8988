"""The one split of records into training, validation and test, patient by patient."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from pathlib import Path

TRAIN_FOLDS = (1, 2, 3, 4, 5, 6, 7, 8)
VALIDATION_FOLD = 9
TEST_FOLD = 10
SPLITS = ("train", "validation", "test")


class PatientLeakError(ValueError):
    """A patient stands on more than one side of a split."""


def split_of_fold(fold: int) -> str:
    """``train``, ``validation`` or ``test`` for a PTB-XL ``strat_fold``.

    Raises:
        ValueError: if the fold is not 1 to 10.
    """
    if fold in TRAIN_FOLDS:
        return "train"
    if fold == VALIDATION_FOLD:
        return "validation"
    if fold == TEST_FOLD:
        return "test"
    raise ValueError(f"fold {fold} is not one of 1 to 10")


def check_no_patient_crosses(patients: Iterable[Hashable], sides: Iterable[Hashable]) -> None:
    """Holds that every patient lies on one side.

    Args:
        patients: patient of each record.
        sides: fold or split of each record, as many.

    Raises:
        PatientLeakError: if a patient has two sides; names some of them.
        ValueError: if the two differ in length.
    """
    seen: dict[Hashable, Hashable] = {}
    crossing: set[Hashable] = set()
    for patient, side in zip(patients, sides, strict=True):
        if seen.setdefault(patient, side) != side:
            crossing.add(patient)
    if crossing:
        named = ", ".join(sorted(map(str, crossing))[:5])
        raise PatientLeakError(
            f"{len(crossing)} patients lie on more than one side of the split, among them {named}"
        )


def reader_exclusions(path: str | Path) -> frozenset[int]:
    """PTB-XL record numbers that train no reader: real pictures of them test it.

    Args:
        path: text file with one ``ecg_id`` a line; empty lines and ``#`` comments are skipped.

    Raises:
        ValueError: if a line is not a record number.
    """
    ids = set()
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if not text.isdigit():
            raise ValueError(f"{path}, line {number}: {text!r} is not a record number")
        ids.add(int(text))
    return frozenset(ids)
