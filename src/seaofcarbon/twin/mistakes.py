"""Mistakes as compilers make them, planted in the sheet of the workbook and listed."""

import numpy as np
import pandas as pd

_TOTAL, _DEPTH, _LON, _OCEAN = "total_234Th(dpm/L)", "depth(m)", "lon_decimal_degrees", "Ocean"
_PART, _RATIO = "part_234Th_large(dpm/L)", "POC/Th_large(umol/dpm)"


class _Sheet:
    """A sheet while mistakes are planted in it; a row gets one mistake at most."""

    def __init__(self, sheet, rng):
        self.sheet, self.rng = sheet.copy(), rng
        self.free = np.ones(len(sheet), dtype=bool)
        self.notes, self.count = [], 0

    def plant(self, rows, columns, kind, written):
        """Write over cells of the rows; `written` gives the wrong cells from the right ones."""
        self.count += 1
        for column in columns:
            meant = self.sheet.loc[rows, column]
            wrong = meant.map(written)
            self.sheet.loc[rows, column] = wrong
            told = self.sheet.loc[rows, ["Cruise_ID_1", "station_ID"]].set_axis(["cruise", "station"], axis=1)
            # line 1 of the sheet holds the names of the columns
            note = {"row": rows + 2, "column": column, "kind": kind, "mistake": self.count}
            texts = {"meant": meant.astype(str), "written": wrong.astype(str)}
            self.notes.append(pd.DataFrame(note, index=rows).join(told).assign(**texts))
        self.free[rows] = False

    def cells(self, n, column, kind, written, where=True):
        """Plant n single slips in numbers of a column."""
        number = pd.to_numeric(self.sheet[column], errors="coerce").notna()
        fit = np.flatnonzero(self.free & number & where)
        for row in np.sort(self.rng.choice(fit, min(n, len(fit)), replace=False)):
            self.plant(np.array([row]), [column], kind, written)

    def groups(self, n, key, columns, kind, written, where=True):
        """Plant n slips, each in all rows with the same `key`: a cruise or a cast."""
        whole = (pd.Series(self.free) & where).groupby(key).transform("all")
        fit = key[whole].unique()
        for name in np.sort(self.rng.choice(fit, min(n, len(fit)), replace=False)):
            self.plant(np.flatnonzero(key == name), columns, kind, written)


def make_mistakes(sheet, rng):
    """Plant mistakes in the sheet of the workbook.

    Parameters
    ----------
    sheet : DataFrame of object
        The right cells, index 0 .. n-1.
    rng : numpy Generator

    Returns
    -------
    sheet : DataFrame of object
    mistakes : DataFrame
        row (line of the sheet), column, kind, mistake (number), cruise, station, meant, written; a line per cell.
    """
    made = _Sheet(sheet, rng)
    lon = sheet[_LON].astype(float)
    cruise = sheet["Cruise_ID_1"]
    cast = cruise + "/" + sheet["station_ID"]
    few = max(1, cruise.nunique() // 70)  # so that a small compilation is not all mistakes
    made.groups(few, cruise, [_LON], "longitude 0-360", lambda x: round(x % 360, 4), lon < 0)
    made.groups(few, cruise, ["date", "month"], "missing month", lambda _: "")
    made.groups(few, cruise, [_OCEAN], "misspelt ocean", lambda _: "Pacifc Ocean", sheet[_OCEAN] == "Pacific Ocean")
    made.groups(1, cruise, [_OCEAN], "misspelt ocean", lambda _: "Artic", sheet[_OCEAN] == "Arctic Ocean")
    made.groups(3, cast, [_LON], "longitude sign", lambda x: -x, lon.abs().between(10, 170))
    made.cells(5, _TOTAL, "factor 1000", lambda x: round(1000 * x, 1))
    total = pd.to_numeric(sheet[_TOTAL], errors="coerce")
    # ten times too much, where that is more than the total: a decimal point that slipped
    part = pd.to_numeric(sheet[_PART], errors="coerce")
    made.cells(5, _PART, "particulate above total", lambda x: round(100 * x, 3), 100 * part > 1.2 * total)
    made.cells(4, _TOTAL, "stray comma", lambda x: f"{x},")
    made.cells(5, _RATIO, "#DIV/0!", lambda _: "#DIV/0!")
    depth = sheet[_DEPTH].astype(float)
    made.cells(5, _DEPTH, "depth range", lambda z: f"{z - 5:.0f}_{z + 5:.0f}", depth > 20)
    made.cells(4, _DEPTH, "surface", lambda _: "surface", depth <= 5)
    made.cells(3, _DEPTH, "nd", lambda _: "nd", depth > 20)
    return made.sheet, pd.concat(made.notes, ignore_index=True)
