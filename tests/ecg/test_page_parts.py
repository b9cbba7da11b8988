"""Parts of a page: what can be given, and one clear sentence for what cannot."""

import json

import pytest

from ecg.page_parts import PageParts, PagePartsError, parse_page_parts

SQUARE = [[100, 100], [500, 110], [510, 400], [90, 390]]
CORNERS = {"photo_points": SQUARE, "width_boxes": 40, "height_mm": 150}
LEAD = {"lead": "V1", "box": [100, 100, 300, 200]}


def test_every_part_is_optional() -> None:
    assert parse_page_parts("{}") == PageParts()


def test_parts_are_taken_as_written_and_come_out_the_same() -> None:
    parts = parse_page_parts(
        json.dumps(
            {
                "photo_size": [640, 480],
                "corners": CORNERS,
                "layout": "6x2+1",
                "order": "cabrera",
                "speed_mm_per_s": 50,
                "gain_mm_per_mv": 5,
                "rows": [{"left": [1, 2], "right": [300, 4]}],
                "names": [{"lead": "v1", "box": SQUARE}],
                "pulses": [SQUARE],
                "leads": [{"lead": "-avr", "box": SQUARE, "start_s": 2.5}],
                "mask": "mask.png",
            }
        )
    )
    assert parts.corners is not None
    assert parts.corners.size_mm == (200.0, 150.0)
    assert parts.leads is not None
    assert (parts.leads[0].name, parts.leads[0].sign) == ("aVR", -1)
    assert parts.names is not None
    assert parts.names[0].lead == "V1"
    assert parse_page_parts(parts.model_dump_json(exclude_none=True)) == parts


def test_a_box_may_be_left_top_right_bottom() -> None:
    parts = parse_page_parts(json.dumps({"leads": [LEAD]}))
    assert parts.leads is not None
    assert parts.leads[0].box == ((100, 100), (300, 100), (300, 200), (100, 200))


def test_a_result_is_a_page_file() -> None:
    result = {"format": 2, "page": {"layout": "12x1"}, "traces": []}
    assert parse_page_parts(json.dumps(result)).layout == "12x1"


def corners(points: object) -> dict[str, object]:
    return {"corners": {**CORNERS, "photo_points": points}}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (corners(SQUARE[:3]), "corners.photo_points: four points"),
        (corners([SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]]), "cross"),
        (corners(SQUARE[::-1]), "wrong way round"),
        (corners([SQUARE[0], SQUARE[1], [300, 250], SQUARE[3]]), "one line"),
        (corners([[0, 0], [9, 0], [9, 9], [0, 9]]), "too small"),
        (corners([[0, 0], ["x", 0], [9, 9], [0, 9]]), r"photo_points\[1\]\[0\]: .*number"),
        (corners([[0, 0], [float("nan"), 0], [9, 9], [0, 9]]), "finite"),
        ({"corners": {"photo_points": SQUARE, "width_mm": 100}}, "height_mm and height_boxes"),
        ({"corners": {**CORNERS, "width_mm": 100}}, "width_mm and width_boxes"),
        ({"corners": {**CORNERS, "height_mm": 2000}}, "less than or equal to 650"),
        ({"layout": "4x3"}, "layout: must be one of 3x4, .* not 4x3"),
        ({"layout": "other"}, "needs leads"),
        ({"order": "nehb"}, "order: must be one of standard, cabrera, not nehb"),
        ({"speed_mm_per_s": 30}, "speed_mm_per_s: must be one of 25, 50, not 30"),
        ({"speed_mm_per_s": "25"}, "speed_mm_per_s: .*number"),
        ({"gain_mm_per_mv": 7.5}, "gain_mm_per_mv: must be one of 5, 10, 20, not 7.5"),
        ({"chest_gain_mm_per_mv": 5}, "needs gain_mm_per_mv"),
        ({"leads": []}, "leads: .*at least 1"),
        ({"leads": [{**LEAD, "lead": "V9"}]}, r"leads\[0\].lead: 'V9' is not one of"),
        ({"leads": [LEAD, LEAD]}, "V1 twice"),
        ({"leads": [{**LEAD, "box": [300, 100, 100, 200]}]}, r"leads\[0\]: .*wrong way round"),
        ({"leads": [{**LEAD, "start_s": -1}]}, "greater than or equal to 0"),
        ({"rows": [{"left": [0, 0]}]}, r"rows\[0\].right: .*required"),
        ({"points": {"step_mm": 5, "photo_points": [[[0, 0], [9, 0]]]}}, "two rows or more"),
        (
            {"points": {"step_mm": 5, "photo_points": [[[9, 0], [0, 0]], [[9, 9], [0, 9]]]}},
            "mirrored",
        ),
        ({"corner": 1}, "corner: there is no such part"),
        ([1, 2], "no JSON object"),
    ],
)
def test_what_cannot_be_is_one_sentence(document: object, says: str) -> None:
    with pytest.raises(PagePartsError, match=says) as caught:
        parse_page_parts(json.dumps(document))
    assert "\n" not in str(caught.value)


def test_no_json_is_one_sentence() -> None:
    with pytest.raises(PagePartsError, match=r"it is no JSON: .*line 1"):
        parse_page_parts("{corners: ")
    with pytest.raises(PagePartsError, match="it is no JSON"):
        parse_page_parts(b"\xff\xfe\x00")


def lattice() -> dict[str, object]:
    points = [[[10 + 20 * x, 5 + 20 * y] for x in range(30)] for y in range(20)]
    return {"step_mm": 5, "origin_mm": [-20, -20], "photo_points": points}


def test_corners_that_were_mended_beside_points_are_a_contradiction() -> None:
    agreeing = [[90, 85], [290, 85], [290, 185], [90, 185]]
    told = {"photo_points": agreeing, "width_mm": 50, "height_mm": 25}
    parse_page_parts(json.dumps({"corners": told, "points": lattice()}))
    moved = {**told, "photo_points": [[95, 85], *agreeing[1:]]}
    with pytest.raises(PagePartsError, match="contradict"):
        parse_page_parts(json.dumps({"corners": moved, "points": lattice()}))


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"photo_size": [639, 480]}, "639 x 480 pixels, but the photo has 640 x 480"),
        (corners([[-5, 0], *SQUARE[1:]]), r"top left corner \(-5, 0\) lies outside"),
        ({"leads": [{**LEAD, "box": [600, 100, 800, 200]}]}, r"leads\[0\] \(V1\): its middle"),
        ({"rows": [{"left": [0, 900], "right": [9, 900]}]}, r"rows\[0\]"),
        ({"names": [{"lead": "I", "box": [0, 500, 9, 520]}]}, r"names\[0\] \(I\)"),
        ({"pulses": [[0, 500, 9, 520]]}, r"pulses\[0\]"),
    ],
)
def test_what_lies_outside_the_photo_is_named(document: object, says: str) -> None:
    parts = parse_page_parts(json.dumps(document))
    with pytest.raises(PagePartsError, match=says):
        parts.check_photo(640, 480)
