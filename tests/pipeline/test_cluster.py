"""A real local Ray: the same bytes as on one process, errors in one sentence."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dataset_generation.command import generate
from dataset_generation.options import GenerateOptions
from pipeline.cluster import ClusterError, on_ray
from pipeline.command import main

OPTIONS = GenerateOptions(
    records=3, samples_per_part=1, pixels_per_mm=2.0, strengths=("photo", "scan"), quiet=True
)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_shards_made_by_ray_are_the_same_to_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a preset of one's own, and a place that is named from the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("desk.toml").write_text("[stain]\ncount = [1, 2]\n[jpeg]\nquality = [80, 90]\n")
    generate(replace(OPTIONS, out="here", strengths=("desk.toml", "scan")))
    code = main(
        ["generate", "--records", "3", "--samples-per-part", "1", "--pixels-per-mm", "2",
         "--strengths", "desk.toml", "scan", "--quiet", "--cluster", "local", "--out", "ray"]
    )  # fmt: skip
    assert code == 0
    assert len(list((tmp_path / "ray" / "shards").iterdir())) == 3
    assert digests(tmp_path / "ray") == digests(tmp_path / "here")


def test_tasks_are_taken_lazily_and_an_error_comes_back_as_itself() -> None:
    taken = []

    def tasks() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    def fails(number: int) -> int:
        if number == 2:
            raise OSError(28, "No space left on device")
        return number

    with pytest.raises(OSError, match="No space left"):
        list(on_ray("local")(fails, tasks()))
    assert len(taken) < 100


def test_a_cluster_that_does_not_answer_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ClusterError, match="no Ray cluster answers"):
        list(on_ray("127.0.0.1:1")(abs, [1]))
    code = main(
        ["generate", "--records", "1", "--quiet", "--cluster", "127.0.0.1:1",
         "--out", str(tmp_path / "x")]
    )  # fmt: skip
    assert code == 2
    assert "no Ray cluster answers" in capsys.readouterr().err
