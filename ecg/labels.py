"""Diagnosis labels: SCP codes, superclasses, myocardial infarction, classes of one's own.

A record's codes are a mapping of SCP code to likelihood in per cent. PTB-XL writes 0 where the
cardiologist gave no likelihood; here, and where a data set lists codes without likelihoods, it
is ``None``. A superclass counts a code whatever its likelihood, as the PTB-XL benchmark does
(Strodthoff et al. 2021, doi 10.1109/JBHI.2020.3022989).
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
MI_CODES = (
    "ALMI",
    "AMI",
    "ASMI",
    "ILMI",
    "IMI",
    "INJAL",
    "INJAS",
    "INJIL",
    "INJIN",
    "INJLA",
    "IPLMI",
    "IPMI",
    "LMI",
    "PMI",
)
"""PTB-XL's MI superclass: scp_statements.csv rows with diagnostic_class MI."""

MI_TERRITORIES: dict[str, frozenset[str]] = {
    "anterior": frozenset(("AMI", "ASMI", "ALMI", "INJAS", "INJAL")),
    "inferior": frozenset(("IMI", "ILMI", "IPMI", "IPLMI", "INJIN", "INJIL")),
    "lateral": frozenset(("LMI", "ALMI", "ILMI", "IPLMI", "INJLA", "INJAL", "INJIL")),
    "posterior": frozenset(("PMI", "IPMI", "IPLMI")),
}
"""Codes of infarction and of acute injury by the wall they name; a code may name two."""

ACUTE_INJURY_CODES = frozenset(("INJAS", "INJAL", "INJIN", "INJLA", "INJIL"))
"""Codes of subendocardial injury, PTB-XL's acute part of the MI superclass."""

TARGETS = ("mi", "normal", "other")
"""The three-way target in the order of its class numbers."""

Codes = Mapping[str, float | None]


@dataclass(frozen=True)
class DiagnosisClass:
    """A class that a user defines as any of a set of SCP codes.

    Attributes:
        name: what to call it.
        codes: SCP codes; a record belongs to the class when it carries at least one.

    Example:
        >>> DiagnosisClass("any_block", frozenset({"LBBB", "RBBB"})).holds({"RBBB": 100.0})
        True
    """

    name: str
    codes: frozenset[str]

    def __post_init__(self) -> None:
        if not self.codes:
            raise ValueError(f"class {self.name!r} names no SCP code")

    def holds(self, codes: Codes | None, min_likelihood: float | None = None) -> bool | None:
        """Whether a record with these codes belongs to the class.

        Args:
            codes: the record's codes, or None if they are not known.
            min_likelihood: per cent that a code must reach; None counts every code.

        Returns:
            True or False, or None where it cannot be told: the codes are not known, or a
            threshold is asked for and the only matching codes carry no likelihood.
        """
        if codes is None:
            return None
        matching = [codes[code] for code in self.codes if code in codes]
        if not matching:
            return False
        if min_likelihood is None:
            return True
        known = [likelihood for likelihood in matching if likelihood is not None]
        if any(likelihood >= min_likelihood for likelihood in known):
            return True
        return False if len(known) == len(matching) else None


MI = DiagnosisClass("mi", frozenset(MI_CODES))


def parse_codes(text: str) -> dict[str, float | None]:
    """Reads PTB-XL's ``scp_codes`` column, for instance ``{'NORM': 100.0, 'SR': 0.0}``.

    Returns:
        Code to likelihood in per cent, None where PTB-XL writes 0 (not stated).

    Raises:
        ValueError: if the text is no such mapping.
    """
    try:
        raw = ast.literal_eval(text)
        return {str(code): float(value) or None for code, value in raw.items()}
    except (ValueError, SyntaxError, AttributeError, TypeError) as error:
        raise ValueError(f"not a mapping of SCP codes to likelihoods: {text!r}") from error


def read_superclass_map(scp_statements: str | Path) -> dict[str, str]:
    """SCP code to diagnostic superclass from PTB-XL's ``scp_statements.csv``.

    Raises:
        ValueError: if the file has no ``diagnostic_class`` column, or its MI codes are not the
            fourteen of ``MI_CODES``.
    """
    path = Path(scp_statements)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    if not rows or "diagnostic_class" not in rows[0]:
        raise ValueError(f"{path} has no column diagnostic_class: is it PTB-XL's own file?")
    column = rows[0].index("diagnostic_class")
    mapping = {row[0]: row[column] for row in rows[1:] if row and row[column]}
    mi_codes = tuple(sorted(code for code, group in mapping.items() if group == "MI"))
    if mi_codes != MI_CODES:
        raise ValueError(f"{path}: MI codes {mi_codes} differ from the fourteen expected")
    return mapping


def superclasses_of(codes: Iterable[str], superclass_map: Mapping[str, str]) -> tuple[str, ...]:
    """The superclasses of a record's codes, in the order of ``SUPERCLASSES``."""
    found = {superclass_map[code] for code in codes if code in superclass_map}
    return tuple(name for name in SUPERCLASSES if name in found)


def target_of(superclasses: Collection[str]) -> str:
    """The three-way target: ``mi``, ``normal`` (NORM without MI) or ``other``.

    Example:
        >>> target_of(("NORM", "MI")), target_of(("NORM", "CD")), target_of(())
        ('mi', 'normal', 'other')
    """
    if "MI" in superclasses:
        return "mi"
    return "normal" if "NORM" in superclasses else "other"
