"""What a column is: headers as people write them -> variables of the vocabulary, fields of the record, units."""

import re
from dataclasses import dataclass

from seaofcarbon.digitise import units
from seaofcarbon.vocabulary import VARIABLES

SIZED = ("c_th", "poc", "th234_particulate")

QUANTITIES = (
    ("c_th", r"\b(poc|c) ?[/: ] ?(234 ?th|th ?234|th)\b"),
    ("th234_flux", r"(234 ?th|th ?234).*flux|flux.*(234 ?th|th ?234)"),
    ("poc_flux", r"\bpoc\b.*flux|flux.*\bpoc\b"),
    ("th234_dissolved", r"diss.*(234 ?th|th ?234)|(234 ?th|th ?234).*\bd(iss\w*)?\b"),
    ("th234_particulate", r"part.*(234 ?th|th ?234)|(234 ?th|th ?234).*(\bp(art\w*)?\b|small|large)"),
    ("th234_total", r"234 ?th|th ?234"),  # a bare 234Th is the total
    ("u238", r"238 ?u\b|\bu ?238"),
    ("poc", r"\bpoc\b"),
    ("salinity", r"^(ctd ?)?sal(inity)?\b"),
    ("temperature", r"^(ctd ?)?temp(erature)?\b"),
    ("nitrate", r"^(nitrate|no3)\b|^\[no3\]"),
    ("chlorophyll", r"^(chl a|chlorophyll a?)\b"),
    ("fluorescence", r"^fluorescence\b"),
    ("npp", r"^(npp|net primary production)\b"),
)
"""Pattern of each quantity, in order: the first that is found wins. Sized ones need _small or _large, or neither."""

FIELDS = (
    ("latitude", r"^lat(itude)?\b"),
    ("longitude", r"^lon(g|gitude)?\b"),
    ("depth_m", r"^(depth( water)?|(sampling|bottle|sample) depth)( m)?$"),
    ("time_end", r"^date/time end"),
    ("time", r"^(date/time( utc)?|(sampling )?date( time)?( utc)?|time utc|iso datetime( utc)?)$"),
    ("year", r"^(sampling )?year$"),
    ("month", r"^(sampling )?month$"),
    ("day", r"^(sampling )?day$"),
    ("ocean", r"^ocean$"),
    ("cruise", r"^cruise( id( 1)?)?$|^campaign$"),
    ("station", r"^station( id| no)?$"),
    ("event", r"^event$"),
    ("sample_id", r"^(sample|bottle)( id| no)$"),
    ("replicate", r"^replicate$"),
    ("source_doi", r"^(source |data |reference )?doi$"),
    ("reference", r"^reference(/source)?$"),
)

SIGMA = r"^uncert|\bstd (dev|err?)|\bst dev|\buncert(ainty)?\b|\bsigma\b|^1sd\b|\b1 ?sd\b|^err(or)?\b|\berror$"
SMALL = r"small|[<] ?5\d|(0[.]\d+|1)[- ]5\d"
LARGE = r"large|[>] ?5\d"


@dataclass(frozen=True)
class Meaning:
    """What a header says: a quantity or a field of the record, its printed unit, and whether it is an uncertainty."""

    variable: str = ""
    field: str = ""
    unit: str = ""
    is_sigma: bool = False
    size_min_um: float = float("nan")
    size_max_um: float = float("nan")


_SQUARE = re.compile(r"^(?P<name>[^\[]*)\[(?P<unit>[^\]]*)\]\s*(?P<comment>.*)$")
_ROUND = re.compile(r"^(?P<name>[^(]*)\((?P<inside>[^)]*)\)\s*(?P<rest>.*)$")
_UNIT_AT_END = re.compile(r"^(?P<name>.*?)[ _](?P<unit>[a-zµμ]{1,5}/[A-Za-z0-9/]{1,8})$")


def squeeze(text):
    """Fold case, blanks, underscores and spellings of micro."""
    text = text.replace("µ", "u").replace("μ", "u").replace("_", " ").replace("\u00a0", " ")
    return re.sub(r"\s+", " ", text).strip().lower()


def split_header(header):
    """Split a header into name, unit and comment.

    Square brackets hold a unit; round ones hold one if it looks so, else a comment.

    >>> split_header("234Th [dpm/l] (total)")
    ('234Th', 'dpm/l', 'total')
    >>> split_header("POC/Th_large(umol/dpm)")
    ('POC/Th_large', 'umol/dpm', '')
    >>> split_header("Total_234Th_dpm/L")
    ('Total_234Th', 'dpm/L', '')
    """
    header = header.strip()
    if found := _SQUARE.match(header):
        return found["name"].strip(), found["unit"].strip(), found["comment"].strip().strip("()")
    if found := _ROUND.match(header):
        name, inside, rest = found["name"].strip(), found["inside"].strip(), found["rest"].strip().strip("()")
        if "/" in inside or units.known(inside) or inside == "m":
            return name, inside, rest
        return name, "", f"{inside} {rest}".strip()
    if found := _UNIT_AT_END.match(header):
        return found["name"], found["unit"], ""
    return header, "", ""


def meaning(header):
    """Tell what a column holds from its header.

    Parameters
    ----------
    header : str
        As printed, with unit and comment.

    Returns
    -------
    Meaning
        Empty when the header is not understood.

    Examples
    --------
    >>> meaning("POC/Th_large(umol/dpm)").variable
    'c_th_large'
    >>> meaning("uncert_part234Th_small").is_sigma
    True
    """
    name, unit, comment = split_header(header)
    for field, pattern in FIELDS:
        if re.search(pattern, squeeze(name)):
            return Meaning(field=field, unit=unit)
    text = squeeze(f"{name} {comment}")
    sigma = bool(re.search(SIGMA, text)) or unit == "±"
    bare = re.sub(r"^uncert(ainty)? ", "", text)
    variable = next((name for name, pattern in QUANTITIES if re.search(pattern, bare)), "")
    if variable in SIZED:
        size = "_small" if re.search(SMALL, bare) else "_large" if re.search(LARGE, bare) else ""
        variable = variable + size
    if variable not in VARIABLES:  # bulk POC, or nothing we know
        return Meaning(unit=unit, is_sigma=sigma)
    low, high = _sizes(bare)
    return Meaning(variable, "", unit, sigma, low, high)


def _sizes(text):
    """Find the size limits of particles (um) in a squeezed header: `>53 um`, `1-53 um`, `<51`."""
    nan = float("nan")
    if found := re.search(r"(\d+(?:[.]\d+)?) ?- ?(\d+(?:[.]\d+)?) ?um", text):
        return float(found[1]), float(found[2])
    if found := re.search(r"([<>]) ?(\d+(?:[.]\d+)?)", text):
        return (float(found[2]), nan) if found[1] == ">" else (nan, float(found[2]))
    return nan, nan
