"""PTB-XL: 21,799 clinical 12-lead ECGs of 10 s with diagnoses.

Source: Wagner et al. 2020, doi 10.1038/s41597-020-0495-6; data doi 10.13026/kfzx-aw45, CC BY
4.0. Two layouts are read: PhysioNet's own folder, and the folder of packed shards of
``ecg.ptbxl_shards`` with its ``manifest.csv.gz``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecg.labels import (
    MI,
    DiagnosisClass,
    parse_codes,
    read_superclass_map,
    superclasses_of,
    target_of,
)
from ecg.leads import LEADS, canonical_lead
from ecg.ptbxl_shards import Shard, read_shard
from ecg.record import Record
from ecg.splits import SPLITS, split_of_fold

if TYPE_CHECKING:
    import pandas as pd

TRAINED_ON_PTBXL = {
    "licence": "Apache-2.0; trained on PTB-XL, CC BY 4.0",
    "citation": "Wagner et al., Sci Data 7, 154 (2020), doi 10.1038/s41597-020-0495-6; "
    "PhysioNet doi 10.13026/kfzx-aw45",
}
"""What the card of a network that was trained on these records says."""
RATES_HZ = (100, 500)
DURATION_S = 10
AGE_OVER_89 = 90.0
_MISSING_UV = np.iinfo(np.int16).min


class DatasetNotFoundError(FileNotFoundError):
    """PTB-XL is not where it was looked for; the message says what to do."""


class PtbXl:
    """The PTB-XL data set in a folder.

    Classes: the superclasses NORM, MI, STTC, CD, HYP (a record may have several or none), and
    ``target``: ``mi``, ``normal`` (NORM without MI) or ``other``. Splits: ``strat_fold`` 1-8
    train, 9 validation, 10 test; no patient crosses (checked when the index is read).

    Args:
        folder: PhysioNet's folder (``ptbxl_database.csv``, ``records100``, ``records500``) or
            that of the packed shards (``manifest.csv.gz``).
        cached_shards: how many decoded shards to keep in memory, 20 to 70 MB each.

    Raises:
        DatasetNotFoundError: if the folder holds neither layout.

    Example::

        ptbxl = PtbXl("data/ptbxl")
        train = ptbxl.select(split="train", rate_hz=100)
        x = ptbxl.signals(train, rate_hz=100)          # (n, 12, 1000) int16, uV
        y = ptbxl.index.loc[train, "mi"].to_numpy()
    """

    def __init__(self, folder: str | Path, cached_shards: int = 3) -> None:
        self.folder = Path(folder)
        if (self.folder / "ptbxl_database.csv").is_file():
            self.layout = "physionet"
        elif (self.folder / "manifest.csv.gz").is_file():
            self.layout = "shards"
        else:
            raise DatasetNotFoundError(
                f"no PTB-XL in {self.folder}: it has neither ptbxl_database.csv nor "
                "manifest.csv.gz. Run ./download_datasets.sh to fetch PTB-XL 1.0.3 from "
                "PhysioNet, then name its folder."
            )
        self._cached_shards = cached_shards
        self._shards: OrderedDict[str, Shard] = OrderedDict()

    @cached_property
    def index(self) -> pd.DataFrame:
        """One row a record, indexed by ``ecg_id``, ascending.

        Columns: ``patient_id`` int; ``fold`` 1 to 10; ``split``; ``age_years`` (NaN unknown, 90
        for over 89, which PhysioNet writes as 300); ``sex``; ``superclasses`` tuple; ``mi``,
        ``normal`` bool; ``target``; ``codes`` dict of SCP code to likelihood in per cent (None
        = likelihood not known), or None where the codes themselves are not known;
        ``location_100hz``, ``location_500hz``: WFDB file or shard, None if absent.

        Raises:
            PatientLeakError: if a patient lies in two folds.
        """
        import pandas as pd

        from ecg.splits import check_no_patient_crosses

        rows = self._read_physionet() if self.layout == "physionet" else self._read_manifest()
        rows = rows.set_index(rows["ecg_id"].astype(int).rename("ecg_id")).sort_index()
        index = pd.DataFrame({"patient_id": rows["patient_id"].astype(int)})
        index["fold"] = rows["strat_fold"].astype(int)
        index["split"] = index["fold"].map(split_of_fold)
        age = rows["age"].astype(float).to_numpy()
        index["age_years"] = np.where(age > 89, AGE_OVER_89, age)
        index["sex"] = ["female" if sex else "male" for sex in rows["sex"].astype(int)]
        for column in ("superclasses", "codes", "location_100hz", "location_500hz"):
            index[column] = rows[column]
        index["mi"] = ["MI" in names for names in index["superclasses"]]
        index["target"] = [target_of(names) for names in index["superclasses"]]
        index["normal"] = index["target"] == "normal"
        if index.index.has_duplicates:
            raise ValueError(f"{self.folder}: an ecg_id occurs twice in the index")
        check_no_patient_crosses(index["patient_id"], index["fold"])
        return index

    def available(self, rate_hz: int) -> NDArray[np.int64]:
        """The ``ecg_id`` of every record whose signal is here at this rate, ascending."""
        present = self.index[self._location_column(rate_hz)].notna()
        return self.index.index[present].to_numpy(np.int64)

    def select(
        self,
        *,
        split: str | None = None,
        folds: Collection[int] | None = None,
        rate_hz: int | None = None,
        exclude: Iterable[int] = (),
    ) -> NDArray[np.int64]:
        """The ``ecg_id`` of the records that meet all conditions, ascending.

        Args:
            split: ``train``, ``validation`` or ``test``.
            folds: ``strat_fold`` numbers.
            rate_hz: only records present at this rate.
            exclude: record numbers to leave out, for instance ``reader_exclusions(path)``.
        """
        if split is not None and split not in SPLITS:
            raise ValueError(f"split {split!r} is not one of {', '.join(SPLITS)}")
        keep = ~self.index.index.isin(list(exclude))
        if split is not None:
            keep &= (self.index["split"] == split).to_numpy()
        if folds is not None:
            keep &= self.index["fold"].isin(list(folds)).to_numpy()
        if rate_hz is not None:
            keep &= self.index[self._location_column(rate_hz)].notna().to_numpy()
        return self.index.index[keep].to_numpy(np.int64)

    def class_labels(
        self,
        wanted: DiagnosisClass = MI,
        min_likelihood: float | None = None,
        ecg_ids: Sequence[int] | NDArray[np.integer] | None = None,
    ) -> tuple[dict[int, bool], tuple[int, ...]]:
        """Membership of a class, and the records for which it cannot be told.

        MI without a threshold comes from the superclass, which is known for every record; any
        other class, or a threshold, needs the codes and their likelihoods.

        Args:
            wanted: the class.
            min_likelihood: per cent that a code must reach; None counts every code.
            ecg_ids: records to look at; None for all.

        Returns:
            ``(labels, unknown)``: ecg_id to True or False, and the ecg_ids left out of it.
        """
        rows = self.index if ecg_ids is None else self.index.loc[list(ecg_ids)]
        labels: dict[int, bool] = {}
        unknown: list[int] = []
        from_superclass = wanted.codes == MI.codes
        for ecg_id, codes, is_mi in zip(rows.index, rows["codes"], rows["mi"], strict=True):
            if from_superclass and (min_likelihood is None or not is_mi):
                holds: bool | None = bool(is_mi)
            else:
                holds = wanted.holds(codes, min_likelihood)
            if holds is None:
                unknown.append(int(ecg_id))
            else:
                labels[int(ecg_id)] = holds
        return labels, tuple(unknown)

    def record(self, ecg_id: int, rate_hz: int = 500) -> Record:
        """One record.

        Raises:
            KeyError: if PTB-XL has no such record or it is not here at this rate.
        """
        signal_uv = self.signals([ecg_id], rate_hz)[0]
        signal_mv = signal_uv.astype(np.float32) / np.float32(1000)
        signal_mv[signal_uv == _MISSING_UV] = np.nan
        row = self.index.loc[ecg_id]
        age = float(row["age_years"])
        return Record(
            signal_mv=signal_mv,
            rate_hz=float(rate_hz),
            record_id=str(ecg_id),
            patient_id=str(row["patient_id"]),
            source="ptbxl",
            fold=int(row["fold"]),
            labels=tuple(row["codes"] or row["superclasses"]),
            age_years=None if np.isnan(age) else age,
            sex=str(row["sex"]),
        )

    def signals(
        self, ecg_ids: Sequence[int] | NDArray[np.integer], rate_hz: int = 100
    ) -> NDArray[np.int16]:
        """Many signals at once, in the order asked for.

        Args:
            ecg_ids: ``(n,)`` record numbers; may repeat.
            rate_hz: 100 or 500.

        Returns:
            ``(n, 12, 10 * rate_hz)`` int16 in uV; -32768 marks a missing sample.

        Raises:
            KeyError: if a record is unknown or not here at this rate; names some of them.
        """
        wanted = [int(ecg_id) for ecg_id in ecg_ids]
        column = self.index[self._location_column(rate_hz)]
        places = column.reindex(wanted)
        absent = [wanted[position] for position in np.flatnonzero(places.isna())]
        if absent:
            raise KeyError(
                f"{len(absent)} records are not in {self.folder} at {rate_hz} Hz, "
                f"among them {absent[:5]}"
            )
        signals = np.empty((len(wanted), 12, DURATION_S * rate_hz), np.int16)
        by_place: dict[str, list[int]] = {}
        for position, place in enumerate(places):
            by_place.setdefault(str(place), []).append(position)
        for place, positions in by_place.items():
            if self.layout == "physionet":
                signals[positions] = self._read_wfdb(place)
                continue
            shard = self._shard(place)
            order = np.argsort(shard.ecg_ids)
            asked = np.array([wanted[position] for position in positions])
            found = order[np.searchsorted(shard.ecg_ids, asked, sorter=order)]
            signals[positions] = shard.signals_uv[found]
        return signals

    def _location_column(self, rate_hz: int) -> str:
        if rate_hz not in RATES_HZ:
            raise ValueError(f"PTB-XL is stored at 100 and 500 Hz, not at {rate_hz} Hz")
        return f"location_{int(rate_hz)}hz"

    def _shard(self, name: str) -> Shard:
        if name in self._shards:
            self._shards.move_to_end(name)
            return self._shards[name]
        while len(self._shards) >= max(1, self._cached_shards):
            self._shards.popitem(last=False)
        self._shards[name] = read_shard(self.folder / name)
        return self._shards[name]

    def _read_wfdb(self, place: str) -> NDArray[np.int16]:
        import wfdb

        record = wfdb.rdrecord(str(self.folder / place), physical=False, return_res=16)
        if any(gain != 1000 for gain in record.adc_gain) or any(record.baseline):
            raise ValueError(f"{self.folder / place}.hea: expected 1000 units a mV from 0")
        names = [canonical_lead(name) for name in record.sig_name]
        order = [names.index(lead) for lead in LEADS]
        return np.ascontiguousarray(record.d_signal[:, order].T.astype(np.int16))

    def _read_physionet(self) -> Any:
        import pandas as pd

        rows = pd.read_csv(self.folder / "ptbxl_database.csv")
        superclass_map = read_superclass_map(self.folder / "scp_statements.csv")
        rows["codes"] = [parse_codes(text) for text in rows["scp_codes"]]
        rows["superclasses"] = [superclasses_of(codes, superclass_map) for codes in rows["codes"]]
        for column, name in (("location_100hz", "filename_lr"), ("location_500hz", "filename_hr")):
            folders = {str(Path(place).parent) for place in rows[name]}
            here = {
                f"{folder}/{file.stem}"
                for folder in folders
                if (self.folder / folder).is_dir()
                for file in (self.folder / folder).glob("*.dat")
            }
            rows[column] = rows[name].astype(object).where(rows[name].isin(here), None)
        return rows

    def _read_manifest(self) -> Any:
        import pandas as pd

        rows = pd.read_csv(self.folder / "manifest.csv.gz", low_memory=False)
        codes: list[dict[str, float | None] | None] = []
        for with_likelihood, present in zip(
            rows["scp_codes"], rows["scp_codes_present"], strict=True
        ):
            if isinstance(with_likelihood, str):
                codes.append(parse_codes(with_likelihood))
            elif isinstance(present, str):
                codes.append(dict.fromkeys(present.split("|")))
            else:
                codes.append(None)
        rows["codes"] = pd.Series(codes, dtype=object)
        rows["superclasses"] = [
            superclasses_of(names.split("|"), {name: name for name in names.split("|")})
            if isinstance(names, str)
            else ()
            for names in rows["superclasses"]
        ]
        here = {file.name for file in self.folder.glob("*.npz")}
        for column, name in (("location_100hz", "shard_100hz"), ("location_500hz", "shard_500hz")):
            rows[column] = rows[name].astype(object).where(rows[name].isin(here), None)
        return rows
