#!/usr/bin/env python3
"""A department's form filled for its communities, beside openpyxl doing the same with the same rows.

  forms.py --gridhouse target/release/gridhouse --project PROJECT [--form 流动人口信息登记表] [--communities 10]

PROJECT is a demo project with its night run. The interpreter needs openpyxl. openpyxl loads the workbook, writes the rows that
gridhouse wrote below the headings with the style of the first row, and saves it; rows are read from gridhouse's own workbooks
before the clock starts. Printed are seconds for each workbook of both, on one core, and their ratio.
"""
import argparse
import copy
import pathlib
import subprocess
import sys
import time

import openpyxl


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--gridhouse", required=True, type=pathlib.Path)
    options.add_argument("--project", required=True, type=pathlib.Path)
    options.add_argument("--form", default="流动人口信息登记表")
    options.add_argument("--communities", type=int, default=10)
    asked = options.parse_args()
    out = asked.project / "filled-by-gridhouse"
    command = [asked.gridhouse, "-C", asked.project, "form", "fill", asked.form, "--out", out, "--quiet"]
    start = time.perf_counter()
    subprocess.run(command, check=True, env={"GRIDHOUSE_LIMITS_WORKERS": "1"})
    ours = time.perf_counter() - start
    files = sorted((out / asked.form).glob("*.xlsx"))
    template = next((asked.project / "data/forms" / asked.form).glob("*.xlsx"))
    theirs, rows_written = 0.0, 0
    for file in files[: asked.communities]:
        filled = openpyxl.load_workbook(file).worksheets[0]
        blank = openpyxl.load_workbook(template).worksheets[0]
        first = next(row for row in range(1, 60) if filled.cell(row, 1).value == 1 and filled.cell(row, 2).value)
        rows = []
        for row in range(first, filled.max_row + 1):
            if not isinstance(filled.cell(row, 1).value, int):
                break
            rows.append([filled.cell(row, column).value for column in range(1, blank.max_column + 1)])
        start = time.perf_counter()
        book = openpyxl.load_workbook(template)
        sheet = book.worksheets[0]
        styles = [copy.copy(sheet.cell(first, column)._style) for column in range(1, sheet.max_column + 1)]
        held = sum(1 for row in range(first, sheet.max_row + 1) if sheet.cell(row, 2).has_style and row < first + 10)
        if len(rows) > held:
            sheet.insert_rows(first + held, len(rows) - held)
        for at, values in enumerate(rows):
            for column, (value, style) in enumerate(zip(values, styles), 1):
                cell = sheet.cell(first + at, column)
                cell.value, cell._style = value, style
        book.save(asked.project / "filled-by-openpyxl.xlsx")
        theirs += time.perf_counter() - start
        rows_written += len(rows)
    if not files:
        sys.exit(f"{asked.form} was filled for nobody")
    per_ours, per_theirs = ours / len(files), theirs / min(asked.communities, len(files))
    print(f"gridhouse {len(files)} workbooks in {ours:.2f} s, {per_ours * 1000:.1f} ms each, with reading the warehouse")
    print(f"openpyxl  {min(asked.communities, len(files))} workbooks in {theirs:.2f} s, {per_theirs * 1000:.1f} ms each, {rows_written} rows")
    print(f"ratio {per_theirs / per_ours:.1f}")


main()
