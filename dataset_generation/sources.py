"""Records to print: PTB-XL, any folder of WFDB records, or the simulator."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TypeVar

import numpy as np

from ecg.formats.damage import DAMAGED, told
from ecg.formats.wfdb_format import UNITS_PER_MV, read_wfdb
from ecg.labels import MI_CODES, SUPERCLASSES, TARGETS, target_of
from ecg.ptbxl import PtbXl
from ecg.record import Record
from ecg.simulator import SimulatorSource as Simulator
from ecg.splits import TEST_FOLD, TRAIN_FOLDS, VALIDATION_FOLD

_Key = TypeVar("_Key")

RATE_HZ = 500.0
LONGEST_S = 10.0
_SHORTEST_S = 1.0
_RATES_HZ = (50.0, 20000.0)
_MOST_MV = 32.767
_PADDED_S = 0.15
FOLDS_OF_SPLIT = {
    "train": TRAIN_FOLDS,
    "validation": (VALIDATION_FOLD,),
    "test": (TEST_FOLD,),
    "all": tuple(range(1, 11)),
}


_SNOMED_MI = ("164865005", "57054005", "54329005", "73795002")


class SourceError(ValueError):
    """No records as asked for; the message says what to do."""


class RecordError(ValueError):
    """A record that cannot be printed; the message names it."""


@dataclass(frozen=True)
class Entry:
    """One record of a source, before its signal is read.

    Attributes:
        number: stable number of the record, the middle of every seed made from it.
        name: the record's name, of letters, digits, ``-`` and ``_``, unique in its source.
    """

    number: int
    name: str


class RecordSource(ABC):
    """Chosen records, in the order that reads them fastest.

    Attributes:
        name: what the data card calls the source.
        credit: its attribution.
        entries: the chosen records.
    """

    name: str
    credit: str
    entries: Sequence[Entry]

    def read(self, entry: Entry) -> Record:
        """A record as it is printed: at most 10 s at 500 Hz, in whole microvolts.

        Raises:
            RecordError: if it cannot be read or holds nothing to print.
        """
        try:
            record = self._read(entry)
        except DAMAGED as error:
            raise RecordError(f"record {entry.name} cannot be read: {told(error)}") from error
        return printable(record)

    @abstractmethod
    def _read(self, entry: Entry) -> Record: ...

    def target(self, record: Record) -> str | None:
        """``mi``, ``normal`` or ``other``; None where the record carries no label."""
        return target_of_labels(record.labels)


def target_of_labels(labels: Collection[str]) -> str | None:
    """The three-way target of a record's SCP codes or superclasses; None without any.

    Of SNOMED codes (numbers) infarction alone is known: without it they tell nothing.
    """
    if any(label in _SNOMED_MI for label in labels):
        return "mi"
    labels = [label for label in labels if not label.isdigit()]
    if not labels:
        return None
    is_mi = any(label in MI_CODES or label == "MI" for label in labels)
    return target_of([*(["MI"] if is_mi else []), *labels])


def printable(record: Record) -> Record:
    """The first 10 s at 500 Hz, in whole microvolts.

    Whole microvolts are what the truth's WFDB files hold: a page drawn again from them is the
    same to the byte.

    Raises:
        RecordError: if less than a second is left, the rate is no ECG's, or a voltage is beyond
            +-32.767 mV.
    """
    if not _RATES_HZ[0] <= record.rate_hz <= _RATES_HZ[1]:
        raise RecordError(
            f"record {record.record_id} has {record.rate_hz:g} samples a second: no ECG has "
            f"fewer than {_RATES_HZ[0]:g} or more than {_RATES_HZ[1]:g}"
        )
    record = record.resampled(RATE_HZ)
    record = replace(record, signal_mv=record.signal_mv[:, : round(LONGEST_S * RATE_HZ)])
    finite = np.isfinite(record.signal_mv)
    if finite.any(axis=0).sum() < _SHORTEST_S * RATE_HZ:
        raise RecordError(f"record {record.record_id} holds less than a second of signal")
    if np.abs(record.signal_mv[finite]).max() > _MOST_MV:
        raise RecordError(f"record {record.record_id} exceeds 32.767 mV: are its units right?")
    units = np.round(record.signal_mv.astype(np.float64) * UNITS_PER_MV)
    return replace(record, signal_mv=(units / UNITS_PER_MV).astype(np.float32))


class PtbXlSource(RecordSource):
    """PTB-XL: at 500 Hz where a record is present so, else resampled from 100 Hz.

    Args:
        ptbxl: the data set.
        folds: ``strat_fold`` numbers.
        labels: targets, superclasses or SCP codes, of which a record has one; empty for all.
        exclude: record numbers to leave out.
        records: how many, drawn by ``seed``; 0 for all.
        seed: of the choice; a larger number of records contains a smaller one's.
        balance: whether to take as many of each target, new patients first.
    """

    name = "PTB-XL 1.0.3"
    credit = (
        "Signals and labels: PTB-XL 1.0.3, Wagner et al. 2020, doi 10.1038/s41597-020-0495-6, "
        "data doi 10.13026/kfzx-aw45, licence CC BY 4.0; printed and photographed by ecgphoto."
    )

    def __init__(
        self,
        ptbxl: PtbXl,
        folds: Collection[int],
        labels: Collection[str] = (),
        exclude: Iterable[int] = (),
        records: int = 0,
        seed: int = 0,
        balance: bool = False,
    ) -> None:
        self.ptbxl = ptbxl
        at_500 = set(ptbxl.available(500).tolist())
        at_100 = set(ptbxl.available(100).tolist())
        ids = [
            int(ecg_id)
            for ecg_id in ptbxl.select(folds=folds, exclude=exclude)
            if ecg_id in at_500 or ecg_id in at_100
        ]
        if labels:
            rows = ptbxl.index.loc[ids]
            carried = [
                {target, *superclasses, *(codes or ())}
                for target, superclasses, codes in zip(
                    rows["target"], rows["superclasses"], rows["codes"], strict=True
                )
            ]
            ids = _with_labels(ids, carried, labels)
        if not ids:
            raise SourceError(
                f"{ptbxl.folder} holds no signal of PTB-XL's folds "
                f"{', '.join(map(str, folds))} with these labels: "
                "choose other folds or labels, or fetch more with download_datasets.sh"
            )
        chosen = np.random.default_rng(seed).permutation(ids).tolist()
        if balance:
            rows = ptbxl.index.loc[chosen]
            chosen = balanced(chosen, rows["target"].tolist(), rows["patient_id"].tolist())
        chosen = chosen[: records or None]
        self._rate_hz = {ecg_id: 500 if ecg_id in at_500 else 100 for ecg_id in chosen}
        places = {
            ecg_id: str(ptbxl.index.at[ecg_id, f"location_{rate_hz}hz"])
            for ecg_id, rate_hz in self._rate_hz.items()
        }
        chosen.sort(key=lambda ecg_id: (places[ecg_id], ecg_id))
        self.entries = tuple(Entry(ecg_id, f"{ecg_id:05d}") for ecg_id in chosen)

    def _read(self, entry: Entry) -> Record:
        record = self.ptbxl.record(entry.number, self._rate_hz[entry.number])
        # PTB-XL repeats the last value over the last tenth of a second or so of many records.
        signal = record.signal_mv.copy()
        signal[:, -round(_PADDED_S * record.rate_hz) :] = np.nan
        return replace(record, signal_mv=signal)

    def target(self, record: Record) -> str:
        """The target by PTB-XL's own superclasses, known for every record."""
        return str(self.ptbxl.index.at[int(record.record_id), "target"])


class WfdbFolderSource(RecordSource):
    """Every WFDB record below a folder.

    Args:
        folder: searched with its sub-folders.
        labels: diagnosis codes of the headers' ``Dx`` lines; empty for all records.
        records: how many, drawn by ``seed``; 0 for all.
        seed: of the choice.
    """

    credit = "Signals: the WFDB records that were given."

    def __init__(
        self, folder: Path, labels: Collection[str] = (), records: int = 0, seed: int = 0
    ) -> None:
        self.folder = folder
        self.name = f"WFDB records of {folder.name}"
        places = sorted(
            path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.hea")
        )
        if labels:
            carried = []
            for place in places:
                try:
                    codes = read_wfdb(folder / place).labels
                    carried.append({*codes, target_of_labels(codes) or ""})
                except DAMAGED:
                    carried.append(set(labels))  # named when its turn comes
            places = _with_labels(places, carried, labels)
        names = {place: re.sub(r"[^A-Za-z0-9_-]+", "_", place) for place in places}
        twice = [name for name, times in Counter(names.values()).items() if times > 1]
        if twice:
            raise SourceError(f"{folder}: two records would both be called {twice[0]}; rename one")
        if not places:
            raise SourceError(f"{folder} holds no WFDB record (.hea) with these labels")
        chosen = np.random.default_rng(seed).permutation(places)[: records or None].tolist()
        self._place = {names[place]: place for place in chosen}
        self.entries = tuple(Entry(_number_of(place), names[place]) for place in sorted(chosen))

    def _read(self, entry: Entry) -> Record:
        record = read_wfdb(self.folder / self._place[entry.name])
        return replace(record, record_id=self._place[entry.name])


class SimulatedSource(RecordSource):
    """The ECG simulator; folds 1 to 10 take turns.

    Args:
        folds: folds to take.
        labels: targets or SCP codes; empty for all.
        records: how many; there is no "all".
        seed: of the simulator.
    """

    name = "ecgphoto simulator"
    credit = "Signals: simulated by ecgphoto; no person's data."

    def __init__(
        self, folds: Collection[int], labels: Collection[str], records: int, seed: int
    ) -> None:
        if records < 1:
            raise SourceError("the simulator has no last record: say how many with --records")
        known = {*TARGETS, *SUPERCLASSES, "AMI", "IMI", "LMI", "SR", "SBRAD", "STACH"}
        _check_known(labels, known)
        self._simulator = Simulator(n_records=2**31, seed=seed)
        entries: list[Entry] = []
        for number in count():
            if len(entries) == records or number > 200 * records + 2000:
                break
            if number % 10 + 1 in folds and (not labels or self._has(number, labels)):
                entries.append(Entry(number, f"sim-{seed}-{number:05d}"))
        if len(entries) < records:
            raise SourceError(f"the simulator hardly ever makes {', '.join(labels)}")
        self.entries = tuple(entries)

    def _has(self, number: int, labels: Collection[str]) -> bool:
        carried = self._simulator[number].labels
        return bool({*carried, target_of_labels(carried)} & set(labels))

    def _read(self, entry: Entry) -> Record:
        return self._simulator[entry.number]


def open_source(
    folder: Path | None,
    split: str = "train",
    folds: tuple[int, ...] = (),
    labels: tuple[str, ...] = (),
    exclude: Collection[int] = (),
    records: int = 0,
    seed: int = 0,
    balance: bool = False,
) -> RecordSource:
    """Choose records.

    Args:
        folder: PTB-XL in either layout, or a folder of WFDB records; None for the simulator.
        split: ``train``, ``validation``, ``test`` or ``all``.
        folds: fold numbers, in place of the split.
        labels: targets, superclasses or codes, of which a record has one; empty for all.
        exclude: PTB-XL record numbers to leave out.
        records: how many; 0 for all.
        seed: of the choice and of the simulator.
        balance: whether to take as many of each target, new patients first (PTB-XL only).

    Raises:
        SourceError: if there are no such records.
    """
    wanted = folds or FOLDS_OF_SPLIT[split]
    if balance and (folder is None or not _is_ptbxl(folder)):
        raise SourceError("--balance needs PTB-XL's labels and patients: name it with --data")
    if exclude and (folder is None or not _is_ptbxl(folder)):
        raise SourceError("--exclude names records of PTB-XL: name PTB-XL with --data")
    if folder is None:
        return SimulatedSource(wanted, labels, records, seed)
    if not folder.is_dir():
        raise SourceError(f"there is no folder {folder}")
    if _is_ptbxl(folder):
        ptbxl = PtbXl(folder, cached_shards=1)
        return PtbXlSource(ptbxl, wanted, labels, exclude, records, seed, balance)
    if next(folder.rglob("*.hea"), None) is None:
        raise SourceError(
            f"{folder} holds neither PTB-XL nor WFDB records (.hea); "
            "./download_datasets.sh fetches PTB-XL"
        )
    if folds:
        raise SourceError("folds are PTB-XL's; a folder of WFDB records has none")
    return WfdbFolderSource(folder, labels, records, seed)


def _is_ptbxl(folder: Path) -> bool:
    return (folder / "ptbxl_database.csv").is_file() or (folder / "manifest.csv.gz").is_file()


def balanced(
    keys: Sequence[_Key], targets: Sequence[str], patients: Sequence[object]
) -> list[_Key]:
    """As many keys of each target, in turns; a patient's second record after all first ones.

    Args:
        keys: in the order of preference.
        targets: target of each.
        patients: patient of each.

    Returns:
        The keys, cut where the rarest target has no more.
    """
    queues: dict[str, list[tuple[int, int]]] = {}
    seen: Counter[object] = Counter()
    for place, (target, patient) in enumerate(zip(targets, patients, strict=True)):
        queues.setdefault(target, []).append((seen[patient], place))
        seen[patient] += 1
    turns = zip(*(sorted(queue) for _, queue in sorted(queues.items())), strict=False)
    return [keys[place] for turn in turns for _, place in turn]


def _with_labels(
    keys: Sequence[_Key], carried: Sequence[set[str]], labels: Collection[str]
) -> list[_Key]:
    _check_known(labels, set().union(*carried))
    wanted = set(labels)
    return [key for key, here in zip(keys, carried, strict=True) if here & wanted]


def _check_known(labels: Collection[str], known: set[str]) -> None:
    for label in labels:
        if label not in known:
            some = ", ".join(sorted(known - {""})[:60])
            raise SourceError(f"no record is labelled {label!r}; labels here: {some}")


def _number_of(place: str) -> int:
    """A number that depends on a record's place below its folder alone."""
    return int.from_bytes(hashlib.blake2b(place.encode(), digest_size=6).digest(), "big")
