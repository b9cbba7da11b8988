"""8-bit graphs of the looks, calibrated on what they see of pages of training records."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from learning.inference import RunningNetwork

_MOST_EXAMPLES = 16
_SIDE_PX = 640
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class QuantizeLooks:
    """Make the 8-bit graphs of the shipped looks; to be run after looks were shipped anew."""

    ptbxl: Path
    """PTB-XL folder (PhysioNet's own layout or packed shards)."""
    exclude: Path | None = None
    """List of record numbers that train no reader."""
    pages: int = 10
    """Generated pages that are read for calibration."""
    seed: int = 0
    """Seed of the pages."""


def quantize_looks(config: QuantizeLooks) -> None:
    """Reads pages of training records, calibrates each look on what it saw, ships the graphs."""
    import shutil
    import tempfile

    import numpy as np

    import checkpoints
    from digitization.read_page import read_page
    from ecg.ptbxl import PtbXl
    from ecg.reading import PageRejected
    from ecg.splits import reader_exclusions
    from learning.inference import open_network
    from learning.quantize import quantize_graph
    from segmentation.looks import INT8_ROLES, NAMES, Looks
    from segmentation.pages import sample_photo_of

    exclude = reader_exclusions(config.exclude) if config.exclude else frozenset()
    ptbxl = PtbXl(config.ptbxl, cached_shards=1)
    rng = np.random.default_rng(config.seed)
    records = rng.permutation(ptbxl.select(split="train", rate_hz=500, exclude=exclude))
    networks = {role: open_network(checkpoints.path(name)) for role, name in NAMES.items()}
    seen = {role: _Listening(networks[role], rng) for role in INT8_ROLES}
    looks = Looks(**{**networks, **seen})
    for number, record in enumerate(records[: config.pages].tolist()):
        layout = ("3x4+1", "6x2", "12x1", "3x4")[number % 4]
        strength = ("photo", "clean", "scan")[number % 3]
        photo = sample_photo_of(ptbxl.record(record, 500), rng, 8.0, layout, strength)
        try:
            read_page(photo.take(), looks)
        except PageRejected as rejected:
            logger.info("page %d was rejected: %s", number, rejected)
    for role in INT8_ROLES:
        name = NAMES[role]
        with tempfile.TemporaryDirectory() as scratch:
            copy = shutil.copytree(checkpoints.path(name), Path(scratch) / name)
            quantize_graph(copy, seen[role].examples)
            checkpoints.install(copy, name)
        logger.info("%s: calibrated on %d pictures", name, len(seen[role].examples))


class _Listening:
    """A network that keeps parts of the pictures that it is asked about.

    Attributes:
        examples: what it kept.
    """

    def __init__(self, network: RunningNetwork, rng: np.random.Generator) -> None:
        self.examples: list[tuple[NDArray[Any]]] = []
        self.facts, self.multiple = network.facts, network.multiple
        self._network, self._rng = network, rng

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        (picture,) = inputs
        part = picture
        for axis in (2, 3):
            side = _SIDE_PX - _SIDE_PX % self.multiple
            over = picture.shape[axis] - side
            first = int(self._rng.integers(over // self.multiple + 1)) if over > 0 else 0
            first *= self.multiple
            part = (
                part[:, :, first : first + side] if axis == 2 else part[..., first : first + side]
            )
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append((part.copy(),))
        return self._network(picture)
