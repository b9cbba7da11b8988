"""Recordings as WFDB: a ``.hea`` header beside a ``.dat`` file of format 16, 1 uV a unit.

Missing samples carry WFDB's invalid-sample code of that format, -32768. Specification:
https://physionet.org/physiotools/wag/header-5.htm.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ecg.formats.atomic import atomic_path
from ecg.leads import LEAD_INDEX, LEADS, canonical_lead
from ecg.record import Record

UNITS_PER_MV = 1000
INVALID = -32768
_MV_PER_UNIT = {"mV": 1.0, "uV": 1e-3, "µV": 1e-3, "V": 1e3}


def wfdb_files(record: Record, name: str) -> tuple[bytes, bytes]:
    """A record as the bytes of ``name.hea`` and ``name.dat``.

    Id, patient, source, age, sex and labels go into header comments. Written here rather than by
    wfdb, whose writer takes 70 ms a record; the tests hold the bytes against it.

    Args:
        record: what to write.
        name: letters, digits, ``-`` and ``_``.

    Raises:
        ValueError: if the name is not allowed or a voltage is beyond 32.767 mV.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ValueError(f"a WFDB record's name has letters, digits, - and _ only: {name!r}")
    units = np.round(record.signal_mv.astype(np.float64) * UNITS_PER_MV)
    if (np.abs(units) > 32767).any():
        raise ValueError(f"record {record.record_id!r} exceeds 32.767 mV, the most WFDB 16 holds")
    digital = np.where(np.isfinite(units), units, INVALID).astype("<i2")
    lines = [f"{name} 12 {record.rate_hz:g} {digital.shape[1]}"]
    for lead, row in zip(LEADS, digital, strict=True):
        total = int(row.sum(dtype=np.int64)) % 65536
        gain = f"{float(UNITS_PER_MV)}(0)/mV"
        lines.append(f"{name}.dat 16 {gain} 16 0 {row[0]} {total} 0 {lead}")
    for title, value in (
        ("Record", record.record_id),
        ("Patient", record.patient_id),
        ("Source", record.source or None),
        ("Age", None if record.age_years is None else f"{record.age_years:g}"),
        ("Sex", record.sex),
        ("Dx", ",".join(record.labels) or None),
    ):
        if value is not None:
            lines.append("# " + " ".join(f"{title}: {value}".split()))
    # A source may be a file's name, and hold bytes that are no UTF-8.
    return ("\n".join(lines) + "\n").encode(errors="backslashreplace"), digital.T.tobytes()


def write_wfdb(record: Record, path: str | Path) -> None:
    """Writes ``path.hea`` and ``path.dat`` (see ``wfdb_files``).

    The data file is put in place before the header, so a header never stands without its data.

    Args:
        record: what to write.
        path: without suffix (``.hea`` is dropped); its name may hold letters, digits, ``-`` and
            ``_``.

    Raises:
        ValueError: if the name is not allowed or a voltage is beyond 32.767 mV.
    """
    path = Path(path)
    path = path.with_suffix("") if path.suffix == ".hea" else path
    header, data = wfdb_files(record, path.name)
    for suffix, content in ((".dat", data), (".hea", header)):
        with atomic_path(path.with_name(path.name + suffix)) as temporary:
            temporary.write_bytes(content)


def read_wfdb(path: str | Path) -> Record:
    """Reads a WFDB record in mV; leads in any order and case, absent ones become NaN.

    Channels that are none of the twelve leads are left out.

    Args:
        path: the record with or without ``.hea``.

    Raises:
        FileNotFoundError: if there is no header.
        ValueError: if no channel is one of the twelve leads, a lead occurs twice, or a unit is
            no voltage.
    """
    import wfdb

    path = Path(path)
    path = path.with_suffix("") if path.suffix in (".hea", ".dat") else path
    header = path.with_name(path.name + ".hea")
    if not header.is_file():
        raise FileNotFoundError(f"no WFDB header {header}")
    raw = wfdb.rdrecord(str(path))
    signal = np.full((12, raw.sig_len), np.nan, np.float32)
    seen = set()
    for channel, (name, unit) in enumerate(zip(raw.sig_name, raw.units, strict=True)):
        try:
            lead = canonical_lead(name)
        except ValueError:
            continue
        if lead in seen:
            raise ValueError(f"{header}: lead {lead} occurs twice")
        if unit not in _MV_PER_UNIT:
            raise ValueError(f"{header}: lead {lead} is in {unit!r}, not in mV")
        seen.add(lead)
        signal[LEAD_INDEX[lead]] = raw.p_signal[:, channel] * _MV_PER_UNIT[unit]
    if not seen:
        raise ValueError(f"{header}: none of {raw.sig_name} is one of the twelve leads")
    facts: dict[str, str] = {}
    for comment in raw.comments:
        name, _, value = comment.partition(":")
        facts[name.strip()] = value.strip()
    sex = {"m": "male", "f": "female"}.get(facts.get("Sex", "").lower()[:1])
    labels = tuple(code.strip() for code in facts.get("Dx", "").split(",") if code.strip())
    return Record(
        signal,
        float(raw.fs),
        record_id=facts.get("Record", path.name),
        patient_id=facts.get("Patient"),
        source=facts.get("Source", header.name),
        labels=labels,
        age_years=_number(facts.get("Age")),
        sex=sex,
    )


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and np.isfinite(value) else None
