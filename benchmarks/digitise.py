"""Time the readers on 250 files with 60,000 values against a plain pandas read of the same files.

Run with `python benchmarks/digitise.py`. Goals: under 60 s and 1 GB on two cores, at most 4 times the plain read, and a
time that grows no faster than the number of files. The files are of four kinds in turn: PANGAEA, csv, GEOTRACES with 40
parameters that nobody here wants, and xlsx; the readers also convert, account for every cell, check and look for
duplicates. Prints ratios of one run.
"""

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from seaofcarbon import digitise

N_FILES, N_ROWS = 250, 80  # three values a row: 60,000
HEAD = """/* DATA DESCRIPTION:
Citation:\tAuthor, A (2001): Thorium-234 of cruise {name}. PANGAEA, https://doi.org/10.1594/PANGAEA.{number}
License:\tCreative Commons Attribution 4.0 International (CC-BY-4.0)
Size:\t{size} data points
*/
"""


def made_up(number):
    """Return a table of one cruise: eight casts of ten samples."""
    rng = np.random.default_rng(number)
    cast = np.repeat(np.arange(8), N_ROWS // 8)
    depth = np.tile(np.linspace(5, 500, N_ROWS // 8).round(), 8)
    place = rng.uniform(-60, 60, 8), rng.uniform(-180, 180, 8)
    return pd.DataFrame({
        "station": cast + 1, "time": "2001-05-" + pd.Series(cast + 10).astype("str"),
        "latitude": place[0][cast].round(4), "longitude": place[1][cast].round(4), "depth": depth,
        "salinity": rng.normal(35, 0.5, N_ROWS).round(3),
        "th": rng.normal(2.2, 0.2, N_ROWS).round(3), "sigma": 0.05, "c_th": rng.lognormal(1, 0.5, N_ROWS).round(3),
    })  # fmt: skip


def write_pangaea(folder, number):
    """Write a PANGAEA file."""
    table = made_up(number).set_axis(
        ["Station", "Date/Time", "Latitude", "Longitude", "Depth water [m]", "Sal", "234Th [dpm/l] (total)",
         "234Th std dev [±] (total)", "POC/234Th [µmol/dpm]"], axis=1)  # fmt: skip
    path = folder / f"cruise_{number:03}.tab"
    head = HEAD.format(name=f"C{number}", number=number, size=N_ROWS * 4)
    path.write_text(head + table.to_csv(sep="\t", index=False), encoding="utf-8")
    return path


def as_sheet(number):
    """Return the table with headers that tell quantity and unit."""
    names = ["station", "date", "latitude", "longitude", "depth_m", "salinity", "total_234Th(dpm/L)",
             "uncert_total234Th", "POC/Th(umol/dpm)"]  # fmt: skip
    return made_up(number).set_axis(names, axis=1).assign(cruise=f"C{number}")


def write_csv(folder, number):
    """Write a table as csv."""
    path = folder / f"cruise_{number:03}.csv"
    as_sheet(number).to_csv(path, index=False)
    return path


def write_xlsx(folder, number):
    """Write the same table as a workbook."""
    path = folder / f"cruise_{number:03}.xlsx"
    as_sheet(number).to_excel(path, index=False, engine="xlsxwriter")
    return path


def write_geotraces(folder, number):
    """Write a GEOTRACES section: a flag behind each parameter, values per mass, many other parameters."""
    table = made_up(number)
    columns = {
        "Cruise": f"G{number}", "Station:METAVAR:INDEXED_TEXT": table["station"],
        "yyyy-mm-ddThh:mm:ss.sss": table["time"],
        "Longitude [degrees_east]": table["longitude"] % 360, "Latitude [degrees_north]": table["latitude"],
    }  # fmt: skip
    measured = {
        "DEPTH [m]": table["depth"], "CTDTMP_T_VALUE_SENSOR [degC]": 10.0,
        "CTDSAL_D_CONC_SENSOR [pss-78]": table["salinity"], "Th_234_T_CONC_BOTTLE [mBq/kg]": table["th"] * 16,
    }  # fmt: skip
    measured |= {f"X_{i}_D_CONC_BOTTLE [nmol/kg]": table["sigma"] * i for i in range(40)}
    frame = pd.DataFrame(columns | measured).round(4)
    header = list(columns) + [name for pair in measured for name in (pair, "QV:SEADATANET")]
    cells = [frame[name] for name in columns]
    for name in measured:
        cells += [frame[name], pd.Series(1, frame.index)]
    path = folder / f"section_{number:03}.csv"
    pd.concat(cells, axis=1).to_csv(path, index=False, header=header)
    return path


def plain_read(path):
    """Read a file the plain way: a table of texts and numbers, and no more."""
    if path.suffix == ".csv":
        return pd.read_csv(path)
    if path.suffix == ".xlsx":
        return pd.read_excel(path, engine="calamine")
    lines = path.read_text(encoding="utf-8").partition("*/\n")[0].count("\n") + 1
    return pd.read_csv(path, sep="\t", skiprows=lines)


def timed(call):
    """Seconds that a call takes, and its result."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def main():
    """Time both ways, print the ratios."""
    with tempfile.TemporaryDirectory() as name:
        writers = (write_pangaea, write_csv, write_geotraces, write_xlsx)
        paths = [writers[number % 4](Path(name), number) for number in range(N_FILES)]
        digitise.read_many(paths[:4], progress=False)  # imports
        floor, _ = timed(lambda: [plain_read(path) for path in paths])
        half, _ = timed(lambda: digitise.read_many(paths[: N_FILES // 2], progress=False))
        whole, data = timed(lambda: digitise.read_many(paths, progress=False))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{len(data.records):,} records from {N_FILES} files in {whole:.1f} s; the process took {peak:.0f} MB at most"
    )
    print(f"plain pandas read {floor:.2f} s: ratio {whole / floor:.1f} (goal: at most 4)")
    print(f"twice the files take {whole / half:.1f} times as long")


if __name__ == "__main__":
    main()
