"""On which side of the split each photo of a data set lies."""

from __future__ import annotations

from collections.abc import Sequence

from ecg.splits import check_no_patient_crosses, split_of_fold


def sides_of(rows: Sequence[dict[str, str]]) -> list[str]:
    """The side of every photo: ``train``, ``validation`` or ``test`` by its fold.

    Where any photo has no fold there is no split: every side is empty.

    Args:
        rows: the data set's index.

    Raises:
        ValueError: if a fold is not 1 to 10, or a patient lies on two sides.
    """
    if not all(row["fold"] for row in rows):
        return [""] * len(rows)
    sides = [split_of_fold(int(row["fold"])) for row in rows]
    known = [(row["patient_id"], side) for row, side in zip(rows, sides, strict=True)]
    known = [(patient, side) for patient, side in known if patient]
    check_no_patient_crosses([patient for patient, _ in known], [side for _, side in known])
    return sides
