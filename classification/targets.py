"""What the classifiers learn of a record: the product's targets, and statements that help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecg.labels import ACUTE_INJURY_CODES, MI_TERRITORIES

if TYPE_CHECKING:
    import pandas as pd

SUPERCLASSES = ("MI", "NORM", "STTC", "CD", "HYP")
"""MI first: it is the product."""
WALLS = ("anterior", "inferior", "lateral")
"""Territories with enough infarctions to learn; the posterior wall has 61 in PTB-XL's folds 1-8."""
ACUTE_INJURY = "acute_injury"
INFARCT_CODES: Mapping[str, frozenset[str]] = {
    **{wall: MI_TERRITORIES[wall] for wall in WALLS},
    ACUTE_INJURY: ACUTE_INJURY_CODES,
}
"""SCP codes of the walls and of acute injury."""
STATEMENTS = (
    *("IMI", "ASMI", "ILMI", "AMI", "ALMI", "LMI"),
    *("LVH", "VCLVH", "LAO/LAE", "LAFB", "IRBBB", "CRBBB", "CLBBB", "IVCD", "1AVB", "LPR"),
    *("ISC_", "ISCAL", "ISCIN", "STD_", "NST_", "NDT", "NT_", "LOWT", "INVT", "DIG"),
    *("ABQRS", "QWAVE", "LVOLT", "SR", "AFIB", "STACH", "SBRAD", "SARRH", "PVC", "PAC"),
)
"""SCP codes learnt beside the targets because that helps them: those with a hundred records."""
TARGETS = (*SUPERCLASSES, *WALLS, ACUTE_INJURY, *STATEMENTS)
"""The networks' outputs in order."""
WEIGHTS: Mapping[str, float] = {
    "MI": 2.0,
    **dict.fromkeys(SUPERCLASSES[1:], 1.0),
    **dict.fromkeys((*WALLS, ACUTE_INJURY), 0.5),
    **dict.fromkeys(STATEMENTS, 0.1),
}
"""How much each target counts in the loss."""


def targets_of(index: pd.DataFrame) -> NDArray[np.float32]:
    """Returns the targets of records.

    Args:
        index: rows of ``ecg.ptbxl.PtbXl.index``.

    Returns:
        ``(n, targets)`` of :data:`TARGETS`, 0 or 1; NaN where it is not known. Where a record's
        codes are not known, its walls and acute injury are still known without infarction.
    """
    found = np.full((len(index), len(TARGETS)), np.nan, np.float32)
    column = {name: place for place, name in enumerate(TARGETS)}
    for row, (superclasses, codes) in enumerate(
        zip(index["superclasses"], index["codes"], strict=True)
    ):
        for name in SUPERCLASSES:
            found[row, column[name]] = name in superclasses
        for name, those in INFARCT_CODES.items():
            if codes is not None:
                found[row, column[name]] = not those.isdisjoint(codes)
            elif "MI" not in superclasses:
                found[row, column[name]] = 0.0
        if codes is not None:
            for name in STATEMENTS:
                found[row, column[name]] = name in codes
    return found
