"""``ecgphoto augment``: any pictures in, photographed copies with masks and keypoints out."""

from __future__ import annotations

import sys

from tqdm import tqdm

from dataset_generation.augment import AugmentError, augment_folder
from dataset_generation.augment_options import AugmentOptions
from dataset_generation.photograph import Photograph
from pipeline.command import EXIT_NOT_ALL_READ, EXIT_OK, EXIT_USAGE


def run_augment(options: AugmentOptions) -> int:
    """Augment a folder; the same options go on with a run that was stopped.

    Returns:
        0 if every picture was read, 3 if some were left out, 2 if nothing could be done.
    """
    try:
        photograph = Photograph(options.preset, options.long_side_mm)
    except ValueError as error:
        sys.stderr.write(f"ecgphoto: {error}\n")
        return EXIT_USAGE
    try:
        with tqdm(unit="copy", file=sys.stderr, disable=options.quiet) as bar:
            done = augment_folder(
                options.images,
                options.out,
                photograph,
                options.copies,
                options.seed,
                options.max_megapixels,
                bar.reset,
                bar.update,
            )
    except AugmentError as error:
        sys.stderr.write(f"ecgphoto: {error}\n")
        return EXIT_USAGE
    for name, reason in done.failures:
        sys.stderr.write(f"left out: {name}: {reason}\n")
    told = f"{done.written} copies written"
    if done.kept:
        told += f", {done.kept} kept"
    if done.failures:
        told += f", {len(done.failures)} pictures left out"
    sys.stderr.write(f"{told}; see {options.out}\n")
    return EXIT_NOT_ALL_READ if done.failures else EXIT_OK
