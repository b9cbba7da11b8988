"""Making a reading study: pages, an answer table, instructions, and a key kept apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.leads import LEAD_INDEX, canonical_lead
from ecg.record import Record
from pipeline.reading_study.order import VERSIONS, reading_order
from pipeline.reading_study.page import draw_page
from pipeline.reading_study.study_files import (
    ABOUT_FILE,
    ANSWERS_FILE,
    INSTRUCTIONS_FILE,
    KEY_FILE,
    KEY_FOLDER,
    PAGES_FOLDER,
    KeyRow,
    StudyError,
    write_answer_table,
    write_key,
)

Fill = Callable[[NDArray[np.float32], float], NDArray[np.float32]]
"""Takes ``(12, n)`` mV with NaN where a lead is not given, and the rate; gives ``(12, n)`` mV."""

QUESTIONS: Mapping[str, str] = {
    "mi": "Does this ECG show signs of myocardial infarction, of whatever age?",
    "normal": "Is this ECG normal?",
    "sttc": "Does this ECG show changes of the ST segment or the T wave?",
    "cd": "Does this ECG show a conduction disturbance?",
    "hyp": "Does this ECG show hypertrophy?",
}


@dataclass(frozen=True)
class StudyRecord:
    """A record and the true answer to the question.

    Attributes:
        record: twelve whole leads.
        positive: whether the answer is yes.
    """

    record: Record
    positive: bool


def make_study(
    records: Sequence[StudyRecord],
    question: str,
    leads: Sequence[str],
    fill: Fill,
    out: Path,
    seed: int,
    facts: Mapping[str, Any] | None = None,
) -> list[KeyRow]:
    """Writes a study into a new folder.

    ``pages/`` with numbered pictures, ``answers.csv`` to be filled and ``INSTRUCTIONS.md`` are for
    the readers; ``key/`` is not. The design follows the clinical test of "12 leads from 3" (npj
    Digital Medicine 2024): every record as its original and as reconstructed from a few leads,
    in random order, on pages of one look, with three choices.

    Args:
        records: half of them positive.
        question: a key of ``QUESTIONS``.
        leads: leads that the reconstruction is given; they stay as they were.
        fill: the reconstruction.
        out: folder, new or empty.
        seed: of the order.
        facts: what else the key shall tell.

    Returns:
        The key.

    Raises:
        StudyError: the folder holds something, or positive and negative records are not as many.
        RecordError: a record cannot be printed.
    """
    positives = sum(one.positive for one in records)
    if positives * 2 != len(records) or len(records) < 4:
        raise StudyError(
            f"a study needs as many positive as negative records, two or more, not {positives} "
            f"and {len(records) - positives}"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StudyError(f"{out} holds something already; choose a new folder for the study")
    rows = [LEAD_INDEX[canonical_lead(lead)] for lead in leads]
    key, pictures = [], []
    for number, (place, version) in enumerate(
        reading_order(len(records), np.random.default_rng(seed)), 1
    ):
        one = records[place]
        shown = one.record if version == VERSIONS[0] else reconstructed(one.record, rows, fill)
        pictures.append(draw_page(shown))
        truth = "yes" if one.positive else "no"
        key.append(KeyRow(f"{number:03d}", one.record.record_id, version, truth))
    (out / PAGES_FOLDER).mkdir(parents=True, exist_ok=True)  # only once nothing can fail
    for row, picture in zip(key, pictures, strict=True):
        (out / PAGES_FOLDER / f"{row.page}.png").write_bytes(picture)
    write_answer_table(out / ANSWERS_FILE, [row.page for row in key])
    (out / INSTRUCTIONS_FILE).write_text(_instructions(question, len(key)), encoding="utf-8")
    (out / KEY_FOLDER).mkdir()
    write_key(out / KEY_FOLDER / KEY_FILE, key)
    about = {"question": QUESTIONS[question], "leads": list(leads), "seed": seed, **(facts or {})}
    (out / KEY_FOLDER / ABOUT_FILE).write_text(json.dumps(about, indent=2) + "\n")
    return key


def reconstructed(record: Record, given: Sequence[int], fill: Fill) -> Record:
    """A record of which only the given leads were measured; they stay to the last bit.

    Args:
        record: twelve leads.
        given: rows of the given leads.
        fill: makes twelve leads of them.
    """
    shown = np.full_like(record.signal_mv, np.nan)
    shown[list(given)] = record.signal_mv[list(given)]
    filled = np.where(np.isfinite(shown), shown, fill(shown, record.rate_hz))
    # What the original does not show, such as a padded end, is not shown of the other either.
    filled[~np.isfinite(record.signal_mv)] = np.nan
    return replace(record, signal_mv=filled.astype(np.float32))


def _instructions(question: str, pages: int) -> str:
    return f"""# Reading study

`{PAGES_FOLDER}/` holds {pages} printed 12-lead ECGs, `001.png` to `{pages:03d}.png`: 25 mm/s and
10 mm/mV, four columns of 2.5 s and lead II whole below.

The question to each: **{QUESTIONS[question]}**

1. Copy `{ANSWERS_FILE}` to `answers_NAME.csv`, with your name or a code word for NAME.
2. Read the pages in the order of their numbers, each on its own. Do not go back to earlier
   ones, and do not compare notes with other readers before all have finished.
3. Write one of three words beside each page: `yes`, `no`, or `unable` where the page does not let
   you tell.
4. Hand in your table. Every page needs an answer.

Some leads of some pages may have been made by a computer from the others; some may resemble pages
that you saw before. Judge each page by what it shows. The pages name no person, and what is on
them stands in a key that is kept from readers until all tables are in.
"""
