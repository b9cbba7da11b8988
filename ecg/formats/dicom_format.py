"""Recordings as DICOM waveforms, anonymous, 1 uV a unit.

Twelve leads of up to 16384 samples are a 12-Lead ECG (PS3.3 A.34.3); fewer leads, or more
samples, a General ECG (A.34.4) of the leads that were measured. Missing samples carry the
Waveform Padding Value. Leads are coded as in ISO/IEEE 11073-10101 (CID 3001).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecg.formats.atomic import atomic_path
from ecg.leads import LEADS
from ecg.record import Record

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

TWELVE_LEAD_ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"
GENERAL_ECG = "1.2.840.10008.5.1.4.1.1.9.1.2"
PADDING = -32768
UNITS_PER_MV = 1000
_MOST_SAMPLES_OF_TWELVE = 16384
LEAST_HZ, MOST_HZ = 200.0, 1000.0
"""Rates that the standard allows (PS3.3 A.34.3)."""
_MV_PER_UNIT = {"mV": 1.0, "uV": 1e-3, "V": 1e3}

_NUMBERS = dict(zip(LEADS, (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8), strict=True))
"""Numbers that SCP-ECG gave the leads; ISO/IEEE 11073 codes them as ``2:`` and the number."""
_MEANINGS = {
    **{lead: f"Lead {lead}" for lead in LEADS},
    "aVR": "aVR, augmented voltage, right",
    "aVL": "aVL, augmented voltage, left",
    "aVF": "aVF, augmented voltage, foot",
}


def write_dicom(
    record: Record, path: str | Path, description: str, note: str, software_version: str
) -> None:
    """Writes a recording; nothing of whom it was taken from goes into the file.

    Args:
        record: what to write; its id, patient, source, labels, age and sex are left out.
        path: of the file.
        description: what the recording is, 64 letters at most.
        note: what those who open it must know of it.
        software_version: version of what made the recording.

    Raises:
        ValueError: if no lead was measured, a voltage is beyond 32.767 mV, or the rate is not
            from 200 to 1000 Hz.
    """
    dataset = _instance(record, description, note, software_version)
    with atomic_path(path) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)


def read_dicom(path: str | Path) -> Record:
    """Reads the first multiplex group of an ECG waveform; absent leads become NaN.

    Channels that are none of the twelve leads are left out. The record's id is the file's stem.

    Raises:
        ValueError: if it is no DICOM waveform, holds none of the twelve leads or one of them
            twice, or a unit is no voltage.
    """
    import pydicom
    from pydicom.errors import BytesLengthException, InvalidDicomError

    path = Path(path)
    try:
        return _record_of(pydicom.dcmread(path), path)
    except InvalidDicomError as error:
        raise ValueError(f"{path} is no DICOM file") from error
    except BytesLengthException as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def _record_of(dataset: Dataset, path: Path) -> Record:
    from pydicom.waveforms.numpy_handler import multiplex_array

    if not dataset.get("WaveformSequence"):
        raise ValueError(f"{path} holds no waveform")
    group = dataset.WaveformSequence[0]
    raw, scaled = (multiplex_array(dataset, 0, as_raw=as_raw) for as_raw in (True, False))
    signal = np.full((12, len(raw)), np.nan, np.float32)
    seen: set[str] = set()
    for number, channel in enumerate(group.ChannelDefinitionSequence):
        lead = _lead_of(channel)
        if lead is None:
            continue
        if lead in seen:
            raise ValueError(f"{path}: lead {lead} occurs twice")
        unit = channel.ChannelSensitivityUnitsSequence[0].CodeValue
        if unit not in _MV_PER_UNIT:
            raise ValueError(f"{path}: lead {lead} is in {unit!r}, not in mV")
        seen.add(lead)
        values = scaled[:, number] * _MV_PER_UNIT[unit]
        if "WaveformPaddingValue" in group:
            padding = np.frombuffer(group.WaveformPaddingValue, raw.dtype)[0]
            values = np.where(raw[:, number] == padding, np.nan, values)
        signal[LEADS.index(lead)] = values
    if not seen:
        raise ValueError(f"{path}: no channel is one of the twelve leads")
    return Record(signal, float(group.SamplingFrequency), record_id=path.stem, source=path.name)


def _instance(record: Record, description: str, note: str, software_version: str) -> Dataset:
    """The DICOM instance of a recording."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    leads, digital = _digital(record)
    whole = len(leads) == len(LEADS) and record.n_samples <= _MOST_SAMPLES_OF_TWELVE
    now = datetime.now(UTC)
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID = TWELVE_LEAD_ECG if whole else GENERAL_ECG
    made.SOPInstanceUID = generate_uid()
    made.TimezoneOffsetFromUTC = "+0000"
    made.PatientName = "Anonymous"
    made.PatientID = made.PatientBirthDate = made.PatientSex = ""
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = "No identity was taken over"
    made.StudyInstanceUID = generate_uid()
    made.StudyDate = made.StudyTime = made.ReferringPhysicianName = ""
    made.StudyID = made.AccessionNumber = ""
    made.Modality = "ECG"
    made.SeriesInstanceUID = generate_uid()
    made.SeriesNumber = 1
    made.SeriesDescription = description
    made.SynchronizationFrameOfReferenceUID = generate_uid()
    made.SynchronizationTrigger = "NO TRIGGER"
    made.AcquisitionTimeSynchronized = "N"
    made.Manufacturer = made.ManufacturerModelName = "ecgphoto"
    made.SoftwareVersions = software_version
    made.InstanceNumber = 1
    made.ContentDate, made.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    # When the heart was recorded is not known; the samples were acquired now.
    made.AcquisitionDateTime = now.strftime("%Y%m%d%H%M%S")
    made.AcquisitionContextSequence = []
    made.WaveformSequence = [_group(leads, digital, record.rate_hz)]
    annotation = Dataset()
    annotation.UnformattedTextValue = note
    annotation.ReferencedWaveformChannels = [1, 0]  # group 1, all channels
    made.WaveformAnnotationSequence = [annotation]
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def _digital(record: Record) -> tuple[list[str], NDArray[np.int16]]:
    """The leads that were measured, and their samples in units, ``(samples, leads)``."""
    measured = [bool(np.isfinite(lead).any()) for lead in record.signal_mv]
    if not any(measured):
        raise ValueError(f"record {record.record_id!r} holds no measured lead")
    if not LEAST_HZ <= record.rate_hz <= MOST_HZ:
        raise ValueError(
            f"a DICOM ECG has {LEAST_HZ:g} to {MOST_HZ:g} samples a second, not "
            f"{record.rate_hz:g}: resample it"
        )
    units = np.round(record.signal_mv[measured].astype(np.float64) * UNITS_PER_MV)
    if (np.abs(units) > 32767).any():
        raise ValueError(f"record {record.record_id!r} exceeds 32.767 mV, the most 16 bits hold")
    digital = np.where(np.isfinite(units), units, PADDING).astype("<i2").T
    return [lead for lead, there in zip(LEADS, measured, strict=True) if there], digital


def _group(leads: list[str], digital: NDArray[np.int16], rate_hz: float) -> Dataset:
    """One multiplex group: all channels, sampled together."""
    from pydicom.dataset import Dataset

    group = Dataset()
    group.WaveformOriginality = "DERIVED"
    group.NumberOfWaveformChannels = len(leads)
    group.NumberOfWaveformSamples = len(digital)
    group.SamplingFrequency = rate_hz
    group.MultiplexGroupTimeOffset = 0
    group.MultiplexGroupLabel = "RHYTHM"
    group.ChannelDefinitionSequence = [
        _channel(number, lead) for number, lead in enumerate(leads, 1)
    ]
    group.WaveformBitsAllocated = 16
    group.WaveformSampleInterpretation = "SS"
    group.WaveformPaddingValue = np.array(PADDING, "<i2").tobytes()
    group.WaveformData = digital.tobytes()
    group["WaveformPaddingValue"].VR = group["WaveformData"].VR = "OW"
    return group


def _channel(number: int, lead: str) -> Dataset:
    """One lead, calibrated to 1 uV a unit."""
    from pydicom.dataset import Dataset

    channel = Dataset()
    channel.WaveformChannelNumber = number
    channel.ChannelLabel = lead
    channel.ChannelSourceSequence = [_code(f"2:{_NUMBERS[lead]}", "MDC", _MEANINGS[lead])]
    channel.ChannelSensitivity = 1000 / UNITS_PER_MV
    channel.ChannelSensitivityUnitsSequence = [_code("uV", "UCUM", "microvolt")]
    channel.ChannelSensitivityCorrectionFactor = 1
    channel.ChannelBaseline = 0
    channel.ChannelSampleSkew = 0
    channel.WaveformBitsStored = 16
    return channel


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _lead_of(channel: Dataset) -> str | None:
    """The lead that a channel's source names, in ISO/IEEE 11073's or SCP-ECG's codes."""
    source = channel.ChannelSourceSequence[0]
    prefixes = {"MDC": "2:", "SCPECG": "5.6.3-9-"}
    prefix = prefixes.get(source.CodingSchemeDesignator)
    if prefix is None or not source.CodeValue.startswith(prefix):
        return None
    number = source.CodeValue.removeprefix(prefix)
    return next((lead for lead, own in _NUMBERS.items() if str(own) == number), None)
