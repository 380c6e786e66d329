"""What a column is: headers as people write them -> variables of the vocabulary, fields of the record, units."""

import re
from dataclasses import dataclass
from functools import lru_cache

from seaofcarbon.digitise import units
from seaofcarbon.vocabulary import VARIABLES

LONGEST = 300
"""Longer headers are cut: no name is so long."""

SIZED = ("c_th", "poc", "th234_particulate")

TH = r"(?:(?<!\d)234[- ]?th(?![a-z])|(?<![a-z])th[- ]?234(?!\d))"
U = r"(?:(?<!\d)238[- ]?u(?![a-z])|(?<![a-z])u[- ]?238(?!\d))"

QUANTITIES = (
    ("c_th", rf"\b(?:p?oc|c) ?(?:[/:-]|to\b|per\b)? ?(?:{TH}|th\b(?![- ]?2))"),
    ("poc_flux", r"\bpoc\b.*(?:flux|export)|(?:flux|export).*\bpoc\b"),
    ("th234_flux", rf"{TH}.*(?:flux|export)|(?:flux|export).*{TH}"),
    ("", rf"flux|export|[/:] ?(?:{TH}|{U})|(?:{TH}|{U}) ?[/:]|\bratio\b"),  # what else is a flux or a ratio: nothing
    ("th234_dissolved", rf"diss.*{TH}|{TH}.*\bd(?:iss\w*)?\b"),
    ("th234_particulate", rf"part.*{TH}|{TH}.*(?:\bt?p(?:art\w*)?\b|small|large|\b[sl]pt\b|\b[sl]sf\b)"),
    ("th234_total", TH),  # a bare 234Th is the total
    ("u238", U),
    ("poc", r"\bpoc\b"),
    ("salinity", r"^(?:ctd ?)?sal(?:inity)?\b"),
    ("temperature", r"^(?:ctd ?)?temp(?:erature)?\b(?!.*\b(?:pot|potential|air)\b)"),
    ("nitrate", r"^(?:nitrate|no3)\b(?!.*(?:nitrite|no2))|^\[no3\]"),
    ("chlorophyll", r"^(?:tot )?chl(?:orophyll)?\b(?![ -]?[b-z]\d?\b)"),
    ("fluorescence", r"^fluorescence\b"),
    ("npp", r"^(?:npp|net primary production)\b"),
)
"""Pattern of each quantity, in order: the first that is found wins. Sized ones need _small or _large, or neither."""

_THORIUM = QUANTITIES[4:7]

ABOUT = (
    r"\b(?:flags?|qf|qc|qv|quality|code|deficit|excess|xs|disequilibrium|efficiency|recovery|yield|blank|background|counts?"
    r"|limit|model(?:led|ed)?|predicted|expected|standard (?!dev|err)|sediment|uncorrected|residual"
    r"|difference|upwelling"
    r"|vol(?:ume)?|date|time|method|inventory|residence|ref(?:erence)?|comments?|notes?|lab|id|n|number|depth|max(?:imum)?"
    r"|min(?:imum)?)\b"
)
"""Words of a name that make it tell something about a quantity, not the quantity."""

_START = r"(?:(?:event|btl|bottle|cast|ctd|start|begin|station|sampling|sample|collection|deploy(?:ment)?) )*"
_DEGREES = r"(?: (?:dd|dec(?:imal)?|deg(?:rees?)?|start|begin|{}))*"

FIELDS = (
    ("latitude", rf"{_START}lat(?:itude)?{_DEGREES.format('n|north')}"),
    ("longitude", rf"{_START}lon(?:g|gitude)?{_DEGREES.format('e|east')}"),
    (
        "bottom_depth",
        r"(?:bottom|bot[.]?|btm|sea ?floor|ocean floor|sounding|bathy(?:metric)?|(?:total )?water|station) ?depth( m)?"
        r"|depth (?:of )?(?:the )?(?:bottom|sea ?floor|ocean floor)|bathymetry|elevation",
    ),
    (
        "depth_m",
        r"(?:(?:sampling|sample|bottle|pump|trap|ctd|actual) ?)?depth(?: (?:water|sample|sampling|ctd))?(?: m)?",
    ),
    (
        "time_end",
        r"date/time end.*|(?:end|stop|recovery) date(?: ?/? ?time)?"
        r"|date(?: ?/? ?time)?(?: utc)? (?:end|stop|recovery)",
    ),
    (
        "time",
        rf"{_START}(?:iso |utc |gmt )?(?:date ?/? ?time|date|timestamp)"
        r"(?: (?:utc|gmt|start|begin|event|deployed|iso))*",
    ),
    ("clock", r"(?:(?:event|btl|ctd|start|sampling|sample|cast) )?time (?:utc|gmt)(?: start)?"),
    ("year", r"(?:sampling )?year"),
    ("month", r"(?:sampling )?month"),
    ("day", r"(?:sampling )?day"),
    ("ocean", r"ocean"),
    ("cruise", r"cruise ?(?:id(?: 1)?|name|no|number)?|campaign|expocode"),
    ("station", r"(?:station|stn|sta)(?: ?(?:id|no|num(?:ber)?|name))?"),
    ("event", r"event"),
    ("sample_id", r"(?:sample|bottle|niskin)(?: bottle)? ?(?:id|no|num(?:ber)?)"),
    ("replicate", r"rep(?:licate)?"),
    ("source_doi", r"(?:source |data |reference )?doi"),
    ("reference", r"reference(?:/source)?"),
)
"""Field of the record -> what a name (squeezed) is called, in full."""

REFUSED = {
    "depth_m": r"ft|feet|fathoms?|fm|d?bars?|decibars?|[kmc]m|[kmh]?pa",
    "bottom_depth": r"ft|feet|fathoms?|fm|d?bars?|decibars?|[kmc]m|[kmh]?pa",
    "latitude": r"(?:deg\w*[. ]*)?(?:s|south)",
    "longitude": r"(?:deg\w*[. ]*)?(?:w|west)",
}
"""Field of the record -> units (squeezed) with which its column holds something else."""

SIGMA = (
    r"±|\+/-|\buncert\w*|\bunc\b|\bst(?:an)?d(?:ard)?[. ]*(?:dev|err)\w*|\bst[. ]dev\w*|\bs[.]?d\b[.]?|\bse\b|\bstd\b"
    r"|\berr(?:or)?s?\b|\b[12] ?s(?:d|e|igma)?\b|\bsigma\b(?![- ]?(?:t|theta|\d+)\b)"
)
_FILLERS = rf"{SIGMA}|\b(?:obs\w*|counting|propagated|total|analytical|measure\w*|of|in|the|value|[12])\b|[()\[\]., -]"
SIGMA_KINDS = (("2sd", r"\b2 ?s(?:d|e|igma)?\b"), ("se", r"\bse\b|\bst(?:an)?d(?:ard)?[. ]*err"))
RELATIVE = r"%|\brel(?:ative)?\b|\bpercent\b|\bcv\b"

SMALL = r"\bsmall|\bspt\b|\bssf\b|\bfine\b"
LARGE = r"\blarge|\blpt\b|\blsf\b|\bcoarse\b"
SCREEN_UM = 40.0
"""Particles caught on a screen of this mesh, in um, or wider are the large ones (51, 53, 70 um are in use)."""


@dataclass(frozen=True)
class Meaning:
    """What a header says: a quantity or a field of the record, its printed unit, and whether it is an uncertainty.

    An uncertainty is `anonymous` when it names nothing: then it belongs to the value before it.
    """

    variable: str = ""
    field: str = ""
    unit: str = ""
    is_sigma: bool = False
    size_min_um: float = float("nan")
    size_max_um: float = float("nan")
    sigma_kind: str = "1sd"
    anonymous: bool = False
    trap: bool = False


_SQUARE = re.compile(r"^(?P<name>.[^\[]*)\[(?P<unit>[^\]]*)\]\s*(?P<comment>.*)$")
_ROUND = re.compile(r"\(((?:[^()]|\([^()]*\))*)\)")
_UNIT_AT_END = re.compile(
    r"^(?P<name>.*?)[ _](?P<above>[a-zA-Zµμ]{0,5}?(?:dpm|bq|mol|g)C?)"
    r"(?:/(?P<below>[A-Za-z0-9/]{1,8})|_(?P<flat>l|kg|m3|dpm|100l))$",
    re.IGNORECASE,
)


def squeeze(text):
    """Fold case, blanks, underscores and spellings of micro and sigma; `totalTh234` is two words."""
    text = text[:LONGEST]  # no name is longer, and patterns would take long to find that out
    text = re.sub(r"(?<=[a-z])(?=Th|POC|U\d)", " ", text.replace("_", " ").replace("\u00a0", " "))
    text = text.replace("µ", "u").replace("μ", "u").replace("σ", "sigma").lower()
    text = text.replace("thorium", "th").replace("uranium", "u")
    return re.sub(r"\s+", " ", text).strip()


def split_header(header):
    """Split a header into name, unit and comment.

    Square brackets hold a unit; round ones hold one if it looks so, else a comment.

    >>> split_header("234Th [dpm/l] (total)")
    ('234Th', 'dpm/l', 'total')
    >>> split_header("POC/Th_large(umol/dpm)")
    ('POC/Th_large', 'umol/dpm', '')
    >>> split_header("Total_234Th_dpm/L"), split_header("Th_total_dpm_L")
    (('Total_234Th', 'dpm/L', ''), ('Th_total', 'dpm/L', ''))
    """
    header = header.strip()
    if found := _SQUARE.match(header):
        return found["name"].strip(), found["unit"].strip(), found["comment"].strip().strip("()")
    if brackets := _ROUND.findall(header):
        name, _, rest = header.partition("(")
        name, rest = name.strip(), _ROUND.sub(" ", f"({rest}").strip()
        words = [word.strip() for inside in brackets for word in re.split(r"[,;]", inside)]
        unit = next((word for word in words if "/" in word or units.known(word)), "")
        if unit:
            words.remove(unit)
        elif found := _UNIT_AT_END.match(name) or _UNIT_AT_END.match(f" {rest}"):
            name, unit = found["name"].strip() or name, _joined_unit(found)
            rest = "" if found.string == f" {rest}" else rest
        return name, unit, " ".join([*words, rest]).strip()
    if found := _UNIT_AT_END.match(header):
        return found["name"], _joined_unit(found), ""
    return header, "", ""


def _joined_unit(found):
    return f"{found['above']}/{found['below'] or found['flat']}"


@lru_cache(maxsize=20_000)
def meaning(header, unit=""):
    """Tell what a column holds from its header.

    Parameters
    ----------
    header : str
        As printed, with unit and comment.
    unit : str
        Printed elsewhere in the file, if it is; it wins over one in the header.

    Returns
    -------
    Meaning
        Empty when the header is not understood.

    Examples
    --------
    >>> meaning("POC/Th_large(umol/dpm)").variable
    'c_th_large'
    >>> meaning("uncert_part234Th_small").is_sigma, meaning("234Th/238U").variable, meaning("lat error").field
    (True, '', '')
    >>> meaning("conc_Th_234_51umfilt_335umprefilt", "dpm/L").variable
    'th234_particulate_large'
    """
    name, own, comment = split_header(header[:LONGEST])
    unit = unit or own
    short, told = squeeze(name), squeeze(f"{unit} {comment}")
    short += " utc" if told in ("utc", "gmt") else ""
    for field, pattern in FIELDS:
        if re.fullmatch(pattern, short):
            wrong = field in REFUSED and re.fullmatch(REFUSED[field], told)
            return Meaning(unit=unit) if wrong else Meaning(field=field, unit=unit)
    text = squeeze(f"{name} {comment}")
    sigma = bool(re.search(SIGMA, text)) or unit == "±"
    if sigma and re.search(RELATIVE, f"{text} {unit}"):  # of the value, not in its unit
        return Meaning(unit=unit)
    variable, low, high = _quantity(*(re.sub(SIGMA, " ", words).strip() for words in (short, text)))
    return Meaning(
        variable=variable,
        unit=unit,
        is_sigma=sigma,
        size_min_um=low,
        size_max_um=high,
        sigma_kind=next((kind for kind, pattern in SIGMA_KINDS if re.search(pattern, text)), "1sd"),
        anonymous=sigma and not re.sub(_FILLERS, "", text),
        trap="trap" in text,
    )


def _quantity(name, text):
    """Find a variable and the sizes of its particles in a name, and in the name with its comment."""
    nan = float("nan")
    if re.search(ABOUT, name):
        return "", nan, nan
    found = next((v for words in (name, text) for v, pattern in QUANTITIES if re.search(pattern, words)), "")
    if found == "th234_total":  # the comment may tell more
        found = next(v for v, pattern in _THORIUM if re.search(pattern, text))
    low, high, clear = _sizes(re.sub(rf"{TH}|{U}", " ", text))
    if found == "th234_total" and (low == low or high == high):
        found = "th234_particulate" if low == low else "th234_dissolved" if high <= 1 else ""
    if found == "th234_total" and not clear:
        found = ""
    if found in SIZED:
        small = high <= 100 and not low >= SCREEN_UM
        small, large = bool(re.search(SMALL, text)) or small, bool(re.search(LARGE, text)) or low >= SCREEN_UM
        found += "_large" if large else "_small" if small else ""
    if found not in VARIABLES:  # bulk POC, or nothing we know
        return "", nan, nan
    return found, low, high


def _sizes(text):
    """Find the size limits of particles, um, in a squeezed header: `>53 um`, `1-53 um`, `<51`, `51umfilt`.

    Returns
    -------
    low, high : float
        NaN where open.
    clear : bool
        False when there is a size that is not understood.
    """
    nan, number = float("nan"), r"(\d+(?:[.]\d+)?)"
    caught, passed = (re.search(rf"{number} ?(?:um)? ?{word}", text) for word in ("filt", "pre ?filt"))
    if caught or passed:
        return float(caught[1]) if caught else nan, float(passed[1]) if passed else nan, True
    both = rf"{number} ?(?:um)? ?(?:-|to| ) ?{number} ?um\b"
    if found := re.search(both, text) or re.search(r"\b(0[.]\d+|1) ?[- ] ?(5\d)\b", text):
        return float(found[1]), float(found[2]), True
    if found := re.search(rf"(>|<|\bgt|\blt) ?{number}", text):
        return (float(found[2]), nan, True) if found[1] in (">", "gt") else (nan, float(found[2]), True)
    if found := re.search(rf"{number} ?um\b", text):  # a screen; finer filters may stand for what passed
        return (float(found[1]), nan, True) if float(found[1]) >= SCREEN_UM else (nan, nan, False)
    return nan, nan, True
