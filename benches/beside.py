#!/usr/bin/env python3
"""The whole night beside a DuckDB and Python pipeline that does the same work, in turns, in one run.

  beside.py --gridhouse target/release/gridhouse --peer PEER --peer-python PYTHON [--scale 1] [--runs 3] [--work DIR]

PEER is a folder with the pipeline: `gen.py` makes its deliveries, `peer_nightly.py` runs its night and prints seconds
and peak memory per stage as JSON. PYTHON is an interpreter that has what the pipeline imports.

Both sides land a first night of about 1.2 million records at scale 1, compute the district's statistics and write a
district workbook, workbooks per subdistrict and one ledger per community. Deliveries are generated before the clock
starts. Each run begins with an empty warehouse. Medians are printed, with their ratios; peak memory is that of the
whole process tree.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

AS_OF = "2024-06-27"
WRITERS = {"DuckDB + xlsxwriter": "xlsxwriter", "DuckDB + Rust writer": "rustpy"}
# The stages of both sides under one name.
STAGES = {"land": ["land", "validate", "upsert"], "statistics": ["stats"],
          "reports": ["district", "subdistrict", "ledger", "html"]}
OURS = {"land": ["land"], "statistics": ["views", "checks"], "reports": ["reports"]}


def measure(command, **options):
    """Seconds, peak MB of the largest process, and standard output."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **options)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{command} ended with {os.waitstatus_to_exitcode(status)}\n{out}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024, out


def empty(folder):
    shutil.rmtree(folder, ignore_errors=True)


def lay_out(gridhouse, work, scale):
    """A project whose inbox is filled anew for every run."""
    project, deliveries = work / f"project-{scale}", work / f"deliveries-{scale}"
    # Contracts, views and reports are those of the program that is measured.
    empty(project)
    measure([gridhouse, "demo", project, "--scale", "0.002"])
    if not deliveries.exists():
        measure([gridhouse, "generate", "--out", deliveries, "--scale", str(scale)])
    return project, deliveries


def refill(project, deliveries):
    for name in ("warehouse", "outbox", "archive", "inbox"):
        empty(project / name)
    shutil.copytree(deliveries, project / "inbox")
    os.sync()


def our_night(gridhouse, project, deliveries):
    refill(project, deliveries)
    seconds, peak, out = measure([gridhouse, "nightly", "--as-of", AS_OF, "--format", "json", "-C", project])
    night = json.loads(out)
    stages = {name: sum(night["stages"][part] for part in parts) for name, parts in OURS.items()}
    files = list((project / "outbox").rglob("*.xlsx"))
    return {"night": seconds, **stages, "peak MB": peak, "rows": night["run"]["rows_in"], "workbooks": len(files)}


def peer_night(peer, python, deliveries, work, writer):
    store, out = work / f"{writer}.store", work / f"{writer}.out"
    for path in (store, pathlib.Path(f"{store}.wal")):
        path.unlink(missing_ok=True)
    empty(out)
    os.sync()
    report = work / f"{writer}.json"
    seconds, _, _ = measure([python, "-W", "ignore", "peer_nightly.py", "--delivery", deliveries / "night1_dirty",
                             "--grids", deliveries / "grids.csv", "--store", store, "--store-kind", "duckdb",
                             "--writer", writer, "--out", out, "--json", report], cwd=peer)
    rows = {stage["stage"]: stage for stage in json.loads(report.read_text())["stages"]}
    stages = {name: sum(rows[part]["wall_s"] for part in parts) for name, parts in STAGES.items()}
    return {"night": seconds, **stages, "peak MB": max(row["peak_mb"] for row in rows.values()),
            "rows": rows["land"]["rows"], "workbooks": len(list(out.rglob("*.xlsx")))}


def cold(gridhouse, project, runs):
    """Commands from a cold process, on the warehouse of the last night."""
    commands = {
        "one community's ledger": ["report", "resident_ledger", "-P", "community_code=430105001004", "--out", "/tmp"],
        "sql -c on a mart": ["sql", "-c", "SELECT * FROM grid_overview_by_place LIMIT 1"],
    }
    for name, arguments in commands.items():
        taken = [measure([gridhouse, *arguments, "-C", project]) for _ in range(runs)]
        seconds, peak = (statistics.median(run[at] for run in taken) for at in (0, 1))
        print(f"{name:24} {seconds:6.2f} s {peak:6.0f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gridhouse", type=pathlib.Path, required=True)
    parser.add_argument("--peer", type=pathlib.Path)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("beside-work"))
    given = parser.parse_args()
    work, gridhouse = given.work.resolve(), given.gridhouse.resolve()
    work.mkdir(parents=True, exist_ok=True)
    project, inbox = lay_out(gridhouse, work, given.scale)
    sides = {"gridhouse": lambda: our_night(gridhouse, project, inbox)}
    if given.peer:
        peer, deliveries = given.peer.resolve(), work / f"peer-{given.scale}"
        if not deliveries.exists():
            subprocess.run([given.peer_python, "gen.py", "--scale", str(given.scale), "--out", deliveries], cwd=peer,
                           check=True, stdout=subprocess.DEVNULL)
        for name, writer in WRITERS.items():
            sides[name] = lambda writer=writer: peer_night(peer, given.peer_python, deliveries, work, writer)
    taken = {name: [] for name in sides}
    for _ in range(given.runs):
        for name, night in sides.items():
            taken[name].append(night())
    medians = {name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
               for name, runs in taken.items()}
    ours = medians["gridhouse"]
    print(f"medians of {given.runs} runs in turns, scale {given.scale}, {os.cpu_count()} cores\n")
    print(f"{'':24}" + "".join(f"{key:>12}" for key in ours))
    for name, row in medians.items():
        print(f"{name:24}" + "".join(f"{value:12.{0 if value > 60 else 2}f}" for value in row.values()))
    for name, row in medians.items():
        if name != "gridhouse":
            keys = [key for key in row if key not in ("rows", "workbooks")]
            print(f"{'× ' + name:24}" + "".join(f"{row[key] / ours[key]:12.1f}" for key in keys))
    print()
    cold(gridhouse, project, max(given.runs, 5))


if __name__ == "__main__":
    main()
