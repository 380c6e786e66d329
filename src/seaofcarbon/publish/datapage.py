"""One page with every record of a run: a table and a map that filter, casts that open; it needs no network."""

import base64
import html
import json
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from seaofcarbon import ocean, records
from seaofcarbon.files import atomic
from seaofcarbon.plot import interactive
from seaofcarbon.vocabulary import FLAG_BAD, FLAG_QUESTIONABLE, FLAGS, VARIABLES

PARTS = Path(__file__).parent / "page"

NOWHERE = "no place"
"""Ocean of records whose place nobody knows."""

NOT_PASSED_ON = (
    "Of sources whose licence does not allow it, only the number of values of a cast is shown (n_values of the saved "
    "CSV), and who has them."
)

PLANTED = (
    "Dots inland and dates in years to come are mistakes that the twin ocean was given, to be found: their records are "
    f"flagged {FLAGS[FLAG_QUESTIONABLE]} or {FLAGS[FLAG_BAD]}, and the filter of flags leaves them out."
)
"""Stands beside the twin's map."""


def data_page(table, fluxes, sources, path, title="", label=""):
    """Write all records and their fluxes as one HTML file that needs no network.

    Parameters
    ----------
    table : DataFrame
        Universal records.
    fluxes : DataFrame
        As `flux.fluxes` gives it.
    sources : DataFrame
        source_id, cite (how to cite it) and `open` (may its values be passed on?). Of others, only how many values a
        cast has is in the file: no value, no depth, no flux.
    path : str or Path
        File to write.
    title, label : str
        Heading, and the twin's label or nothing: text, never HTML.

    Returns
    -------
    int
        Size of the file in bytes.
    """
    closed = not sources["open"].all()
    parts = {
        "title": html.escape(title),
        "label": f'<p class="label" role="note">{html.escape(label)}</p>' if label else "",
        "flags": html.escape(", ".join(f"{n} {word}" for n, word in FLAGS.items())),
        "planted": PLANTED if label else "",
        "closed": html.escape(NOT_PASSED_ON if closed else ""),
        "packed": pack(*content(table, fluxes, sources, label)),
        "style": (interactive.PARTS / "page.css").read_text(encoding="utf-8")
        + (PARTS / "page.css").read_text(encoding="utf-8"),
    }
    text = interactive.filled(PARTS, parts)
    with atomic(path) as temporary:
        temporary.write_bytes(text)
    return len(text)


def content(table, fluxes, sources, label=""):
    """Return what the page knows: words and places (dict), and numbers by record and by flux (dict of arrays)."""
    may = dict(zip(sources["source_id"], sources["open"], strict=True))
    table = table.assign(cast=records.cast_ids(table), n=1)
    own = table["source_id"].map(may).fillna(False).astype(bool)
    table = pd.concat([table[own], _counted(table[~own])], ignore_index=True)
    table = table.sort_values(["cast", "variable", "depth_m"], kind="stable", ignore_index=True)
    casts = table.drop_duplicates("cast", ignore_index=True)
    place = pd.Series(np.arange(len(casts)), index=casts["cast"])
    known = fluxes["source_id"].map(may).fillna(False).astype(bool) & fluxes["cast_id"].isin(place.index)
    known &= fluxes["th234_flux"].notna()
    fluxes = fluxes[known].assign(cast=lambda df: df["cast_id"].map(place)).sort_values(["cast", "depth_m"])
    names, words = {}, {}
    for name in ("variable", "source_id"):
        names[name], words[name] = pd.factorize(table[name], sort=True)
    for name in ("depth_kind", "reason"):
        names[name], words[name] = pd.factorize(fluxes[name].fillna(""))
    seas = np.where(casts["latitude"].notna(), ocean.basin(casts["latitude"], casts["longitude"]), NOWHERE)
    sea, sea_names = pd.factorize(seas, sort=True)
    cites = sources.set_index("source_id")["cite"]
    years = table.loc[table["flag"] != FLAG_BAD, "time"].dt.year.dropna().astype(int)
    facts = {
        "label": label,
        "variables": [
            [VARIABLES[v].long_name.replace("234Th", "²³⁴Th"), interactive.unit_text(VARIABLES[v].unit), v]
            for v in words["variable"]
        ],
        "sources": [[s, cites.get(s, ""), bool(may.get(s))] for s in words["source_id"]],
        "flags": {str(number): word for number, word in FLAGS.items()},
        "years": [int(years.min()), int(years.max())] if len(years) else ["", ""],
        "oceans": sea_names.tolist(),
        "kinds": words["depth_kind"].tolist(),
        "reasons": words["reason"].tolist(),
        "casts": {
            "cruise": casts["cruise"].fillna("").tolist(),
            "station": casts["station"].fillna("").tolist(),
            "time": casts["time"].dt.strftime("%Y-%m-%d").fillna("").tolist(),
            "lat": _plain(casts["latitude"]),
            "lon": _plain(casts["longitude"]),
            "ocean": sea.tolist(),
        },
        "land": interactive._lines("land") + interactive._lakes(),
    }
    arrays = {
        "cast": table["cast"].map(place).to_numpy("uint32"),
        "variable": names["variable"].astype("uint8"),
        "source": names["source_id"].astype("uint16"),
        "flag": table["flag"].to_numpy("uint8"),
        "n": table["n"].to_numpy("uint16"),
        "depth": table["depth_m"].to_numpy("float32"),
        "value": table["value"].to_numpy("float32"),
        "sigma": table["sigma"].to_numpy("float32"),
        "fluxCast": fluxes["cast"].to_numpy("uint32"),
        "fluxKind": names["depth_kind"].astype("uint8"),
        "fluxReason": names["reason"].astype("uint16"),
        "fluxFlag": fluxes["flag"].to_numpy("uint8"),
        "fluxDepth": fluxes["depth_m"].to_numpy("float32"),
        "flux": fluxes["th234_flux"].to_numpy("float32"),
        "fluxSigma": fluxes["th234_flux_sigma"].to_numpy("float32"),
    }
    return facts, arrays


def _counted(table):
    """One row for each cast and quantity: how many values there are, not which, nor where in the cast."""
    keys = ["cast", "variable", "source_id", "flag"]
    heads = table.drop_duplicates(keys)[[*keys, "cruise", "station", "time", "latitude", "longitude"]]
    counted = heads.merge(table.groupby(keys).size().rename("n").reset_index(), on=keys)
    return counted.assign(depth_m=np.nan, value=np.nan, sigma=np.nan)


def _plain(column):
    return [None if np.isnan(x) else x for x in column.round(3)]


def pack(facts, arrays):
    """Pack words and arrays as base64 of deflated bytes: the facts' length, the facts, the bytes of each array.

    Bytes of numbers stand plane by plane, all lowest ones first: so they deflate well.
    """
    layout = {name: [str(array.dtype), len(array)] for name, array in arrays.items()}
    head = json.dumps(facts | {"layout": layout}, ensure_ascii=False, separators=(",", ":")).encode()
    planes = [np.ascontiguousarray(a).view("u1").reshape(len(a), a.itemsize).T.tobytes() for a in arrays.values()]
    raw = len(head).to_bytes(4, "little") + head + b"".join(planes)
    return base64.b64encode(zlib.compress(raw, 9)).decode()
