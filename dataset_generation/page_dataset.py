"""Photos of pages made while a network trains: nothing is stored, nothing comes twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dataset_generation.masks import four_class_mask, lead_masks
from dataset_generation.sample import Recipe, sample
from dataset_generation.sources import RecordSource
from dataset_generation.truth import printed_signal

Item = dict[str, Any]


class PageDataset:
    """A map-style data set for ``torch.utils.data.DataLoader``; torch itself is not needed.

    Item k depends on (recipe, epoch, k) alone, whoever makes it. In epoch 0 the items are the
    photos that ``ecgphoto generate`` writes with the same recipe; later epochs go on with
    further pages of the same records. Photos differ in size: crop them in ``transform``, or
    collate with ``list``.

    Args:
        source: the records.
        recipe: how photos look.
        length: items of an epoch, the records taking turns; a page of each where None.
        transform: applied to every item; with workers that are spawned it must be picklable.

    Raises:
        ValueError: if there is no record, or the length is below 1.

    Example::

        dataset = PageDataset(open_source(None, records=500), recipe, length=10_000)
        for epoch in range(20):
            dataset.set_epoch(epoch)
            for item in DataLoader(dataset, batch_size=None, num_workers=4):
                item["image"], item["mask"]
    """

    def __init__(
        self,
        source: RecordSource,
        recipe: Recipe,
        length: int | None = None,
        transform: Callable[[Item], Any] | None = None,
    ) -> None:
        if not len(source.entries):
            raise ValueError("a data set of pages needs at least one record")
        if length is not None and length < 1:
            raise ValueError(f"length must be 1 or more, not {length}")
        self.source = source
        self.recipe = recipe
        self.transform = transform
        self.epoch = 0
        self._length = len(source.entries) if length is None else length

    def __len__(self) -> int:
        return self._length

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, before a ``DataLoader`` is iterated: running workers do not hear it.

        Raises:
            ValueError: if it is below 0.
        """
        if epoch < 0:
            raise ValueError(f"an epoch is 0 or more, not {epoch}")
        self.epoch = epoch

    def __getitem__(self, k: int) -> Item:
        """Make an item.

        Returns:
            ``image`` ``(h, w, 3)`` uint8 RGB; ``mask`` ``(h, w)`` uint8 of the four classes and
            ``lead_masks`` ``(h, w)`` uint16, bit k for lead k, where the recipe wants masks;
            ``signal`` ``(12, n)`` float32 mV, NaN where nothing is printed; ``rate_hz``;
            ``record_id``; ``target`` (``mi``, ``normal``, ``other``, or ``""`` where unknown).

        Raises:
            IndexError: if there is no such item.
            RecordError: if the record cannot be read.
        """
        if not -len(self) <= k < len(self):
            raise IndexError(f"there are {len(self)} items, not {k}")
        records = len(self.source.entries)
        turn, place = divmod(k % len(self), records)
        pages_an_epoch = -(-len(self) // records)
        entry = self.source.entries[place]
        record = self.source.read(entry)
        photo = sample(self.recipe, entry, self.epoch * pages_an_epoch + turn, record)
        signal = printed_signal(photo.page)
        item: Item = {"image": photo.take()}
        if self.recipe.masks:
            leads = lead_masks(photo)
            item |= {"mask": four_class_mask(photo, leads), "lead_masks": leads}
        item |= {
            "signal": signal.signal_mv,
            "rate_hz": signal.rate_hz,
            "record_id": record.record_id,
            "target": self.source.target(record) or "",
        }
        return item if self.transform is None else self.transform(item)
