from pathlib import Path

import pytest

from ecg import labels


def test_likelihood_zero_means_not_stated() -> None:
    codes = labels.parse_codes("{'NORM': 80.0, 'SR': 0.0}")
    assert codes == {"NORM": 80.0, "SR": None}


@pytest.mark.parametrize("text", ["", "NORM", "[1]", "{'NORM': 'x'}", "__import__('os')"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a mapping"):
        labels.parse_codes(text)


@pytest.mark.parametrize(
    ("codes", "threshold", "expected"),
    [
        ({"AMI": 100.0}, None, True),
        ({"AMI": None}, None, True),
        ({"NORM": 100.0}, None, False),
        ({"NORM": None}, 50, False),
        ({"AMI": 50.0}, 50, True),
        ({"AMI": 35.0}, 50, False),
        ({"AMI": None}, 50, None),
        ({"AMI": None, "IMI": 80.0}, 50, True),
        ({"AMI": None, "IMI": 15.0}, 50, None),
        (None, None, None),
    ],
)
def test_threshold_tells_only_what_is_known(
    codes: labels.Codes | None, threshold: float | None, expected: bool | None
) -> None:
    assert labels.MI.holds(codes, threshold) is expected


def test_targets() -> None:
    assert labels.target_of(("NORM",)) == "normal"
    assert labels.target_of(("NORM", "MI")) == "mi"
    assert labels.target_of(("STTC",)) == "other"


def test_superclass_map_is_read_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "scp_statements.csv"
    lines = [",description,diagnostic_class", 'NORM,"normal, ECG",NORM', "SR,sinus rhythm,"]
    path.write_text("\n".join(lines + [f"{code},x,MI" for code in labels.MI_CODES]))
    mapping = labels.read_superclass_map(path)
    assert mapping["NORM"] == "NORM"
    assert "SR" not in mapping
    assert labels.superclasses_of(("AMI", "SR", "NORM"), mapping) == ("NORM", "MI")
    path.write_text("\n".join([*lines, "AMI,x,MI"]))
    with pytest.raises(ValueError, match="fourteen"):
        labels.read_superclass_map(path)


def test_a_class_of_ones_own_needs_codes() -> None:
    with pytest.raises(ValueError, match="no SCP code"):
        labels.DiagnosisClass("none", frozenset())


def test_every_infarction_code_but_the_unplaced_names_a_wall():
    from ecg.labels import MI_CODES, MI_TERRITORIES

    named = frozenset().union(*MI_TERRITORIES.values())
    assert named == set(MI_CODES)
