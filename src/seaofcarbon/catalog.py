"""The one door to data: what there is, where it lies, that its bytes are right, how to cite it, what may be passed on.

The entries stand in `catalogs/*.yml` (intake 2), which plain `intake.open_catalog` opens as well.
"""

import functools
import re
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
import yaml

from seaofcarbon import files
from seaofcarbon.files import UserError

REPOSITORY = Path(__file__).parents[2]
PACKAGED = Path(__file__).parent / "catalogs"
"""Where the catalogues lie in an installation that is not the repository itself."""

CATALOGUES = ("observations", "ocean", "products")


def folder():
    """Return the folder of the catalogues."""
    return REPOSITORY / "catalogs" if (REPOSITORY / "catalogs" / "main.yml").is_file() else PACKAGED


@functools.cache
def _entries():
    """Return name -> metadata of every entry, with the catalogue it stands in."""
    found = {}
    for catalogue in CATALOGUES:
        content = yaml.safe_load((folder() / f"{catalogue}.yml").read_text(encoding="utf-8"))
        found |= {name: {"catalogue": catalogue, **e["metadata"]} for name, e in content["entries"].items()}
    return found


def show(name):
    """Return what the catalogue says of an entry.

    Parameters
    ----------
    name : str

    Returns
    -------
    dict
        description, citation, licence, units, and as far as they apply doi, url, sha256, filename, get.

    Raises
    ------
    UserError
        When there is no such entry.

    Examples
    --------
    >>> show("climatology")["catalogue"]
    'ocean'
    """
    if name not in _entries():
        raise _no_entry(name, _entries())
    return {"name": name, **_entries()[name]}


def _no_entry(name, known):
    """Return the error for a name that is not known."""
    return UserError(f"no entry {name!r} in the catalogue{files.suggest(name, known)} (`catalog list` names them all)")


def list_entries():
    """Return a table of all entries: name, catalogue, description, licence, doi, here (is a local copy there?).

    Returns
    -------
    DataFrame
    """
    rows = [show(name) for name in _entries()]
    table = pd.DataFrame(rows).reindex(columns=["name", "catalogue", "description", "licence", "doi"]).fillna("")
    return table.assign(here=[_local(row) is not None for row in rows])


# --- Files ---------------------------------------------------------------------------------------


def _expected(entry, run="twin"):
    """Return the path where the file of an entry belongs."""
    if "embedded" in entry:
        return files.safe_join(files.EMBEDDED, entry["embedded"])
    base = REPOSITORY if folder() != PACKAGED else Path.cwd()
    if "frozen" in entry:
        return files.safe_join(base / "book" / "edition", entry["frozen"])
    if "artefact" in entry:
        return files.safe_join(files.safe_join(base / "runs", run), entry["artefact"])
    return files.safe_join(files.data_dir(), entry["filename"])


def _local(entry, run="twin"):
    """Return the path of the file if it is there; people save workbooks under names of their own."""
    expected = _expected(entry, run)
    if expected.is_file():
        return expected
    others = sorted(files.data_dir().glob(entry["pattern"])) if "pattern" in entry else []
    return others[0] if others else None


@functools.lru_cache(maxsize=64)
def _digest(path, size, changed):
    """Return the digest of a file, read once as long as it does not change."""
    return files.sha256(path)


def _verified(entry, path):
    """Return the path, when its bytes are those of the catalogue."""
    state = path.stat()
    if "sha256" in entry and _digest(path, state.st_size, state.st_mtime_ns) != entry["sha256"]:
        raise UserError(f"{path} is not the file of catalogue entry {entry['name']} (its sha256 differs): remove it")
    return path


def fetch(name):
    """Return the local path of an entry's file, downloaded once into `files.data_dir()` and checked.

    Parameters
    ----------
    name : str

    Returns
    -------
    Path

    Raises
    ------
    UserError
        When the file is not there and cannot be fetched, or is not the one of the catalogue.
    """
    return path(name)


def path(name, run="twin"):
    """Return the local path of an entry's file; a remote one is fetched first.

    Parameters
    ----------
    name : str
    run : str
        For products, the run in whose folder they are looked for.

    Returns
    -------
    Path

    Raises
    ------
    UserError
        Naming the file that is missing, where it can be got and where to put it.
    """
    entry = show(name)
    found = _local(entry, run)
    if found is not None:
        return _verified(entry, found)
    expected = _expected(entry, run)
    if "artefact" in entry:
        raise UserError(f"{expected} is missing: `seaofcarbon run all --name {run}` makes it")
    if "frozen" in entry:
        raise UserError(f"{expected} is missing: it comes with the repository, and `make edition` makes it again")
    if "url" not in entry:
        raise UserError(f"{name}: {expected} is missing: {entry.get('get', 'reinstall the package')}, and put it there")
    return _download(entry, expected)


def _download(entry, target):
    """Fetch one file whole, or say where it can be got and where to put it."""
    import pooch

    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(entry["url"], f"sha256:{entry['sha256']}", fname=target.name, path=target.parent)
    except (OSError, ValueError) as problem:  # requests' errors are OSErrors; a wrong hash is a ValueError
        why = "its bytes are not those of the catalogue" if isinstance(problem, ValueError) else type(problem).__name__
        raise UserError(
            f"{entry['name']}: {target} is missing and could not be fetched ({why}): "
            f"get it from {entry['url']} and put it there"
        ) from None
    return target


def way_to(name):
    """Say in words how the file of an entry is got.

    >>> way_to("mouw2016")
    '`seaofcarbon catalog fetch mouw2016` fetches it'
    """
    entry = show(name)
    if "artefact" in entry:
        return "`seaofcarbon run all` makes it"
    if "frozen" in entry:
        return "it comes with the repository, and `make edition` makes it again"
    return (
        f"`seaofcarbon catalog fetch {name}` fetches it"
        if "url" in entry
        else entry.get("get", "reinstall the package")
    )


def open_entry(name, run="twin"):
    """Open an entry with intake, fetched and checked: a DataFrame or a Dataset, as the file has it.

    Parameters
    ----------
    name : str
    run : str
        For products, the run they come from.

    Returns
    -------
    pandas.DataFrame or xarray.Dataset
    """
    import intake

    local = path(name, run)
    reader = intake.open_catalog(str(folder() / f"{show(name)['catalogue']}.yml"))[name]
    reader.data.url = str(local)
    return reader.read()


# --- Fields of the sea -----------------------------------------------------------------------------


def _on_all_depths(nitrate, depth):
    """Put nitrate of four depths on all: linear between them, the deepest value below.

    Where the sea floor lies between two of the four, the value above it is kept.
    """
    values = nitrate.values.copy()
    for level in range(1, values.shape[1]):
        missing = np.isnan(values[:, level])
        values[:, level][missing] = values[:, level - 1][missing]
    where = np.interp(depth, nitrate["nitrate_depth"], np.arange(values.shape[1]))
    upper = np.minimum(where.astype(int), values.shape[1] - 2)
    weight = (where - upper).astype(np.float32)[:, None, None]
    return values[:, upper] * (1 - weight) + values[:, upper + 1] * weight


def climatology():
    """Return the embedded climatology: real fields of the sea on a 1-degree grid, NaN on land.

    Returns
    -------
    xarray.Dataset
        float32; temperature, nitrate (month, depth, lat, lon), salinity (depth, lat, lon), sst, mixed_layer_depth, par
        (month, lat, lon), bottom_depth (lat, lon); 12 months, 12 depths of 0-300 m. Nitrate is known at 0, 50, 100 and
        200 m and linear between; PAR is missing in polar night and under ice.
    """
    with xr.open_dataset(path("climatology"), engine="netcdf4") as opened:
        ds = opened.load()
    nitrate = _on_all_depths(ds["nitrate"], ds["depth"])
    ds["nitrate"] = ds["temperature"].dims, nitrate, ds["nitrate"].attrs
    ds["nitrate"] = ds["nitrate"].where(ds["temperature"].notnull())
    return ds.drop_vars("nitrate_depth")


def chlorophyll():
    """Return satellite chlorophyll by month on the grid of the climatology, NaN on land.

    Returns
    -------
    xarray.DataArray, dims (month, lat, lon)
        mg m-3, SeaWiFS climatology (Sweeney et al. 2005), which is filled in polar night and under ice.
    """
    with xr.open_dataset(path("sweeney_chlorophyll"), engine="netcdf4", decode_times=False) as opened:
        chl = opened["chl"].load()
    with xr.open_dataset(path("climatology"), engine="netcdf4") as opened:
        sea = opened["bottom_depth"].notnull().load()
    chl = chl.rename(TIME="month").assign_coords(month=np.arange(1, 13), lon=(chl["lon"] + 180.0) % 360.0 - 180.0)
    chl = chl.sortby("lon").assign_coords(lat=sea["lat"].values, lon=sea["lon"].values)
    chl.attrs = {"units": "mg m-3", "long_name": "chlorophyll-a concentration"}
    return chl.where(sea).rename("chlorophyll")


# --- What may be passed on ---------------------------------------------------------------------------

OPEN = re.compile(r"CC-BY-\d\.\d|CC0-\d\.\d|public domain\b.*", re.IGNORECASE)
"""Licences under which values are passed on, with the names of those who measured. All others: cite and link only."""

LICENCE = "CC-BY-4.0"
"""Of what this project makes; what it passes on keeps its own beside it."""


def may_pass_on(licence):
    """Tell whether values under a licence may be passed on.

    >>> [may_pass_on(name) for name in ("CC-BY-3.0", "CC-BY-NC-4.0", "GEOTRACES IDP terms", "not stated", None)]
    [True, False, False, False, False]
    """
    return bool(OPEN.fullmatch(str(licence or "").strip()))


def sources_of(table, package, profile, entries=()):
    """Return the sources of some records: how to cite each, its licence, and whether its values may be passed on.

    Parameters
    ----------
    table : DataFrame
        Universal records.
    package : dict
        The data package of the run: `sources` with title, path (DOI or file) and licence.
    profile : {"twin", "real"}
        Everything in the twin ocean was made by this project.
    entries : list of dict
        From `show`: they know better how to cite, and their licence must be open, too.

    Returns
    -------
    DataFrame
        source_id, cite, licence, open, n_records. A source that the package does not name has no licence, and is not
        passed on; where two have one name, both must be open.
    """
    counts = table["source_id"].value_counts(sort=False).sort_index()
    told = [(name, source) for source in package["sources"] for name in _names(source["path"])]
    listed = [(name, entry) for entry in entries for name in _names(entry.get("doi") or entry.get("filename") or "")]
    rows = []
    for source_id, n in counts.items():
        mine = [source for name, source in told if name == source_id]
        known = [entry for name, entry in listed if name == source_id]
        licences = sorted({one.get("licence") or "not stated" for one in [*mine, *known]}) or ["not stated"]
        if profile == "twin":
            licences = [LICENCE]
        rows.append(
            {
                "source_id": source_id,
                "cite": "; ".join(
                    dict.fromkeys([entry["citation"] for entry in known] or [source["title"] for source in mine])
                ),
                "licence": "; ".join(licences),
                "open": all(map(may_pass_on, licences)),
                "n_records": n,
            }
        )
    return pd.DataFrame(rows, columns=["source_id", "cite", "licence", "open", "n_records"])


def _names(path):
    """Return the names that a source may go by in records: a DOI without its prefix, a file without its endings."""
    last = str(path).split("/")[-1]
    return {last} if str(path).startswith("10.") else {last, last.split(".")[0]}


# --- Citations ---------------------------------------------------------------------------------------


@functools.cache
def _bibliography():
    """Return key -> BibTeX entry of the book's bibliography."""
    places = (REPOSITORY / "book" / "references.bib", PACKAGED / "references.bib")
    text = next(p for p in places if p.is_file()).read_text(encoding="utf-8")
    found = re.findall(r"^(@\w+\{([^,\s]+),.*?^\})", text, flags=re.MULTILINE | re.DOTALL)
    return {key: entry for entry, key in found}


def cite(names):
    """Return the BibTeX of what should be cited when the entries are used.

    Parameters
    ----------
    names : str or list of str
        Names of entries, or keys of the bibliography (methods).

    Returns
    -------
    str

    Raises
    ------
    UserError
        When a name is neither an entry nor a key.

    Examples
    --------
    >>> cite("owens2011").split(",")[0]
    '@article{owens2011'
    """
    keys, notes = [], []
    for name in [names] if isinstance(names, str) else names:
        if name in _entries():
            keys += show(name)["cite"]
            notes += [] if show(name)["cite"] else [f"% {name}: {show(name)['citation']}"]
        elif name in _bibliography():
            keys.append(name)
        else:
            raise _no_entry(name, [*_entries(), *_bibliography()])
    return "\n\n".join([*notes, *(_bibliography()[key] for key in dict.fromkeys(keys))]) + "\n"
