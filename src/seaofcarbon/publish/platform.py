"""The page "The data": counts, files with their checksums, how to cite, and a description that search engines read."""

import html
import json
from urllib.parse import urljoin

import pandas as pd

from seaofcarbon import __version__, catalog, files, ocean, records, run
from seaofcarbon.publish import datapage, downloads
from seaofcarbon.publish.markdown import markdown_table, plain
from seaofcarbon.vocabulary import FLAG_GOOD, FLAG_NOT_EVALUATED, TWIN_LABEL, VARIABLES

READS = (
    "records.parquet", "fluxes.parquet", "datapackage.json", "training.parquet", "model", "maps.nc", "totals.csv",
)  # fmt: skip
"""Artefacts that the page is made from."""

PAGE = "book/data.html"
"""Where the page stands in the book; its files lie in `_static/download` beside it."""

LICENCES = {
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/",
}

MEDIA = {
    ".parquet": "application/vnd.apache.parquet", ".gz": "application/gzip", ".csv": "text/csv",
    ".nc": "application/x-netcdf", ".zip": "application/zip", ".bib": "application/x-bibtex",
    ".json": "application/json",
}  # fmt: skip

VALIDATE = 'pip install "frictionless[pandas,parquet]"\nfrictionless validate datapackage.json'
"""Lines that check the files that are offered, in their folder."""

LANGUAGES = {"R": "r", "shell": "bash"}


def write(run_dir, static, site=("", "")):
    """Write the files of the page, and return its part that code makes, as Markdown.

    Parameters
    ----------
    run_dir : Path
    static : Path
        Folder of static files of the book: gets data.html and download/.
    site : tuple of str
        Address of the book and of the repository; empty where nobody knows yet.

    Returns
    -------
    str
    """
    this, card = run.read_run(run_dir), files.read_json(run.artefact(run_dir, "model") / "card.json")
    twin = this["profile"] == "twin"
    table = pd.read_parquet(run.artefact(run_dir, "records.parquet"))
    fluxes = pd.read_parquet(run.artefact(run_dir, "fluxes.parquet"))
    package = files.read_json(run.artefact(run_dir, "datapackage.json"))
    entries = _entries(run_dir)
    sources = catalog.sources_of(table, package, this["profile"], entries)
    if twin:
        sources = sources.assign(cite=sources["cite"].map(simulated))
    label = TWIN_LABEL if twin else ""
    size = datapage.data_page(table, fluxes, sources, static / "data.html", "Records and stations", label)
    offered = downloads.write(run_dir, static / "download", table, fluxes, sources, card["main_target"])
    described = dataset(table, offered, static / "download", site, label)
    _package(described, offered, sources, static / "download")
    title = "Frictionless data package of all these; the lines check every value against it, which takes minutes"
    offered.append(downloads.Download("datapackage.json", title, downloads.LICENCE, {"shell": VALIDATE}))
    parts = [
        _json_ld(described), _counts(table, fluxes, label), _interactive(size, sources),
        "## Downloads", _downloads(offered, static / "download", label, sources), "## Sources and how to cite them",
        _sources(sources, entries, twin), "## Version", _version(described, run_dir, this),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def simulated(cite):
    """Return how to cite a source of the twin: a layout that it was given is not the data that it is named after.

    >>> simulated("GEOTRACES Intermediate Data Product")
    'simulated, in the layout of GEOTRACES Intermediate Data Product; TWIN OCEAN, NOT OBSERVATIONS'
    >>> simulated("twin_TW028.csv")
    'twin_TW028.csv: simulated; TWIN OCEAN, NOT OBSERVATIONS'
    """
    if TWIN_LABEL in cite:
        return cite
    said = f"{cite}: simulated" if "twin" in cite.lower() else f"simulated, in the layout of {cite}"
    return f"{said}; {TWIN_LABEL}"


# --- The description ---------------------------------------------------------------------------------


def dataset(table, offered, folder, site=("", ""), label=""):
    """Describe the data as a schema.org Dataset.

    Parameters
    ----------
    table : DataFrame
        Universal records.
    offered : list of downloads.Download
    folder : Path
        Where the files lie.
    site : tuple of str
        Address of the book and of the repository. Without the first, addresses are relative to the page.
    label : str
        The twin's label, or nothing.

    Returns
    -------
    dict
    """
    base, repository = site
    page = urljoin(base, PAGE) if base else repository
    sound = table[table["flag"] <= FLAG_NOT_EVALUATED]  # a slip in a date or a place is no coverage
    where = [sound["latitude"].min(), sound["longitude"].min(), sound["latitude"].max(), sound["longitude"].max()]
    days = sound["time"].dropna().dt.strftime("%Y-%m-%d")
    citation = _citation()
    words = ", ".join(VARIABLES[name].long_name for name in sorted(table["variable"].unique()))
    about = f"{label}: simulated by a model ocean whose truth is known. " if label else ""
    about += (
        f"Measurements of thorium-234 in sea water and of the carbon that sinks with it: {len(table):,} records of "
        f"{records.cast_ids(table).nunique():,} casts in common units, each with its uncertainty, quality flag and the "
        f"cell of the source that holds it ({words}); fluxes of 234Th by cast and depth; monthly maps with 90 % "
        "intervals, and the models that drew them. Made by the Sea of Carbon compendium, which one command runs again."
    )
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": f"{label + ': ' if label else ''}Sea of Carbon, 234Th records, fluxes and maps",
        "description": about,
        **({"url": page} if page else {}),
        "identifier": citation.get("doi") or f"sha256:{files.sha256(folder / offered[0].name)}",
        "version": __version__,
        "license": LICENCES[downloads.LICENCE],
        "isAccessibleForFree": True,
        "keywords": citation.get("keywords", []),
        "creator": [
            {"@type": "Organization" if "name" in who else "Person", "name": who.get("name") or _person(who)}
            for who in citation["authors"]
        ],
        "variableMeasured": [
            {"@type": "PropertyValue", "name": name, "description": VARIABLES[name].long_name,
             "unitText": VARIABLES[name].unit}
            for name in sorted(table["variable"].unique())
        ],
        "spatialCoverage": {
            "@type": "Place", "geo": {"@type": "GeoShape", "box": " ".join(f"{x:.3f}" for x in where)},
        },
        "temporalCoverage": f"{days.min()}/{days.max()}",
        "distribution": [
            {"@type": "DataDownload", "name": one.title, "contentUrl": address(one.name, base),
             "encodingFormat": MEDIA[(folder / one.name).suffix],
             "contentSize": f"{(folder / one.name).stat().st_size} B",
             "sha256": files.sha256(folder / one.name)}
            for one in offered
        ],
    }  # fmt: skip


def address(name, base=""):
    """Return the address of a file that is offered; relative to the page where that of the book is not known."""
    path = f"_static/download/{name}"
    return urljoin(base, path) if base else f"../{path}"


def _person(who):
    return " ".join(filter(None, (who.get("given-names"), who.get("family-names"))))


def _citation():
    """Return CITATION.cff, the one place that names authors, keywords and, once there is one, the DOI."""
    import yaml

    path = run.home() / "CITATION.cff"
    told = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {"authors": [{"name": "Sea of Carbon contributors"}]} | told


def _json_ld(described):
    text = json.dumps(described, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'```{{raw}} html\n<script type="application/ld+json">{text}</script>\n```'


def _package(described, offered, sources, folder):
    """Write the Frictionless data package of what is offered."""
    resources = []
    for one in offered:
        path = folder / one.name
        parts = one.name.split(".")
        packed = parts[-1] == "gz"
        resource = {
            "name": one.name.replace(".", "-").replace("_", "-").lower(), "path": one.name, "title": one.title,
            "format": parts[-2] if packed else parts[-1], "mediatype": MEDIA[path.suffix],
            "hash": f"sha256:{files.sha256(path)}",
            "licenses": [{"name": name} for name in one.licence.split(" and ")],
        }  # fmt: skip
        if parts[-1] != "parquet":  # of these Frictionless counts no bytes, and would call any number wrong
            resource["bytes"] = path.stat().st_size
        resource |= {"compression": "gz"} if packed else {}
        resource |= {"encoding": "utf-8"} if "csv" in parts else {}
        resource |= {"schema": one.schema} if one.schema else {}
        resources.append(resource)
    passed = sources[sources["open"]]
    package = {
        "name": "sea-of-carbon", "title": described["name"], "description": described["description"],
        "version": described["version"], "keywords": described["keywords"],
        "licenses": [{"name": downloads.LICENCE, "path": LICENCES[downloads.LICENCE]}],
        "sources": [{"title": f"{row.source_id}: {row.cite} ({row.licence})"} for row in passed.itertuples()],
        "resources": resources,
    }  # fmt: skip
    files.write_json(package, folder / "datapackage.json")


# --- The page ----------------------------------------------------------------------------------------


def counts_by(table, key):
    """Count records, casts and sources, and records by flag, for each value of a column; the table has `cast`."""
    table = table.assign(good=table["flag"] == FLAG_GOOD, doubted=table["flag"] > FLAG_NOT_EVALUATED)
    table["not checked"] = table["flag"] == FLAG_NOT_EVALUATED
    counts = table.groupby(key).agg(
        records=("flag", "size"), casts=("cast", "nunique"), sources=("source_id", "nunique"),
    )  # fmt: skip
    flags = table.groupby(key)[["good", "not checked", "doubted"]].sum()
    return counts.join(flags).sort_values("records", ascending=False).reset_index()


def _counts(table, fluxes, label):
    seas = pd.Series(datapage.NOWHERE, index=table.index)
    placed = table["latitude"].notna() & table["longitude"].notna()
    seas[placed] = ocean.basin(table.loc[placed, "latitude"], table.loc[placed, "longitude"])
    table = table.assign(cast=records.cast_ids(table), ocean=seas)
    known = fluxes["th234_flux"].notna()
    said = (
        f"{label + ': ' if label else ''}**{len(table):,} records** of {table['cast'].nunique():,} casts, "
        f"{table['cruise'].nunique():,} cruises and {table['source_id'].nunique():,} sources. From them come "
        f"{known.sum():,} fluxes of ²³⁴Th in {fluxes.loc[known, 'cast_id'].nunique():,} casts; {(~known).sum():,} more "
        "rows of the fluxes say why there is none."
    )
    by_variable, by_ocean = counts_by(table, "variable"), counts_by(table, "ocean")
    units = by_variable["variable"].map(lambda name: VARIABLES[name].unit)
    by_variable = by_variable.drop(columns="sources")  # what is left fits beside the contents of the page
    by_variable.insert(1, "unit", units)
    flags = "*Doubted* are records flagged questionable, bad or missing; *not checked* are those that nobody flagged."
    return f"{said}\n\n{markdown_table(by_variable)}\n\n{markdown_table(by_ocean)}\n\n{flags}"


def _interactive(size, sources):
    closed = sources[~sources["open"]]
    link = (
        f'<a href="../_static/data.html">Table and map of all stations</a> ({size / 1e6:.1f} MB, one file, no network)'
    )
    said = f"**Look for yourself**: {link}. Filter by ocean, year, quantity, source and flag; click a station for its "
    said += "cast and its flux; save what you chose."
    if len(closed):
        said += f" The values of {plain(', '.join(closed['source_id']))} are only counted there: their licence asks it."
    return said


def _downloads(offered, folder, label, sources):
    blocks = []
    if label:
        blocks.append(f"All files are of the twin: {label}.")
    if not sources["open"].all():
        left = sources[~sources["open"]]
        blocks.append(
            f"Left out are {left['n_records'].sum():,} records of {files.counted(len(left), 'source')}, and "
            "what single values of them would show. Fetch them yourself, then run the book: you get the whole tables."
        )
    for one in offered:
        path = folder / one.name
        link = f'<a href="{address(one.name)}" download>{html.escape(one.name)}</a>'
        facts = f"{_size(path.stat().st_size)}. {one.licence}. SHA-256 `{files.sha256(path)}`"
        lines = [f"```{LANGUAGES.get(name, 'python')}\n{line}\n```" for name, line in one.lines.items()]
        blocks += [f"### {one.name}", f"{one.title}. {link}, {facts}.", *lines]
        if one.schema and not one.name.endswith(".csv.gz"):  # it has the columns of the Parquet file
            fields = pd.DataFrame(one.schema["fields"]).reindex(columns=["name", "type", "title"])
            blocks.append(f":::{{dropdown}} Columns of {one.name}\n{markdown_table(fields)}\n:::")
    return "\n\n".join(blocks)


def _size(n):
    return f"{n / 1e6:.1f} MB" if n >= 1e5 else f"{n / 1e3:.0f} kB"


def _entries(run_dir):
    """Return what the catalogue says of the data that the run read."""
    known = set(catalog.list_entries()["name"])
    return [catalog.show(name) for name in run.cited(run_dir) if name in known]


def _sources(sources, cited, twin):
    rows = pd.DataFrame(
        {
            "Source": sources["source_id"].map(plain),
            "Records": sources["n_records"],
            "Licence": sources["licence"].map(plain),
            "Values passed on": sources["open"].map({True: "yes", False: "no: cite and fetch"}),
            "Cite": sources["cite"].map(plain),
        }
    )
    table = markdown_table(rows)
    if twin:
        table = f":::{{dropdown}} The {len(sources)} simulated sources of the twin\n{table}\n:::"
    entries = pd.DataFrame(
        {
            "Entry": [f"`{entry['name']}`" for entry in cited],
            "Cite": [entry["citation"] for entry in cited],
            "Licence": [entry["licence"] for entry in cited],
            "How to get it": [entry.get("get") or "embedded" for entry in cited],
        }
    )
    fetch = "`seaofcarbon catalog fetch NAME` gets an entry once and checks its bytes; "
    fetch += "`seaofcarbon catalog cite NAME` gives BibTeX."
    return (
        f"{table}\n\nData that the run read, by their names in the catalogue:\n\n{markdown_table(entries)}\n\n{fetch}"
    )


def _version(described, run_dir, this):
    rows = [
        ("Package", __version__),
        ("Run", f"{run_dir.name}, profile {this['profile']}"),
        ("Identifier", f"`{described['identifier']}`"),
        ("Coverage in time", described["temporalCoverage"].replace("/", " to ")),
        ("Box: south, west, north, east", described["spatialCoverage"]["geo"]["box"]),
    ]
    return "\n".join(f"- {what}: {value}" for what, value in rows)
