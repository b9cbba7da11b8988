"""How surely pictures that are no ECG are refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from ecg.formats.atomic import atomic_path
from ecg.reading import PageRejected
from pipeline.benchmark.not_ecg import other_picture, other_pictures
from pipeline.benchmark.table import Figure, mean_interval
from pipeline.digitizer import PageReader

COUNT = 312
_DATA = "drawn charts, recordings, forms, sheets and patterns, and photographs that libraries ship"


@dataclass(frozen=True)
class Answer:
    """What the reader made of a picture that is no ECG.

    Attributes:
        name: ``KIND-NUMBER`` of the picture.
        strength: how it was photographed.
        refused: whether it was.
        reason: why; for one that was read, its layout and quality.
    """

    name: str
    strength: str
    refused: bool
    reason: str

    @property
    def kind(self) -> str:
        """Kind of the picture."""
        return self.name.rsplit("-", 1)[0]


def answers(read: PageReader, kept: Path, count: int = COUNT, seed: int = 0) -> list[Answer]:
    """Show the reader pictures that are no ECG; what it answered before is not asked again.

    Args:
        read: what reads a picture.
        kept: folder of the answers of this reader.
        count: how many pictures, all kinds in turn.
        seed: of the pictures.
    """
    folder = kept / f"not_ecg_{seed}_{_drawing_digest()}"
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for kind, number in tqdm(other_pictures(count), "not_ecg", count, unit="picture", disable=None):
        path = folder / f"{kind}-{number:03d}.json"
        if not path.exists():
            answer = _ask(read, kind, number, seed)
            with atomic_path(path) as temporary:
                Path(temporary).write_text(json.dumps(asdict(answer)), encoding="utf-8")
        found.append(Answer(**json.loads(path.read_text(encoding="utf-8"))))
    return found


def rejection_figures(found: Sequence[Answer], model: str) -> list[Figure]:
    """The share refused, of all pictures and of each kind."""
    groups: dict[str, list[Answer]] = {"not_ecg": list(found)}
    for answer in found:
        groups.setdefault(f"not_ecg/{answer.kind}", []).append(answer)
    figures = []
    for case, group in groups.items():
        refused = [100.0 * answer.refused for answer in group]
        low, high = mean_interval(refused)
        share = sum(refused) / len(refused)
        figures.append(Figure(case, "rejected_percent", share, len(group), model, _DATA, low, high))
    return figures


def _ask(read: PageReader, kind: str, number: int, seed: int) -> Answer:
    picture = other_picture(kind, number, seed)
    try:
        reading = read(picture.pixels)
    except PageRejected as refusal:
        return Answer(picture.name, picture.strength, True, str(refusal))
    told = f"read as {reading.layout}, quality {reading.quality:.2f}"
    return Answer(picture.name, picture.strength, False, told)


def _drawing_digest() -> str:
    """Digest of the code that draws the pictures."""
    digest = hashlib.sha256()
    for source in sorted((Path(__file__).parent / "not_ecg").glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:8]
