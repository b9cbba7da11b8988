"""``ecgphoto generate``: options in, a PTB-V data set out."""

from __future__ import annotations

import logging
import sys
import zlib
from pathlib import Path

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
from dataset_generation.page_presets import page_preset
from dataset_generation.photo_preset import load_preset
from dataset_generation.sample import Recipe
from dataset_generation.sources import open_source
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
        recipe = _recipe(options)
    except (ValueError, EOFError, zlib.error) as error:
        raise GenerationError(str(error)) from error
    except KeyError as error:
        raise GenerationError(f"the index of {options.data} has no column {error}") from error
    except OSError as error:
        told = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        raise GenerationError(f"cannot read {told}") from error
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
    for note in summary.notes:
        _log.warning("%s", note)
    return summary


def _recipe(options: GenerateOptions) -> Recipe:
    """Read every preset that is named; a file's preset has the file's name.

    Raises:
        ValueError: if one is not there or makes no sense, or two files have one name.
    """
    shares = options.strength_shares()
    names = [Path(name).stem if name.endswith(".toml") else name for name, _ in shares]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"two presets are called {twice[0]}: rename one")
    preset = page_preset(options.pages)
    return Recipe(
        options.seed,
        options.pages if preset is None else Path(options.pages).stem,
        options.layouts,
        tuple((name, share) for name, (_, share) in zip(names, shares, strict=True)),
        options.megapixels,
        options.pixels_per_mm,
        options.image_format,
        options.masks,
        preset,
        tuple(load_preset(name) for name, _ in shares),
    )
