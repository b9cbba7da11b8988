from pathlib import Path

import pytest

from ecg import splits


def test_every_fold_has_one_side() -> None:
    sides = [splits.split_of_fold(fold) for fold in range(1, 11)]
    assert sides == ["train"] * 8 + ["validation", "test"]
    with pytest.raises(ValueError, match="fold 11"):
        splits.split_of_fold(11)


def test_a_patient_on_two_sides_is_found() -> None:
    splits.check_no_patient_crosses(["a", "a", "b"], [1, 1, 2])
    with pytest.raises(splits.PatientLeakError, match=r"1 patients .* a$"):
        splits.check_no_patient_crosses(["a", "b", "a"], [1, 2, 3])
    with pytest.raises(ValueError, match="zip"):
        splits.check_no_patient_crosses(["a"], [1, 2])


def test_exclusions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_text("12\n\n# comment\n7 # another\n12\n")
    assert splits.reader_exclusions(path) == {7, 12}
    path.write_text("12\nabc\n")
    with pytest.raises(ValueError, match="line 2"):
        splits.reader_exclusions(path)
