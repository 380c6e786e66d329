"""Raw files of the twin's cruises, as the field writes them: a compiled workbook, and files of many layouts."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from seaofcarbon import files, ocean
from seaofcarbon.twin import layouts
from seaofcarbon.twin.cruises import samples
from seaofcarbon.twin.layouts import SECOND_WORKBOOK, WORKBOOK
from seaofcarbon.twin.mistakes import make_mistakes
from seaofcarbon.twin.recipe import DEFAULT
from seaofcarbon.twin.sea import covariates
from seaofcarbon.twin.truth import TRUTH, truth
from seaofcarbon.vocabulary import MAX_DEPTH_M

FLUX_DEPTHS_M = (10.0, *np.arange(25.0, MAX_DEPTH_M + 1, 25.0))
"""Depths of the true fluxes that are kept, m."""

INLAND_KM = 600.0
"""A position on land is this far from the cells of the sea: coarse maps lack straits and bays."""

_CAST = ["cruise", "station", "time", "latitude", "longitude"]

_FEW = {
    "exports": (layouts.write_exports, ".csv"),
    "seabass": (layouts.write_seabass, ".sb"),
    "erddap": (layouts.write_erddap, ".csv"),
    "bcodmo": (layouts.write_bcodmo, ".csv"),
    "tidy": (layouts.write_tidy, ".csv"),
}
"""Layouts of a few cruises each: how they are written, and the ending of the name."""


def write_raw(folder, parameters=DEFAULT, n_cruises=250):
    """Send the cruises to sea and write their raw files, the mistakes that were planted, and the truth.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there. Files `twin_*` of an earlier call are removed.
    parameters : Parameters
    n_cruises : int
        A tenth of them write a PANGAEA file each (one is zipped), a tenth a GEOTRACES file each (in both spellings; one
        is gzipped), of each 50 from 20 on one each a SeaBASS, ERDDAP, BCO-DMO, EXPORTS and tidy file; the others stand
        in the workbook.

    Returns
    -------
    list of Path
        The data files: workbook, a file per cruise, and the workbook of a second compiler who typed a few casts again.
        Beside them are written

        - FILE.yml: sidecars of BCO-DMO and tidy files;
        - truth_samples.parquet: each bottle, noise-free (columns of the cast, depth_m, and `truth.TRUTH`);
        - truth_fluxes.parquet: each cast at `FLUX_DEPTHS_M`, with th234_flux_inventory, which is lambda times the exact
          integral of the noise-free deficit;
        - mistakes.csv: file, row (line of the file or sheet), column, kind, mistake (number: a slip may touch many
          cells), cruise, station, meant, written.
    """
    folder, p = Path(folder), parameters
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("twin_*"):
        old.unlink()
    casts, table = samples(p, n_cruises)
    rng = np.random.default_rng([p.cruise_seed, 3])
    layout = _layouts(table, rng)

    compiled = table[table["cruise"].map(layout) == "workbook"]
    sheet, again, mistakes = make_mistakes(layouts.sheet(compiled), _inland(compiled, p), rng)
    layouts.write_workbook(sheet, folder / WORKBOOK)
    paths = [folder / WORKBOOK]
    warm = table.assign(temperature=_temperature(table, p))
    for name in ("pangaea", "geotraces", *_FEW):
        for number, cruise in enumerate(layout.index[layout == name].sort_values()):
            paths.append(_write_cruise(warm[warm["cruise"] == cruise], name, number, folder / f"twin_{cruise}"))
    if len(again):
        paths.append(folder / SECOND_WORKBOOK)
        layouts.write_workbook(again, paths[-1])

    files.write_parquet(table[[*_CAST, "depth_m", *TRUTH]], folder / "truth_samples.parquet")
    files.write_parquet(_true_fluxes(casts, p), folder / "truth_fluxes.parquet")
    files.write_csv(mistakes, folder / "mistakes.csv")
    return paths


def _layouts(table, rng):
    """Layout of each cruise, index cruise."""
    names = rng.permutation(table["cruise"].unique())
    tenth, few = max(len(names) // 10, 2), max(len(names) // 50, 1) if len(names) >= 20 else 0
    layout = pd.Series("workbook", names)
    layout.iloc[:tenth], layout.iloc[tenth : 2 * tenth] = "pangaea", "geotraces"
    # EXPORTS tables tell 238U, and are the first to take of the rest: those that measured it come first
    with_u238 = table.groupby("cruise")["m_u238"].any()[names]
    free = with_u238[2 * tenth :].sort_values(ascending=False, kind="stable").index
    for number, name in enumerate(_FEW):
        layout[free[number * few : (number + 1) * few]] = name
    return layout


def _write_cruise(table, layout, number, path):
    """Write a cruise in its layout; `path` is without ending, `number` counts the files of the layout."""
    if layout == "pangaea":
        path = path.with_suffix(".tab.zip" if number == 1 else ".tab")
        layouts.write_pangaea(table, path, in_columns=number % 2 == 0)
    elif layout == "geotraces":
        path = path.with_suffix(".csv.gz" if number == 1 else ".csv")
        layouts.write_geotraces(table, path, underscores=number % 2 == 1)
    else:
        write, suffix = _FEW[layout]
        path = path.with_suffix(suffix)
        write(table, path)
    return path


def _true_fluxes(casts, p):
    """Truth of each cast at the standard depths."""
    points = casts[_CAST].loc[casts.index.repeat(len(FLUX_DEPTHS_M))].reset_index(drop=True)
    points["depth_m"] = np.tile(FLUX_DEPTHS_M, len(casts))
    known = truth(points, p)
    # with 238U constant in time, lambda times the deficit above z is the mean of the flux over the memory of 234Th
    known = known.assign(th234_flux_inventory=known["th234_flux_memory"])
    columns = ["th234_flux_inventory", "th234_flux", "th234_flux_memory", "poc_flux", "c_th", "bloom_phase_d"]
    return pd.concat([points, known[columns]], axis=1)


def _temperature(table, p):
    """Temperature of each bottle from the climatology of the nearest cell; below 300 m that of 300 m."""
    fields = covariates(p)
    points = table.assign(depth_m=table["depth_m"].clip(upper=float(fields["depth"].max())))
    temperature = ocean.match(points, fields)["temperature"].astype(float)
    return temperature.groupby([table["cruise"], table["station"]]).ffill()


def _inland(table, p):
    """Latitude and longitude of the place nearest to each row that lies `INLAND_KM` from any sea."""
    sea = covariates(p)
    row, column = np.nonzero(np.isnan(sea["bottom_depth"].to_numpy()))
    land = np.column_stack([sea["lat"].to_numpy()[row], sea["lon"].to_numpy()[column]])
    land = land[ocean.nearest_sea_cell(*land.T, sea)[2] > INLAND_KM]
    nearest = cKDTree(land).query(table[["latitude", "longitude"]])[1]
    return pd.DataFrame(land[nearest], columns=["latitude", "longitude"])
