"""What tests/it/workbooks.rs asks an independent reader (openpyxl) about workbooks.

    same BEFORE AFTER...   pairs of files: every cell, formula, merge and sheet of the one is in the other
    cells FILE SHEET       the values of a sheet as JSON lines, one list per row
    features FILE          what is special about each sheet, as text
"""
import json
import sys

import openpyxl
from openpyxl.utils import get_column_letter


def place(cell):
    return f"{get_column_letter(cell.column)}{cell.row}"


def values(book):
    cells = {}
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value not in (None, ""):
                    cells[sheet.title, place(cell)] = cell.value
    return cells


def same(pairs):
    cell_count = formula_count = 0
    for before, after in pairs:
        books = [openpyxl.load_workbook(path, data_only=True) for path in (before, after)]
        assert [s.title for s in books[0]] == [s.title for s in books[1]], before
        ours, theirs = (values(book) for book in books)
        differing = [(at, ours.get(at), theirs.get(at)) for at in ours.keys() | theirs.keys() if ours.get(at) != theirs.get(at)]
        assert not differing, (before, sorted(differing, key=str)[:5])
        for one, other in zip(*books):
            merges = [sorted(str(area) for area in sheet.merged_cells.ranges) for sheet in (one, other)]
            assert merges[0] == merges[1], (before, one.title)
        formulas = [values(openpyxl.load_workbook(path)) for path in (before, after)]
        live = [{at for at, value in cells.items() if str(value).startswith("=")} for cells in formulas]
        assert live[0] == live[1], (before, sorted(live[0] ^ live[1])[:5])
        cell_count += len(ours)
        formula_count += len(live[0])
    print(len(pairs), "workbooks", cell_count, "cells", formula_count, "formulas")
    assert cell_count > 5000 and formula_count > 200


def cells(path, sheet):
    for row in openpyxl.load_workbook(path, data_only=True)[sheet].iter_rows(values_only=True):
        print(json.dumps(row, ensure_ascii=False, default=str))


def features(path):
    book = openpyxl.load_workbook(path)
    for sheet in book:
        print("sheet", sheet.title)
        for area in sheet.conditional_formatting:
            print(" ", "format", area.sqref, [rule.type for rule in area.rules])
        for rule in sheet.data_validations.dataValidation:
            print(" ", "input", rule.sqref, rule.type, rule.operator, rule.formula1, rule.formula2)
        if sheet.protection.sheet:
            open_cells = [place(cell) for row in sheet.iter_rows() for cell in row if not cell.protection.locked]
            print(" ", "protected", open_cells[0], open_cells[-1], len(open_cells), "open")
        if sheet.row_breaks.brk:
            print(" ", "pages begin after", *[row.id for row in sheet.row_breaks.brk],
                  "fitted to width", sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight)
        for link in [cell.hyperlink for row in sheet.iter_rows() for cell in row if cell.hyperlink]:
            print(" ", "link", link.ref, link.location)
        for picture in sheet._images:
            print(" ", "picture", picture.anchor._from.row + 1, picture.anchor._from.col + 1, picture.format)
        for chart in sheet._charts:
            print(" ", "chart", type(chart).__name__)
        fills = {}
        for row in sheet.iter_rows():
            for cell in row:
                fills.setdefault(cell.fill.fgColor.rgb, []).append(place(cell))
        for color in sorted(str(color) for color in fills):
            if color in ("FFFFD7D7", "FFFFF2CC", "FFE2EFDA"):
                print(" ", "stands out", color, len(fills[color]))


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "same":
        same(list(zip(rest[::2], rest[1::2])))
    elif what == "cells":
        cells(*rest)
    else:
        features(*rest)
