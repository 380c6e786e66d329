"""Tables of the edition for the pages in Spanish: names of months and sites, decimal commas."""

import pandas as pd

from seaofcarbon.files import read_csv, read_json
from seaofcarbon.publish.markdown import markdown_table

MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip

ENGLISH = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
"""Months as the numbers of the edition name them."""

SITES = {
    "Gulf of Cadiz": "Golfo de Cádiz",
    "Alboran Sea": "Mar de Alborán (oeste)",
    "Eastern Alboran Sea": "Mar de Alborán (este)",
}
"""Sites of the edition by their names in Spanish."""


def number(value, digits=1):
    """Return a number as it is written in Spanish.

    >>> number(7.64)
    '7,6'
    """
    return f"{value:.{digits}f}".replace(".", ",")


def month(name):
    """Return the Spanish name of an English month.

    >>> month("May")
    'mayo'
    """
    return MONTHS[ENGLISH.index(name)]


def summary(folder):
    """Return one row a site: what the model expects of its year at 100 m, and how sure that is, as Markdown."""
    told = read_json(folder / "numbers.json")["andalusia"]
    rows = []
    for site in (part for part in told.values() if isinstance(part, dict) and "name" in part):
        at = site["at100"]
        rows.append({
            "Sitio": f"**{SITES[site['name']]}**",
            "Media del año": number(at["mean"]),
            "Una medida suelta, 9 de cada 10 veces": f"entre {number(at['low'])} y {number(at['high'], 0)}",
            "Máximo y mínimo": f"{month(at['most'])}; {month(at['least'])}",
            "Meses dentro del área": f"{at['inside']} de {at['months']}",
        })  # fmt: skip
    return markdown_table(pd.DataFrame(rows))


def months(folder):
    """Return the year at 100 m by month and site, with the interval of a measurement, as Markdown."""
    table = read_csv(folder / "sites.csv")
    table = table[(table["layer"] == "100 m") & table["poc_flux"].notna()]
    ends = zip(table["poc_flux"], table["poc_flux_lower"], table["poc_flux_upper"], table["applicable"], strict=True)
    said = [f"{number(v)} ({number(low)} a {number(high, 0)}){'' if ok == 1 else ' *'}" for v, low, high, ok in ends]
    wide = table.assign(said=said).pivot(index="month", columns="site", values="said")
    wide = wide[sorted(wide, key=list(SITES).index)].rename(columns=SITES)
    wide.insert(0, "Mes", [MONTHS[int(m) - 1] for m in wide.index])
    return markdown_table(wide)
