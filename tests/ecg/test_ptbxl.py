import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
import wfdb

from ecg.labels import MI, MI_CODES, DiagnosisClass
from ecg.leads import LEADS
from ecg.ptbxl import DatasetNotFoundError, PtbXl
from ecg.ptbxl_shards import read_shard
from ecg.splits import PatientLeakError, reader_exclusions
from tests.ecg.shard_packing import packed


def write_shard(path: Path, ids: list[int], signals: np.ndarray, rate_hz: int) -> None:
    """signals (N, 12, T) int16."""
    np.savez_compressed(
        path,
        ecg_id=np.array(ids, np.int32),
        fs=np.array([rate_hz], np.int32),
        **packed(signals),
    )


def some_signals(n: int, samples: int) -> np.ndarray:
    rng = np.random.default_rng(n)
    signals = rng.integers(-3000, 3000, (n, 12, samples)).astype(np.int16)
    signals[0, 0, :3] = (32767, -32768, 0)
    return signals


MANIFEST = """ecg_id,patient_id,strat_fold,age,sex,superclasses,scp_codes,scp_codes_present,\
shard_100hz,shard_500hz
7,1,10,300,1,MI,"{'AMI': 100.0, 'SR': 0.0}",AMI|SR,a.npz,
3,2,1,55,0,NORM,"{'NORM': 100.0}",NORM,a.npz,b.npz
5,2,1,,0,,,,c.npz,
9,4,9,40,1,CD|MI,,IMI|LAFB,a.npz,
11,5,2,40,1,MI|NORM,,,,
"""


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    import gzip

    with gzip.open(tmp_path / "manifest.csv.gz", "wt") as file:
        file.write(MANIFEST)
    write_shard(tmp_path / "a.npz", [9, 3, 7], some_signals(3, 1000), 100)
    write_shard(tmp_path / "b.npz", [3], some_signals(1, 5000), 500)
    return tmp_path


def test_shards_decode_losslessly(shards: Path) -> None:
    shard = read_shard(shards / "a.npz")
    np.testing.assert_array_equal(shard.signals_uv, some_signals(3, 1000))
    assert shard.ecg_ids.tolist() == [9, 3, 7]
    assert shard.rate_hz == 100


def test_a_foreign_npz_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", lo=np.zeros(1))
    with pytest.raises(ValueError, match="lacks"):
        read_shard(tmp_path / "x.npz")


def test_index_of_shards(shards: Path) -> None:
    index = PtbXl(shards).index
    assert index.index.tolist() == [3, 5, 7, 9, 11]
    assert index["target"].tolist() == ["normal", "other", "mi", "mi", "mi"]
    assert index["mi"].tolist() == [False, False, True, True, True]
    assert index["normal"].tolist() == [True, False, False, False, False]
    assert index["split"].tolist() == ["train", "train", "test", "validation", "train"]
    assert index.loc[7, "age_years"] == 90
    assert np.isnan(index.loc[5, "age_years"])
    assert index["sex"].tolist() == ["male", "male", "female", "female", "female"]
    assert index.loc[7, "codes"] == {"AMI": 100.0, "SR": None}
    assert index.loc[9, "codes"] == {"IMI": None, "LAFB": None}
    assert index.loc[5, "codes"] is None
    assert index.loc[9, "superclasses"] == ("MI", "CD")
    assert index.loc[5, "superclasses"] == ()


def test_only_signals_that_are_here_are_available(shards: Path) -> None:
    ptbxl = PtbXl(shards)
    assert ptbxl.available(100).tolist() == [3, 7, 9]  # c.npz is missing
    assert ptbxl.available(500).tolist() == [3]
    assert ptbxl.select(split="train").tolist() == [3, 5, 11]
    assert ptbxl.select(folds=(1, 2), rate_hz=100).tolist() == [3]
    assert ptbxl.select(exclude=[3, 5]).tolist() == [7, 9, 11]
    with pytest.raises(ValueError, match="split"):
        ptbxl.select(split="dev")
    with pytest.raises(ValueError, match="250"):
        ptbxl.available(250)


def test_signals_come_in_the_order_asked_for(shards: Path) -> None:
    ptbxl = PtbXl(shards)
    signals = some_signals(3, 1000)
    np.testing.assert_array_equal(ptbxl.signals([7, 9, 3, 7], 100), signals[[2, 0, 1, 2]])
    assert ptbxl.signals([], 500).shape == (0, 12, 5000)
    with pytest.raises(KeyError, match="5"):
        ptbxl.signals([3, 5], 100)
    with pytest.raises(KeyError, match="99"):
        ptbxl.signals([99], 100)


def test_record_is_in_millivolts(shards: Path) -> None:
    record = PtbXl(shards).record(9, 100)
    signal = some_signals(3, 1000)[0]
    assert np.isnan(record.signal_mv[0, 1])
    assert record.signal_mv[0, 0] == np.float32(32.767)
    np.testing.assert_allclose(record.signal_mv[5], signal[5] / 1000, rtol=1e-6)
    assert (record.record_id, record.patient_id, record.fold) == ("9", "4", 9)
    assert record.labels == ("IMI", "LAFB")


def test_class_labels_name_the_unknown(shards: Path) -> None:
    ptbxl = PtbXl(shards)
    labels, unknown = ptbxl.class_labels()
    assert labels == {3: False, 5: False, 7: True, 9: True, 11: True}
    assert unknown == ()
    labels, unknown = ptbxl.class_labels(MI, min_likelihood=50)
    assert labels == {3: False, 5: False, 7: True}
    assert unknown == (9, 11)
    labels, unknown = ptbxl.class_labels(DiagnosisClass("fb", frozenset({"LAFB"})), None, [7, 9, 5])
    assert labels == {7: False, 9: True}
    assert unknown == (5,)


def test_a_patient_in_two_folds_is_refused(shards: Path) -> None:
    import gzip

    with gzip.open(shards / "manifest.csv.gz", "wt") as file:
        file.write(MANIFEST.replace("5,2,1,", "5,2,10,"))
    with pytest.raises(PatientLeakError):
        _ = PtbXl(shards).index


def test_physionet_layout(tmp_path: Path) -> None:
    (tmp_path / "scp_statements.csv").write_text(
        "\n".join([",diagnostic_class", "NORM,NORM", "SR,", *(f"{code},MI" for code in MI_CODES)])
    )
    (tmp_path / "ptbxl_database.csv").write_text(
        "ecg_id,patient_id,age,sex,scp_codes,strat_fold,filename_lr,filename_hr\n"
        "1,15.0,56.0,1,\"{'NORM': 100.0, 'SR': 0.0}\",3,"
        "records100/00000/00001_lr,records500/00000/00001_hr\n"
        "2,16.0,19.0,0,\"{'AMI': 0.0}\",10,records100/00000/00002_lr,records500/00000/00002_hr\n"
    )
    folder = tmp_path / "records100" / "00000"
    folder.mkdir(parents=True)
    signal = some_signals(2, 1000)[1]
    order = [3, 4, 0, 1, 2, 5, 6, 7, 8, 9, 10, 11]
    wfdb.wrsamp(
        "00002_lr", fs=100, units=["mV"] * 12, sig_name=[LEADS[k].upper() for k in order],
        d_signal=signal[order].T.copy(), fmt=["16"] * 12, adc_gain=[1000.0] * 12,
        baseline=[0] * 12, write_dir=str(folder),
    )  # fmt: skip
    ptbxl = PtbXl(tmp_path)
    assert ptbxl.available(100).tolist() == [2]
    assert ptbxl.available(500).tolist() == []
    assert ptbxl.index["target"].tolist() == ["normal", "mi"]
    np.testing.assert_array_equal(ptbxl.signals([2], 100)[0], signal)
    assert ptbxl.record(2, 100).labels == ("AMI",)
    assert ptbxl.class_labels(min_likelihood=50) == ({1: False}, (2,))


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"download_datasets\.sh"):
        PtbXl(tmp_path)


@pytest.fixture(scope="module")
def shared() -> Path:
    beside = Path(__file__).parents[3] / "shared"
    folder = Path(os.environ.get("ECGPHOTO_SHARED", beside)) / "data"
    if not (folder / "ptbxl" / "manifest.csv.gz").is_file():
        pytest.skip(f"no PTB-XL shards in {folder / 'ptbxl'}: set ECGPHOTO_SHARED")
    return folder


@pytest.fixture(scope="module")
def real(shared: Path) -> PtbXl:
    return PtbXl(shared / "ptbxl")


@pytest.mark.data
def test_real_counts_are_the_published_ones(real: PtbXl) -> None:
    index = real.index
    assert len(index) == 21799
    assert index["patient_id"].nunique() == 18869
    counts = {
        name: sum(name in names for names in index["superclasses"])
        for name in ("NORM", "MI", "STTC", "CD", "HYP")
    }
    assert counts == {"NORM": 9514, "MI": 5469, "STTC": 5235, "CD": 4898, "HYP": 2649}
    assert len(real.available(100)) == 21799
    test = real.select(split="test")
    labels, unknown = real.class_labels(MI, 1, test)
    assert index.loc[test, "mi"].sum() == 550
    assert sum(labels.values()) == 416
    assert len(unknown) == 134


@pytest.mark.data
def test_superclass_and_codes_agree_where_both_are_known(real: PtbXl) -> None:
    known = real.index[real.index["codes"].notna()]
    assert all(
        MI.holds(codes) == is_mi for codes, is_mi in zip(known["codes"], known["mi"], strict=True)
    )


@pytest.mark.data
@pytest.mark.parametrize("name", ["ptbxl500_fold03_a.npz", "ptbxl100rest_fold01_a.npz"])
def test_real_shards_equal_the_given_reader(shared: Path, name: str) -> None:
    spec = importlib.util.spec_from_file_location("given", shared / "ptbxl" / "load_ptbxl.py")
    assert spec is not None
    assert spec.loader is not None
    given = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(given)
    ids, signals, rate_hz = given.load_shard(shared / "ptbxl" / name)
    ours = read_shard(shared / "ptbxl" / name)
    assert ours.rate_hz == rate_hz
    np.testing.assert_array_equal(ours.ecg_ids, ids)
    np.testing.assert_array_equal(ours.signals_uv, signals.transpose(0, 2, 1))


@pytest.mark.data
def test_real_exclusions_are_records_of_the_data_set(shared: Path, real: PtbXl) -> None:
    excluded = reader_exclusions(shared / "real_photos" / "exclude_ecg_ids.txt")
    assert len(excluded) == 82
    assert set(excluded) <= set(real.index.index)
