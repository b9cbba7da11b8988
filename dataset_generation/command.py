"""``ecgphoto generate``: options in, a PTB-V data set out."""

from __future__ import annotations

import logging
import sys

from tqdm import tqdm

from dataset_generation.dataset import (
    GenerationError,
    Plan,
    Run,
    Summary,
    in_processes,
    write_dataset,
)
from dataset_generation.options import GenerateOptions
from dataset_generation.page_presets import FIXED_PAGES
from dataset_generation.page_spec import load_page_preset
from dataset_generation.photo_preset import load_preset
from dataset_generation.sample import Recipe
from dataset_generation.sources import SourceError, open_source
from ecg.splits import reader_exclusions

_log = logging.getLogger(__name__)


def generate(options: GenerateOptions, run: Run | None = None) -> Summary:
    """Make a data set; the same options go on with one that was stopped.

    Args:
        options: what is to be made.
        run: what makes parts, in place of ``options.workers`` processes.

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
            options.balance,
        )
    except SourceError as error:
        raise GenerationError(str(error)) from error
    except OSError as error:
        raise GenerationError(f"cannot read {error.filename}: {error.strerror}") from error
    recipe = Recipe(
        options.seed,
        options.pages,
        options.layouts,
        options.strength_shares(),
        options.megapixels,
        options.pixels_per_mm,
        options.image_format,
        options.masks,
    )
    try:
        load_presets(recipe)
    except ValueError as error:
        raise GenerationError(str(error)) from error
    plan = Plan(
        recipe,
        options.data_format,
        options.pages_per_record,
        options.samples_per_part,
        options.share(),
    )
    if run is None and options.workers > 1:
        run = in_processes(options.workers)
    total = len(source.entries) * options.pages_per_record
    with tqdm(total=total, unit="photo", file=sys.stderr, disable=options.quiet) as bar:
        summary = write_dataset(source, plan, options.out, run, bar.update)
    for _, reason in summary.failures:
        _log.warning("left out: %s", reason)
    return summary


def load_presets(recipe: Recipe) -> None:
    """Read every preset that a recipe names.

    Raises:
        ValueError: if one is not there or makes no sense.
    """
    for name, _ in recipe.strengths:
        load_preset(name)
    if recipe.pages not in FIXED_PAGES:
        load_page_preset(recipe.pages)
