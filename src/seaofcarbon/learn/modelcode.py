"""The closed form as source code that a modeller can paste: one function per target, in C99 and in Fortran 90."""

from pathlib import Path

from seaofcarbon import files, ocean
from seaofcarbon.learn.features import ASINH_SCALE_DPM, LOGARITHMIC, SCALES
from seaofcarbon.learn.parameterise import DEPTH_M, MEAN_FACTOR, NPP_MG, RANGES, TERMS
from seaofcarbon.ocean.year import EQUATORIAL_DEG, TROPIC_DEG
from seaofcarbon.vocabulary import CARBON_G_PER_MOL, VARIABLES

INPUTS = ("t", "npp", "z", "day")


def _parts(coefficients):
    """Terms with their coefficient, ranges of the inputs, the factor that makes means, and which inputs there are."""
    known = coefficients.set_index("term")
    terms = {term: float(value) for term, value in known["coefficient"].items() if term in TERMS}
    ranges = [tuple(map(float, known.loc[term, ["valid_from", "valid_to"]])) for term in RANGES]
    inputs = INPUTS if "season_cos" in terms else INPUTS[:3]
    return terms, ranges, float(known.loc[MEAN_FACTOR, "coefficient"]), inputs


def _middle(target, scale, power):
    """The middle value from y, which is on the scale of the model; `scale` and `power` as the language writes them."""
    return power if target in LOGARITHMIC else f"{scale} * sinh(y)" if target == "th234_flux" else "y"


def _sum(terms, number, join):
    """The form as a sum of products, a term a line."""
    return join.join("*".join([number(value), *TERMS[term]]) for term, value in terms.items())


def _said(target, inputs, label, skill):
    """What the comment above a function tells: quantity, unit, inputs, range."""
    lines = [
        f"Mean of {VARIABLES[target].long_name}, {VARIABLES[target].unit}", "Sea of Carbon: a closed form of what its "
        "models have learnt", "t sea water temperature at the depth (degC), npp mg C m-2 d-1, z depth (m)",
    ]  # fmt: skip
    if label:
        lines.insert(0, label)
    if skill:
        lines.append(skill)
    if "day" in inputs:
        south = f"min(max((-latitude - {EQUATORIAL_DEG:g}) / {TROPIC_DEG - EQUATORIAL_DEG:g}, 0), 1)"
        lines.append(f"day of the northern year: south of {EQUATORIAL_DEG:g} S the seasons are later, so give")
        lines.append(f"day = day of the year + {ocean.YEAR_D / 2:g} * {south}")
    lines.append("t, npp and z outside of the range of the data are taken to its end")
    if target == "poc_flux":
        lines.append(f"export efficiency: {CARBON_G_PER_MOL:g} * poc_flux / npp")
    return lines


def _c(value):
    text = f"{value:+.10g}"
    return text if "." in text or "e" in text else f"{text}.0"


def as_c(coefficients, target, label="", skill=""):
    """The closed form as a function in C99; it needs only math.h.

    Parameters
    ----------
    coefficients : DataFrame
        From `parameterise.closed_form`.
    target : str
        Name of the function.
    label : str
        First line of the comment, such as the twin's label.
    skill : str
        A line of the comment that says what the form is worth.

    Returns
    -------
    str
        `double TARGET(double t, double npp, double z[, double day])`: the mean, in the unit of the target.
    """
    terms, ranges, factor, inputs = _parts(coefficients)
    bare = [[_c(end).lstrip("+") for end in ends] for ends in ranges]
    lines = ["#include <math.h>", "", "/* " + "\n   ".join(_said(target, inputs, label, skill)) + " */"]
    lines += [f"double {target}({', '.join(f'double {name}' for name in inputs)})", "{"]
    lines += [
        f"    {name} = {name} < {low} ? {low} : {name} > {high} ? {high} : {name};"
        for name, (low, high) in zip(INPUTS, bare, strict=False)
    ]
    lines.append(f"    const double n = log(npp / {NPP_MG:.1f}), d = log(z / {DEPTH_M:.1f});")
    if "day" in inputs:
        lines.append(f"    const double w = 2.0*acos(-1.0) * day / {ocean.YEAR_D}, c = cos(w), s = sin(w);")
    lines.append(
        f"    const double y = {_sum(terms, _c, chr(10) + ' ' * 8).lstrip('+')}; /* scale: {SCALES[target]} */"
    )
    middle = _middle(target, f"{ASINH_SCALE_DPM:.1f}", "pow(10.0, y)")
    lines.append(f"    return {_c(factor).lstrip('+')} * {middle}; /* mean; middle value: {middle} */")
    return "\n".join([*lines, "}", ""])


def _f(value):
    text = f"{value:+.10g}"
    if "e" in text:
        return text.replace("e", "d")
    return f"{text if '.' in text else text + '.0'}d0"


def as_fortran(coefficients, target, label="", skill=""):
    """The closed form as a function in Fortran 90, free form, double precision; arguments as in `as_c`.

    Parameters
    ----------
    coefficients, target, label, skill
        As in `as_c`.

    Returns
    -------
    str
    """
    terms, ranges, factor, inputs = _parts(coefficients)
    lines = [f"! {line}" for line in _said(target, inputs, label, skill)]
    arguments = [f"{name}_in" for name in INPUTS[:3]] + list(inputs[3:])
    lines += [f"double precision function {target}({', '.join(arguments)})", "  implicit none"]
    lines.append(f"  double precision, intent(in) :: {', '.join(arguments)}")
    lines.append(f"  double precision :: t, npp, z, n, d, y{', w, c, s' if 'day' in inputs else ''}")
    for name, (low, high) in zip(INPUTS, ranges, strict=False):
        low, high = _f(low).lstrip("+"), _f(high).lstrip("+")
        lines += [f"  {name} = {name}_in", f"  if ({name} < {low}) {name} = {low}"]
        lines.append(f"  if ({name} > {high}) {name} = {high}")
    lines += [f"  n = log(npp / {_f(NPP_MG)[1:]})", f"  d = log(z / {_f(DEPTH_M)[1:]})"]
    if "day" in inputs:
        lines += [f"  w = 2.0d0*acos(-1.0d0) * day / {_f(ocean.YEAR_D)[1:]}", "  c = cos(w)", "  s = sin(w)"]
    lines.append(f"  y = {_sum(terms, _f, ' &' + chr(10) + ' ' * 6).lstrip('+')}  ! scale: {SCALES[target]}")
    middle = _middle(target, _f(ASINH_SCALE_DPM)[1:], "10.0d0**y")
    lines.append(f"  {target} = {_f(factor).lstrip('+')} * {middle}  ! mean; middle value: {middle}")
    return "\n".join([*lines, f"end function {target}", ""])


LANGUAGES = {".c": as_c, ".f90": as_fortran}


def write(forms, path, label="", skill=None):
    """Write a source file with a function for each target.

    Parameters
    ----------
    forms : dict of DataFrame
        target -> coefficients.
    path : str or Path
        Its suffix, .c or .f90, says the language.
    label : str
        As in `as_c`.
    skill : dict of str, optional
        target -> line of the comment.
    """
    source = LANGUAGES[Path(path).suffix]
    text = "\n".join(source(form, target, label, (skill or {}).get(target, "")) for target, form in forms.items())
    with files.atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
