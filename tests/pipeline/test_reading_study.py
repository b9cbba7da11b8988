"""A reading study tells readers nothing, and its scorer counts right."""

import json
import math

import cv2
import numpy as np
import pytest

from ecg.leads import LEADS
from ecg.simulator import simulate
from pipeline.command import EXIT_OK, EXIT_USAGE, main
from pipeline.reading_study.make import StudyRecord, make_study, reconstructed
from pipeline.reading_study.order import reading_order
from pipeline.reading_study.page import STUDY_PAGE, draw_page
from pipeline.reading_study.score import Share, cohens_kappa, score_study
from pipeline.reading_study.study_files import (
    KeyRow,
    StudyError,
    read_answers,
    read_key,
    reader_name,
)

GIVEN = ("I", "II", "V3")
ROWS = [LEADS.index(lead) for lead in GIVEN]


def _fill(shown_mv, _rate_hz):
    return np.full_like(shown_mv, 0.1)


@pytest.fixture(scope="module")
def records():
    rng = np.random.default_rng(5)
    return [
        StudyRecord(simulate(rng, rate_hz=100.0, record_id=f"patient-{k}"), positive=k % 2 == 0)
        for k in range(4)
    ]


@pytest.fixture(scope="module")
def study(records, tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "set"
    make_study(records, "mi", GIVEN, _fill, out, seed=3, facts={"model": "none"})
    return out


def test_every_record_has_both_versions_and_half_are_positive(study):
    key = read_key(study)
    pages = sorted(path.stem for path in (study / "pages").iterdir())
    assert pages == [row.page for row in key] == [f"{k:03d}" for k in range(1, 9)]
    assert len({(row.record_id, row.version) for row in key}) == 8
    assert sum(row.truth == "yes" for row in key) == 4


def test_what_readers_get_names_neither_record_nor_version(study, records):
    readers = [path for path in study.rglob("*") if path.is_file() and path.parent.name != "key"]
    assert len(readers) == 10
    for path in readers:
        content = path.read_bytes()
        for word in (b"patient", b"simulat", b"original", b"reconstructed", b"EXIF", b"tEXt"):
            assert word not in content
            assert word.decode() not in path.name
    table = (study / "answers.csv").read_text().splitlines()
    assert table[:2] == ["page,answer", "001,"]


def test_pictures_hold_nothing_but_pixels(study):
    content = (study / "pages" / "001.png").read_bytes()
    chunks, place = [], 8
    while place < len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        chunks.append(content[place + 4 : place + 8])
        place += 12 + length
    assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}
    assert [item.text for item in STUDY_PAGE.texts] == ["25 mm/s   10 mm/mV"]


def test_versions_differ_on_paper_only_where_leads_were_filled(study):
    key = read_key(study)
    one = next(row for row in key if row.version == "original")
    other = next(r for r in key if r.record_id == one.record_id and r.version != one.version)
    a, b = (cv2.imread(str(study / "pages" / f"{row.page}.png")) for row in (one, other))
    assert a is not None
    assert b is not None
    changed = np.not_equal(a, b).any(axis=(0, 2))
    pixels = [round(x * 8) for x in STUDY_PAGE.column_x_mm]
    assert changed[pixels[1] : pixels[2]].any()  # aVR, aVL and aVF
    bottom = round((STUDY_PAGE.row_y_mm[3] - 8) * 8)
    assert (a[bottom:] == b[bottom:]).all()  # the rhythm strip of lead II, which was given


def test_given_leads_stay_and_unmeasured_ends_stay_empty(records):
    record = records[0].record
    signal = record.signal_mv.copy()
    signal[:, -15:] = np.nan
    made = reconstructed(type(record)(signal, 100.0, "x"), ROWS, _fill).signal_mv
    np.testing.assert_array_equal(made[ROWS], signal[ROWS])
    others = [row for row in range(12) if row not in ROWS]
    assert (made[others, :-15] == np.float32(0.1)).all()
    assert np.isnan(made[:, -15:]).all()


def test_the_same_seed_gives_the_same_set_and_another_another(study, records, tmp_path):
    make_study(records, "mi", GIVEN, _fill, tmp_path / "same", seed=3)
    for name in ("key/key.csv", "pages/004.png"):
        assert (tmp_path / "same" / name).read_bytes() == (study / name).read_bytes()
    assert reading_order(20, np.random.default_rng(0)) != reading_order(
        20, np.random.default_rng(1)
    )


@pytest.mark.parametrize("count", [4, 7, 40])
def test_versions_of_a_record_lie_half_the_set_apart(count):
    for seed in range(20):
        order = reading_order(count, np.random.default_rng(seed))
        assert len(set(order)) == 2 * count
        for record in range(count):
            first, second = (k for k, (number, _) in enumerate(order) if number == record)
            assert second - first > count // 2
        firsts = [version for _, version in order[:count]]
        assert abs(2 * firsts.count("original") - count) <= 1


def test_nothing_is_overwritten_and_halves_must_be_equal(study, records, tmp_path):
    with pytest.raises(StudyError, match="holds something already"):
        make_study(records, "mi", GIVEN, _fill, study, seed=3)
    with pytest.raises(StudyError, match="as many positive as negative"):
        make_study(records[:3], "mi", GIVEN, _fill, tmp_path / "odd", seed=3)
    assert not (tmp_path / "odd").exists()


def test_offsets_of_electrodes_do_not_show(records):
    record = records[0].record
    lifted = type(record)(record.signal_mv + np.float32(0.5), 100.0, "x")
    assert draw_page(lifted) == draw_page(record)


def test_wilsons_interval_is_the_books():
    low, high = Share(81, 263).interval()  # Agresti's example
    assert (low, high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert Share(0, 10).interval() == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert all(math.isnan(end) for end in Share(0, 0).interval())


def test_cohens_kappa_is_the_books():
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohens_kappa(first, second) == pytest.approx(0.4)
    assert cohens_kappa(first, first) == 1
    assert math.isnan(cohens_kappa(["no"] * 3, ["no"] * 3))


def _key():
    truths = {"a": "yes", "b": "yes", "c": "no", "d": "no"}
    rows = [(record, version) for version in ("original", "reconstructed") for record in truths]
    return [
        KeyRow(f"{k:03d}", record, version, truths[record])
        for k, (record, version) in enumerate(rows, 1)
    ]


def _answers(text):
    return {f"{k:03d}": answer for k, answer in enumerate(text.split(), 1)}


def test_scores_are_what_a_hand_counts():
    answers = {
        "anna": _answers("yes yes no yes  yes unable no no"),
        "ben": _answers("yes no no no  yes no no yes"),
    }
    score = score_study(_key(), answers)
    anna, anna_made, ben, ben_made = score.readers
    assert (anna.accuracy, anna.sensitivity, anna.specificity) == (
        Share(3, 4), Share(2, 2), Share(1, 2),
    )  # fmt: skip
    assert (anna_made.accuracy, anna_made.sensitivity) == (Share(3, 4), Share(1, 2))
    assert anna_made.unable == Share(1, 4)
    assert ben.accuracy == Share(3, 4)
    assert ben_made.specificity == Share(1, 2)
    within = score.within_readers[0]
    assert within.same == Share(2, 4)
    # yes 3 and 1, no 1 and 2, unable 0 and 1 of 4: chance (3 + 2) / 16
    assert within.kappa == pytest.approx((0.5 - 5 / 16) / (1 - 5 / 16))
    between = score.between_readers[0]
    assert (between.first, between.second) == ("original: anna", "original: ben")
    assert between.same == Share(2, 4)
    assert len(score.between_readers) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("page,answer\n001,yes\n009,no\n", "no page '009'"),
        ("page,answer\n001,maybe\n002,no\n", "is 'maybe'; it must be yes, no or unable"),
        ("page,answer\n001,\n002,no\n", "is empty"),
        ("page,answer\n001,yes\n", "no answer to page 002 and 1 more"),
        ("page,answer\n001,yes\n1,yes\n", "page 001 was answered before"),
        ("number,answer\n001,yes\n", "must have the columns page, answer"),
    ],
)
def test_bad_answers_get_one_clear_sentence(text, told, tmp_path):
    path = tmp_path / "answers_anna.csv"
    path.write_text(text)
    with pytest.raises(StudyError, match=told) as caught:
        read_answers(path, {"001", "002", "003"})
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tables_as_spreadsheets_save_them_are_read(tmp_path):
    path = tmp_path / "answers_anna.csv"
    path.write_text("\ufeffpage;answer\r\n1; Yes \r\n2;UNABLE\r\n;\r\n", encoding="utf-8")
    assert read_answers(path, {"001", "002"}) == {"001": "yes", "002": "unable"}
    assert reader_name(path) == "anna"


def test_the_command_scores(study, tmp_path, capsys):
    key = read_key(study)
    paths = []
    for reader in ("anna", "ben"):
        path = tmp_path / f"answers_{reader}.csv"
        rows = [f"{row.page},{row.truth if reader == 'anna' else 'no'}" for row in key]
        path.write_text("\n".join(["page,answer", *rows]) + "\n")
        paths.append(str(path))
    assert main(["reading-study", "score", str(study), *paths]) == EXIT_OK
    told = capsys.readouterr().out
    assert "anna" in told
    assert "mean ± SD" in told
    assert main(["reading-study", "score", str(study), *paths, "--json"]) == EXIT_OK
    document = json.loads(capsys.readouterr().out)
    assert [one["accuracy"]["value"] for one in document["readers"]] == [1, 1, 0.5, 0.5]
    assert document["within_readers"][1]["kappa"] is None
    assert main(["reading-study", "score", str(tmp_path), paths[0]]) == EXIT_USAGE
    assert "there is no" in capsys.readouterr().err


def test_the_command_names_a_missing_data_set(tmp_path, capsys):
    out, nowhere = str(tmp_path / "study"), str(tmp_path / "nowhere")
    assert main(["reading-study", "make", "--ptbxl", nowhere, "--out", out]) == EXIT_USAGE
    assert "no PTB-XL in" in capsys.readouterr().err
    arguments = ["reading-study", "make", "--ptbxl", nowhere, "--out", out, "--leads", "I,V9"]
    assert main(arguments) == EXIT_USAGE
    assert "--leads" in capsys.readouterr().err


@pytest.mark.slow
def test_a_study_of_real_records(shared_data, tmp_path):
    arguments = ["--ptbxl", str(shared_data / "ptbxl"), "--out", str(tmp_path / "study")]
    assert main(["reading-study", "make", "--count", "4", *arguments]) == EXIT_OK
    key = read_key(tmp_path / "study")
    assert len(key) == 8
    assert sum(row.truth == "yes" for row in key) == 4
