"""``ecgphoto generate``: options in, a PTB-V data set out."""

from __future__ import annotations

import logging
import sys

from tqdm import tqdm

from dataset_generation.dataset import GenerationError, Summary, write_dataset
from dataset_generation.options import GenerateOptions
from dataset_generation.sample import Recipe
from dataset_generation.sources import SourceError, open_source
from ecg.splits import reader_exclusions

_log = logging.getLogger(__name__)


def generate(options: GenerateOptions) -> Summary:
    """Make a data set; the same options go on with one that was stopped.

    Returns:
        Counts, and the records that could not be printed with the reason of each.

    Raises:
        GenerationError: if there is nothing to print, or the folder cannot be used.
    """
    try:
        exclude = reader_exclusions(options.exclude) if options.exclude else frozenset()
        source = open_source(
            options.data,
            options.split,
            options.folds,
            options.labels,
            exclude,
            options.records,
            options.seed,
        )
    except SourceError as error:
        raise GenerationError(str(error)) from error
    except OSError as error:
        raise GenerationError(f"cannot read {error.filename}: {error.strerror}") from error
    recipe = Recipe(
        options.seed,
        options.layouts,
        options.strength_shares(),
        options.megapixels,
        options.pixels_per_mm,
        options.image_format,
        options.masks,
    )
    total = len(source.entries) * options.pages_per_record
    with tqdm(total=total, unit="photo", file=sys.stderr, disable=options.quiet) as bar:
        summary = write_dataset(
            source, recipe, options.out, options.pages_per_record, options.workers, bar.update
        )
    for _, reason in summary.failures:
        _log.warning("left out: %s", reason)
    return summary
