"""Mistakes as compilers make them, planted in the sheet of the workbook and listed."""

import numpy as np
import pandas as pd

from seaofcarbon.twin.layouts import SECOND_WORKBOOK, WORKBOOK, second_sheet

_TOTAL, _DEPTH, _LON, _OCEAN = "total_234Th(dpm/L)", "depth(m)", "lon_decimal_degrees", "Ocean"
_PART, _RATIO = "part_234Th_large(dpm/L)", "POC/Th_large(umol/dpm)"
_CRUISE, _STATION = "Cruise_ID_1", "station_ID"


class _Sheet:
    """A sheet while mistakes are planted in it; a row gets one mistake at most."""

    def __init__(self, sheet, rng):
        self.sheet, self.rng = sheet.copy(), rng
        self.free = np.ones(len(sheet), dtype=bool)
        self.notes, self.count = [], 0

    def plant(self, rows, kind, written):
        """Write over cells of the rows; `written` gives, for each column, the wrong cells from the right ones."""
        self.count += 1
        for column, wrongly in written.items():
            meant = self.sheet.loc[rows, column]
            wrong = wrongly[rows] if isinstance(wrongly, pd.Series) else meant.map(wrongly)
            self.sheet.loc[rows, column] = wrong
            self.notes.append(_listed(WORKBOOK, rows, column, kind, self.count, self.sheet.loc[rows], meant, wrong))
        self.free[rows] = False

    def cells(self, n, column, kind, written, where=True):
        """Plant n single slips in numbers of a column."""
        number = pd.to_numeric(self.sheet[column], errors="coerce").notna()
        fit = np.flatnonzero(self.free & number & where)
        for row in np.sort(self.rng.choice(fit, min(n, len(fit)), replace=False)):
            self.plant(np.array([row]), kind, {column: written})

    def groups(self, n, key, kind, written, where=True):
        """Plant n slips, each in all rows with the same `key`: a cruise, or a cast, of different cruises."""
        whole = (pd.Series(self.free) & where).groupby(key).transform("all")
        fit = pd.Series(self.rng.permutation(key[whole].unique()), dtype="str")
        fit = fit[~fit.str.partition("/")[0].duplicated()] if len(fit) else fit
        for name in sorted(fit[:n]):
            self.plant(np.flatnonzero(key == name), kind, written)


def _listed(file, rows, column, kind, number, told, meant, written):
    """Lines of the list of mistakes for cells of a column: line 1 of a sheet holds the names of the columns."""
    where = {"file": file, "row": rows + 2, "column": column, "kind": kind, "mistake": number}
    cast = {"cruise": told[_CRUISE], "station": told[_STATION]}
    return pd.DataFrame(where | cast | {"meant": meant.astype(str), "written": written.astype(str)}, index=told.index)


def make_mistakes(sheet, inland, rng):
    """Plant mistakes in the sheet of the workbook.

    Parameters
    ----------
    sheet : DataFrame of object
        The right cells, index 0 .. n-1.
    inland : DataFrame
        latitude and longitude of the place far from any coast that is nearest to each row.
    rng : numpy Generator

    Returns
    -------
    sheet : DataFrame of object
    again : DataFrame of object
        Up to three casts of a cruise as a second compiler typed them; none when all casts have mistakes.
    mistakes : DataFrame
        file, row (line of the sheet), column, kind, mistake (number), cruise, station, meant (nothing, where a value
        was typed a second time), written; a line per cell.
    """
    made = _Sheet(sheet, rng)
    lon = sheet[_LON].astype(float)
    cruise = sheet[_CRUISE]
    cast = cruise + "/" + sheet[_STATION]
    few = max(1, cruise.nunique() // 70)  # so that a small compilation is not all mistakes
    made.groups(few, cruise, "longitude 0-360", {_LON: lambda x: round(x % 360, 4)}, lon < 0)
    made.groups(few, cruise, "missing month", dict.fromkeys(("date", "month"), lambda _: ""))
    made.groups(few, cruise, "misspelt ocean", {_OCEAN: lambda _: "Pacifc Ocean"}, sheet[_OCEAN] == "Pacific Ocean")
    made.groups(1, cruise, "misspelt ocean", {_OCEAN: lambda _: "Artic"}, sheet[_OCEAN] == "Arctic Ocean")
    made.groups(3, cast, "longitude sign", {_LON: lambda x: -x}, lon.abs().between(10, 170))
    made.groups(2, cast, "on land", {"lat_decimal_degrees": inland["latitude"], _LON: inland["longitude"]})
    # a century, not a few years: what is in the future must stay there
    late = {"date": lambda day: f"{int(day[:4]) + 100}{day[4:]}", "year": lambda year: year + 100}
    made.groups(2, cast, "future", late)
    made.cells(5, _TOTAL, "factor 1000", lambda x: round(1000 * x, 1))
    total = pd.to_numeric(sheet[_TOTAL], errors="coerce")
    # where that is more than the total: a decimal point that slipped by two
    part = pd.to_numeric(sheet[_PART], errors="coerce")
    made.cells(5, _PART, "particulate above total", lambda x: round(100 * x, 3), 100 * part > 1.2 * total)
    made.cells(4, _TOTAL, "stray comma", lambda x: f"{x},")
    made.cells(5, _RATIO, "#DIV/0!", lambda _: "#DIV/0!")
    depth, bottom = sheet[_DEPTH].astype(float), sheet["bottom_depth(m)"].astype(float)
    made.cells(5, _DEPTH, "depth range", lambda z: f"{z - 5:.0f}_{z + 5:.0f}", depth > 20)
    made.cells(4, _DEPTH, "surface", lambda _: "surface", depth <= 5)
    made.cells(3, _DEPTH, "nd", lambda _: "nd", depth > 20)
    made.cells(4, _DEPTH, "below the sea floor", lambda z: round(10 * z, 1), 10 * depth > 1.2 * bottom)
    again, twice = _typed_again(made, cruise, cast)
    return made.sheet, again, pd.concat([*made.notes, *twice], ignore_index=True)


def _typed_again(made, cruise, cast):
    """Casts of a cruise in the sheet of a second compiler, and the list of their values; no row has another mistake."""
    whole = pd.Series(made.free).groupby(cast).transform("all")
    if not whole.any():
        return made.sheet.iloc[:0], []
    some = cast[whole & (cruise == made.rng.choice(cruise[whole].unique()))].unique()[:3]
    told = made.sheet[cast.isin(some)].reset_index(drop=True)
    again, number = second_sheet(told), made.count + 1 + pd.factorize(told[_STATION])[0]
    twice = []
    for column in ("Salinity", "238U_dpm/L", "Total_234Th_dpm/L"):
        typed = again[column].map(lambda cell: not isinstance(cell, str))
        nothing = pd.Series("", told.index)
        listed = _listed(SECOND_WORKBOOK, told.index, column, "duplicate", number, told, nothing, again[column])
        twice.append(listed[typed])
    return again, twice
