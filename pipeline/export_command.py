"""``ecgphoto export``: a PTB-V data set in, the same in the format of others out."""

from __future__ import annotations

import sys

from tqdm import tqdm

from dataset_generation.export import export_dataset, open_dataset
from dataset_generation.export_options import ExportOptions
from dataset_generation.export_photos import ExportError
from pipeline.command import EXIT_NOT_ALL_READ, EXIT_OK, EXIT_USAGE


def run_export(options: ExportOptions) -> int:
    """Export a data set; the same options go on with an export that was stopped.

    Returns:
        0 if all photos were exported, 3 if some are damaged, 2 if nothing could be done.
    """
    try:
        dataset = open_dataset(options.dataset)
        with tqdm(total=len(dataset), unit="photo", file=sys.stderr, disable=options.quiet) as bar:
            summary = export_dataset(
                dataset, options.to, options.out, options.jitter, options.seed, bar.update
            )
    except ExportError as error:
        sys.stderr.write(f"ecgphoto: {error}\n")
        return EXIT_USAGE
    for damage in summary.damaged:
        sys.stderr.write(f"left out: {damage.id}: {damage.reason}\n")
    told = f"{summary.written} photos written"
    if summary.kept:
        told += f", {summary.kept} kept"
    if summary.damaged:
        told += f", {len(summary.damaged)} damaged and left out"
    sys.stderr.write(f"{told}; see {options.out}/data_card.md\n")
    return EXIT_NOT_ALL_READ if summary.damaged else EXIT_OK
