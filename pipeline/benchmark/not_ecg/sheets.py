"""Sheets that carry no curves: text, forms, tables, music, plans, patterns and puzzles."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dataset_generation.text import FONTS
from pipeline.benchmark.not_ecg.sheet import BLACK, GRID_INKS, Rgb, Sheet

Picture = NDArray[np.uint8]

_A4_MM = (210.0, 297.0)
_WORDS = (
    "the", "quick", "report", "of", "patient", "I", "II", "and", "rhythm", "normal", "invoice",
    "total", "date", "aVR", "street", "Section", "V1", "below", "see", "page", "12", "2024",
    "heart", "rate", "figure", "with", "lead", "III", "number", "signature",
)  # fmt: skip


def text_page(rng: np.random.Generator) -> Picture:
    """Printed text in one or two columns, on plain or on squared paper."""
    sheet = Sheet(*_A4_MM)
    if rng.random() < 0.3:
        sheet.ruling(5, 0.2, GRID_INKS[int(rng.integers(len(GRID_INKS)))])
    font, height = str(rng.choice(FONTS)), float(rng.uniform(2, 3.4))
    columns = int(rng.integers(1, 3))
    for column in range(columns):
        for y in np.arange(20, 275, 1.9 * height):
            if rng.random() < 0.08:
                continue
            words = int(185 / columns / height / 3.6)
            line = " ".join(str(word) for word in rng.choice(_WORDS, max(words, 2)))
            sheet.words(line, 15 + 95 * column, float(y), height, font)
    return sheet.pixels


def form(rng: np.random.Generator) -> Picture:
    """Boxes with captions and ticks, lines to write on."""
    sheet = Sheet(*_A4_MM)
    for y in np.arange(20, 270, float(rng.uniform(9, 16))):
        x = 12.0
        while x < 180:
            width = float(rng.uniform(20, 90))
            width = min(width, 198 - x)
            sheet.box(x, float(y), width, 8, BLACK, 0.3)
            sheet.words(str(rng.choice(_WORDS)), x + 1, float(y) + 0.8, 1.8)
            if rng.random() < 0.3:
                sheet.box(x + width - 5, float(y) + 2, 3.5, 3.5, BLACK, 0.3)
            x += width + 2
    return sheet.pixels


def table(rng: np.random.Generator) -> Picture:
    """A spreadsheet of numbers."""
    sheet = Sheet(_A4_MM[1], _A4_MM[0])
    across, down = float(rng.uniform(12, 28)), float(rng.uniform(4, 9))
    ink = GRID_INKS[int(rng.integers(len(GRID_INKS)))]
    for y in np.arange(15, 200, down):
        sheet.line([(10, y), (287, y)], 0.25, ink)
        for x in np.arange(10, 275, across):
            sheet.words(
                f"{rng.uniform(0, 999):.1f}", float(x) + 1, float(y) + 0.25 * down, 0.4 * down
            )
    for x in np.arange(10, 288, across):
        sheet.line([(x, 15), (x, 200)], 0.25, ink)
    return sheet.pixels


def sheet_music(rng: np.random.Generator) -> Picture:
    """Staves with notes and bars."""
    sheet = Sheet(*_A4_MM)
    gap = float(rng.uniform(1.6, 2.4))
    for top in np.arange(25, 270, float(rng.uniform(18, 28))):
        for k in range(5):
            sheet.line([(15, top + gap * k), (195, top + gap * k)], 0.2)
        for x in np.arange(15, 196, float(rng.uniform(36, 60))):
            sheet.line([(x, top), (x, top + 4 * gap)], 0.3)
        for x in np.arange(24, 192, float(rng.uniform(6, 10))):
            y = top + gap * rng.integers(-1, 10) / 2
            sheet.disc(float(x), float(y), 0.55 * gap)
            stem = 3.5 * gap * (-1 if rng.random() < 0.5 else 1)
            sheet.line([(x + 0.5 * gap, y), (x + 0.5 * gap, y + stem)], 0.25)
    return sheet.pixels


def street_map(rng: np.random.Generator) -> Picture:
    """Streets, water and contour lines, some under a kilometre grid."""
    sheet = Sheet(_A4_MM[1], _A4_MM[0], (242, 239, 230))
    x = np.linspace(0, 297, 120)
    for _ in range(int(rng.integers(3, 9))):
        wave = np.cumsum(rng.normal(0, 1.4, len(x)))
        y = rng.uniform(0, 210) + wave
        lower = np.stack([x, y + rng.uniform(1, 9)], 1)[::-1]
        green: Rgb = (190, 215, 170) if rng.random() < 0.6 else (160, 195, 230)
        sheet.area(np.concatenate([np.stack([x, y], 1), lower]), green)
    for _ in range(int(rng.integers(15, 45))):
        start, turn = rng.uniform(0, 297, 2), rng.uniform(0, np.pi)
        steps = np.cumsum(rng.normal(0, 1, (40, 2)) + 4 * np.array([np.cos(turn), np.sin(turn)]), 0)
        sheet.line(start * [1, 0.7] + steps, float(rng.uniform(0.3, 1.6)), (150, 120, 90))
    if rng.random() < 0.6:
        sheet.ruling(float(rng.choice([10, 20, 40])), 0.2, (90, 110, 180))
    return sheet.pixels


def qr_codes(rng: np.random.Generator) -> Picture:
    """A page of QR codes with captions."""
    sheet = Sheet(*_A4_MM)
    encoder = cv2.QRCodeEncoder.create()
    side = float(rng.uniform(55, 90))
    for y in np.arange(12, 285 - side, side + 12):
        for x in np.arange(12, 200 - side, side + 8):
            words = "".join(chr(int(c)) for c in rng.integers(97, 122, int(rng.integers(10, 90))))
            code = encoder.encode(words)
            pixels = round(side * 6)
            picture = cv2.resize(code, (pixels, pixels), interpolation=cv2.INTER_NEAREST)
            top, left = round(y * 6), round(x * 6)
            sheet.pixels[top : top + pixels, left : left + pixels] = picture[..., None]
            sheet.words(words[:12], float(x), float(y) + side + 1)
    return sheet.pixels


def floor_plan(rng: np.random.Generator) -> Picture:
    """Rooms with doors and measures, some on squared paper."""
    sheet = Sheet(_A4_MM[1], _A4_MM[0])
    if rng.random() < 0.6:
        sheet.ruling(5, 0.15, GRID_INKS[int(rng.integers(len(GRID_INKS)))])
    for _ in range(int(rng.integers(5, 14))):
        x, y = 5 * rng.integers(2, 40), 5 * rng.integers(2, 28)
        width, height = 5 * rng.integers(5, 18), 5 * rng.integers(4, 12)
        sheet.box(
            float(x), float(y), float(width), float(height), BLACK, float(rng.uniform(0.5, 2))
        )
        turn = np.linspace(0, np.pi / 2, 20)
        door = np.stack([x + 8 * np.cos(turn), y + 8 * np.sin(turn)], 1)
        sheet.line(door, 0.3)
        sheet.words(f"{width * height / 100:.1f} m2", float(x) + 4, float(y) + height / 2)
    return sheet.pixels


def knitting_chart(rng: np.random.Generator) -> Picture:
    """A mirrored pattern of filled squares with numbers at the side."""
    sheet = Sheet(*_A4_MM)
    cell, ink = float(rng.choice([3, 4, 5, 6])), GRID_INKS[int(rng.integers(len(GRID_INKS)))]
    columns, rows = int(170 / cell), int(240 / cell)
    half = rng.random((rows, columns // 2)) < rng.uniform(0.1, 0.5)
    pattern = np.concatenate([half, half[:, ::-1]], axis=1)
    for row, column in np.argwhere(pattern).tolist():
        sheet.box(20 + cell * column, 25 + cell * row, cell, cell, (70, 70, 160), 0)
    bottom, right = 25 + cell * rows, 20 + cell * columns
    for column in range(columns + 1):
        x = 20 + cell * column
        sheet.line([(x, 25), (x, bottom)], 0.35 if column % 5 == 0 else 0.15, ink)
    for row in range(rows + 1):
        y = 25 + cell * row
        sheet.line([(20, y), (right, y)], 0.35 if row % 5 == 0 else 0.15, ink)
        if row % 5 == 0:
            sheet.words(str(rows - row), 12, y, 2.2)
    return sheet.pixels


def crossword(rng: np.random.Generator) -> Picture:
    """Squares, black ones and letters among them, or a sudoku's digits; clues below."""
    sheet = Sheet(*_A4_MM)
    count = int(rng.choice([9, 13, 15, 17]))
    cell = float(rng.uniform(110, 185)) / count
    for row in range(count):
        for column in range(count):
            x, y = 12 + cell * column, 15 + cell * row
            sheet.box(x, y, cell, cell, BLACK, 0.3)
            drawn = rng.random()
            if count != 9 and drawn < 0.18:
                sheet.box(x, y, cell, cell, BLACK, 0)
            elif drawn < 0.4:
                sign = str(rng.integers(1, 10)) if count == 9 else chr(int(rng.integers(65, 91)))
                sheet.words(sign, x + 0.3 * cell, y + 0.25 * cell, 0.5 * cell)
    for top in np.arange(220, 285, 6):
        sheet.words(" ".join(str(word) for word in rng.choice(_WORDS, 9)), 12, float(top))
    return sheet.pixels


def tiles(rng: np.random.Generator) -> Picture:
    """A wall of tiles or a chequered cloth."""
    sheet = Sheet(_A4_MM[1], _A4_MM[0], (215, 205, 190))
    cell = float(rng.choice([3, 5, 8, 12, 20]))
    shades = rng.integers(120, 250, 3)
    for row in range(int(210 / cell)):
        for column in range(int(297 / cell)):
            if (row + column) % 2 and cell < 12:
                continue
            shade = np.clip(shades + rng.integers(-12, 13, 3), 0, 255)
            rgb = (int(shade[0]), int(shade[1]), int(shade[2]))
            sheet.box(cell * column, cell * row, 0.95 * cell, 0.95 * cell, rgb, 0)
    return sheet.pixels
