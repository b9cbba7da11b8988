"""Pages to learn from: records drawn as random pages, photographed at random strength."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dataset_generation.page import Page
from dataset_generation.page_spec import sample_page
from dataset_generation.photo import Photo, sample_photo
from dataset_generation.ptb_v_page import ptb_v_page
from ecg.record import Record

PAGES = ("ptb_v", "ptbv_2022")
"""All that ``dataset_generation`` draws, or what the first PTB-V did (to compare with)."""

_STRENGTH_SHARES = {"clean": 0.07, "scan": 0.18, "photo": 0.31, "hard_photo": 0.38, "screen": 0.02,
                    "photocopy": 0.03, "fax": 0.01}  # fmt: skip
_CRUMPLED_SHARE = 0.3
_CRUMPLE_MM = (1.0, 10.0)
_RELIEF = (0.5, 2.5)


class RecordSource(Protocol):
    """Records by number, at 500 Hz; ``pages`` is one of ``PAGES``."""

    @property
    def pages(self) -> str:
        """Which pages and photos are made of them."""
        ...

    def __len__(self) -> int: ...

    def record(self, index: int) -> Record:
        """The record of a number."""
        ...


@dataclass(frozen=True)
class ArraySource:
    """Records in memory.

    Attributes:
        signals_uv: ``(n, 12, samples)`` int16 in uV.
        rate_hz: samples a second.
        pages: one of ``PAGES``.
    """

    signals_uv: NDArray[np.int16]
    rate_hz: float = 500.0
    pages: str = "ptb_v"

    def __len__(self) -> int:
        return len(self.signals_uv)

    def record(self, index: int) -> Record:
        """The record of a number, in mV."""
        signal = self.signals_uv[index].astype(np.float32) / 1000
        return Record(signal, self.rate_hz, str(index))


def sample_photo_of(
    record: Record,
    rng: np.random.Generator,
    pixels_per_mm: float,
    layout: str | None = None,
    strength: str | None = None,
    pages: str = "ptb_v",
) -> Photo:
    """Photograph a record as a random page.

    Args:
        record: what is printed.
        rng: source of randomness.
        pixels_per_mm: scale of the photo.
        layout: layout id, random where None.
        strength: a preset's name, random where None.
        pages: one of ``PAGES``.
    """
    if pages == "ptbv_2022":
        page_spec = ptb_v_page()
        size = (page_spec.width_mm, page_spec.height_mm)
        return Photo(Page(page_spec, record), sample_photo(rng, size, pages, pixels_per_mm))
    page_spec = sample_page(rng, layout)
    if strength is None:
        shares = list(_STRENGTH_SHARES.values())
        strength = str(rng.choice(list(_STRENGTH_SHARES), p=shares))
    page = Page(page_spec, record)
    size = (page_spec.width_mm, page_spec.height_mm)
    spec = sample_photo(rng, size, strength, pixels_per_mm)
    if strength in ("photo", "hard_photo") and rng.random() < 0.25:
        # Training goes wider than scoring: steeper turns too.
        turned = replace(spec.camera, rotation_deg=spec.camera.rotation_deg + rng.uniform(-20, 20))
        spec = replace(spec, camera=turned)
    if strength in ("photo", "hard_photo") and rng.random() < _CRUMPLED_SHARE:
        # So are crumpled pages, which phones show more often.
        crumpled = replace(
            spec.camera,
            crumple_mm=float(rng.uniform(*_CRUMPLE_MM)),
            crumple_seed=int(rng.integers(2**31)),
        )
        relief, relief_deg = float(rng.uniform(*_RELIEF)), float(rng.uniform(0, 360))
        light = replace(spec.light, relief=relief, relief_deg=relief_deg)
        spec = replace(spec, camera=crumpled, light=light)
    return Photo(page, spec)


def load_source(
    ptbxl_folder: str,
    split: str,
    count_100hz: int = 4000,
    exclude: frozenset[int] = frozenset(),
    seed: int = 0,
    pages: str = "ptb_v",
) -> ArraySource:
    """Load PTB-XL records to print, all at 500 Hz.

    Records that exist at 500 Hz come first and are repeated until they are half of all:
    only they have QRS complexes as sharp as paper shows them.

    Args:
        ptbxl_folder: PTB-XL in either layout that ``ecg.ptbxl`` reads.
        split: ``train`` (folds 1 to 8) or ``validation`` (fold 9).
        count_100hz: records taken at 100 Hz and resampled.
        exclude: records to leave out (``ecg.splits.reader_exclusions``).
        seed: of the choice among the 100 Hz records.
        pages: one of ``PAGES``.
    """
    from ecg.ptbxl import PtbXl
    from ecg.resampling import resample

    ptbxl = PtbXl(ptbxl_folder, cached_shards=1)
    sharp_ids = ptbxl.select(split=split, rate_hz=500, exclude=exclude)
    others = ptbxl.select(split=split, rate_hz=100, exclude=exclude)
    others = np.setdiff1d(others, sharp_ids)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(others)[:count_100hz])
    parts = []
    if len(sharp_ids):
        sharp = ptbxl.signals(sharp_ids, 500)
        repeats = max(1, round(len(chosen) / len(sharp)))
        parts += [sharp] * repeats
    every_slow = ptbxl.signals(chosen, 100)  # at once: a shard is read only once
    for start in range(0, len(chosen), 500):
        fast = resample(every_slow[start : start + 500].astype(np.float32), 100.0, 500.0)
        parts.append(np.clip(np.round(fast), -32767, 32767).astype(np.int16))
    return ArraySource(np.concatenate(parts), pages=pages)
