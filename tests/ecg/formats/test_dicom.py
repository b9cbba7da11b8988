"""DICOM waveforms: what the standard requires is there, and the millivolts come back."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from ecg.formats.dicom_format import GENERAL_ECG, TWELVE_LEAD_ECG, read_dicom, write_dicom
from ecg.leads import LEADS
from ecg.record import Record

NOTE = "Digitized from a paper photo; research software, not a medical device."

# PS3.3: what the modules of both ECG IODs require with a value (type 1).
REQUIRED = {
    "SOP Common": ("SOPClassUID", "SOPInstanceUID", "SpecificCharacterSet"),
    "General Study": ("StudyInstanceUID",),
    "General Series": ("Modality", "SeriesInstanceUID"),
    "Synchronization": (
        "SynchronizationFrameOfReferenceUID",
        "SynchronizationTrigger",
        "AcquisitionTimeSynchronized",
    ),
    "Waveform Identification": (
        "InstanceNumber",
        "ContentDate",
        "ContentTime",
        "AcquisitionDateTime",
    ),
    "Waveform": ("WaveformSequence",),
    "Waveform Annotation": ("WaveformAnnotationSequence",),
}
# ... and what must be there, empty or not (type 2).
PRESENT = {
    "Patient": ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    "General Study": (
        "StudyDate",
        "StudyTime",
        "ReferringPhysicianName",
        "StudyID",
        "AccessionNumber",
    ),
    "General Series": ("SeriesNumber",),
    "General Equipment": ("Manufacturer",),
    "Acquisition Context": ("AcquisitionContextSequence",),
}
REQUIRED_OF_A_GROUP = (
    "MultiplexGroupTimeOffset",
    "WaveformOriginality",
    "NumberOfWaveformChannels",
    "NumberOfWaveformSamples",
    "SamplingFrequency",
    "ChannelDefinitionSequence",
    "WaveformBitsAllocated",
    "WaveformSampleInterpretation",
    "WaveformPaddingValue",
    "WaveformData",
)
REQUIRED_OF_A_CHANNEL = (
    "ChannelSourceSequence",
    "ChannelSensitivity",
    "ChannelSensitivityUnitsSequence",
    "ChannelSensitivityCorrectionFactor",
    "ChannelBaseline",
    "ChannelSampleSkew",
    "WaveformBitsStored",
)


def some_record(missing: tuple[str, ...] = (), samples: int = 700) -> Record:
    signal = np.random.default_rng(0).normal(size=(12, samples)).astype(np.float32)
    signal[3, : samples // 2] = np.nan
    for lead in missing:
        signal[LEADS.index(lead)] = np.nan
    return Record(
        signal, 500.0, "Mrs Smith 1950", "p 7", "smith.jpg", None, ("AMI",), 63.0, "female"
    )


def written(folder: Path, record: Record) -> Path:
    write_dicom(record, folder / "record.dcm", "Digitized from a photo", NOTE, "1.2")
    return folder / "record.dcm"


@pytest.mark.parametrize("missing", [(), ("V2",)])
def test_what_the_standard_requires_is_there(tmp_path: Path, missing: tuple[str, ...]) -> None:
    dataset = pydicom.dcmread(written(tmp_path, some_record(missing)))
    for names in REQUIRED.values():
        for name in names:
            assert not dataset[name].is_empty, name
    for names in PRESENT.values():
        for name in names:
            assert name in dataset, name
    (group,) = dataset.WaveformSequence
    for name in REQUIRED_OF_A_GROUP:
        assert not group[name].is_empty, name
    for channel in group.ChannelDefinitionSequence:
        for name in REQUIRED_OF_A_CHANNEL:
            assert not channel[name].is_empty, name
    # A.34.3.4 and A.34.4.4
    assert dataset.Modality == "ECG"
    assert group.WaveformSampleInterpretation == "SS"
    assert 200 <= group.SamplingFrequency <= 1000
    assert dataset.file_meta.MediaStorageSOPClassUID == dataset.SOPClassUID


def test_pydicom_gives_microvolts_in_the_order_of_the_leads(tmp_path: Path) -> None:
    record = some_record()
    dataset = pydicom.dcmread(written(tmp_path, record))
    (group,) = dataset.WaveformSequence
    assert [channel.ChannelLabel for channel in group.ChannelDefinitionSequence] == list(LEADS)
    samples = dataset.waveform_array(0)
    assert samples.shape == (700, 12)
    finite = np.isfinite(record.signal_mv.T)
    np.testing.assert_allclose(samples[finite] / 1000, record.signal_mv.T[finite], atol=0.000501)
    assert (samples[~finite] == -32768).all()


def test_lead_codes_are_those_of_the_standard(tmp_path: Path) -> None:
    from pydicom.sr.codedict import codes

    every = [getattr(codes.cid3001, name) for name in dir(codes.cid3001)]
    told = {(code.value, code.meaning) for code in every if hasattr(code, "meaning")}
    dataset = pydicom.dcmread(written(tmp_path, some_record()))
    for channel in dataset.WaveformSequence[0].ChannelDefinitionSequence:
        (source,) = channel.ChannelSourceSequence
        assert source.CodingSchemeDesignator == "MDC"
        assert (source.CodeValue, source.CodeMeaning) in told
        assert channel.ChannelLabel in source.CodeMeaning.replace(",", "").split()


@pytest.mark.parametrize(
    ("missing", "samples", "kind"),
    [
        ((), 5000, TWELVE_LEAD_ECG),
        ((), 16384, TWELVE_LEAD_ECG),
        ((), 16385, GENERAL_ECG),
        (("V1", "aVF"), 5000, GENERAL_ECG),
    ],
)
def test_round_trip(tmp_path: Path, missing: tuple[str, ...], samples: int, kind: str) -> None:
    record = some_record(missing, samples)
    path = written(tmp_path, record)
    assert pydicom.dcmread(path).SOPClassUID == kind
    back = read_dicom(path)
    np.testing.assert_allclose(back.signal_mv, record.signal_mv, atol=0.000501, equal_nan=True)
    assert back.rate_hz == 500.0
    assert [file.name for file in tmp_path.iterdir()] == ["record.dcm"]


def test_nobody_is_named_and_everybody_is_warned(tmp_path: Path) -> None:
    path = written(tmp_path, some_record())
    content = path.read_bytes()
    for told in (b"Smith", b"smith", b"p 7", b"AMI"):
        assert told not in content
    dataset = pydicom.dcmread(path)
    # Among the digits of identifiers, samples and the time of day any four come by chance.
    words = [e for e in dataset.iterall() if e.VR not in ("UI", "TM", "DT", "OW", "SQ")]
    assert len(words) > 100
    assert not [element for element in words if "1950" in str(element.value)]
    assert dataset.PatientIdentityRemoved == "YES"
    assert dataset.WaveformAnnotationSequence[0].UnformattedTextValue == NOTE


def test_channels_of_others_are_ordered_and_scaled(tmp_path: Path) -> None:
    path = written(tmp_path, some_record(missing=LEADS[2:]))
    dataset = pydicom.dcmread(path)
    first, second = dataset.WaveformSequence[0].ChannelDefinitionSequence
    source = second.ChannelSourceSequence[0]
    source.CodeValue, source.CodingSchemeDesignator = "5.6.3-9-63", "SCPECG"
    second.ChannelSensitivityUnitsSequence[0].CodeValue = "mV"
    second.ChannelSensitivity = 0.002
    first.ChannelSourceSequence[0].CodeValue = "2:999"
    dataset.save_as(path)
    back = read_dicom(path)
    np.testing.assert_allclose(back.signal_mv[4], 2 * some_record().signal_mv[1], atol=0.0011)
    assert np.isfinite(back.signal_mv).any(axis=1).sum() == 1


def test_what_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    def write(signal: np.ndarray, rate_hz: float) -> None:
        written(tmp_path, Record(signal.astype(np.float32), rate_hz, "r"))

    with pytest.raises(ValueError, match=r"32\.767 mV"):
        write(np.full((12, 9), 40.0), 500)
    with pytest.raises(ValueError, match="no measured lead"):
        write(np.full((12, 9), np.nan), 500)
    with pytest.raises(ValueError, match="200 to 1000"):
        write(np.zeros((12, 9)), 100)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "letter.dcm").write_text("Dear colleague")
    with pytest.raises(ValueError, match="no DICOM file"):
        read_dicom(tmp_path / "letter.dcm")
