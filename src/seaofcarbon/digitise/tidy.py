"""Any table with a sidecar that says what its columns are."""

import csv
import re

import numpy as np

from seaofcarbon.digitise import headers, workbook
from seaofcarbon.digitise.cells import text
from seaofcarbon.digitise.opening import split_cells
from seaofcarbon.digitise.table import Column
from seaofcarbon.files import UserError


def recognise(source):
    """Tell whether a sidecar lies beside the file (one of units, or of the series of a figure, is for another)."""
    if not headers.has_sidecar(source):
        return False
    from seaofcarbon.digitise import sidecar

    try:
        told = sidecar.beside(source.path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return True  # and reading it will say what is wrong
    return not re.search(r"^[\"']?(?:units|series)[\"']?\s*:", told, re.MULTILINE)


def read(source):
    """Read a table as its sidecar says (one).

    Raises
    ------
    UserError
        When there is no sidecar, it does not fit, or names columns that the table does not have.
    """
    from seaofcarbon.digitise import mapping, sidecar

    path = sidecar.beside(source.path)
    if path is None:
        raise UserError(f"{source.path}: the format tidy needs a sidecar {source.path.name}.yml that names the columns")
    told = sidecar.read(path, mapping.Tidy)
    if not told.columns:
        raise UserError(f"{path}: has no columns: (name: field of the record, or name: {{variable: …, unit: …}})")
    names, cells, numbers, odd, place = _cells(source, path, told)
    at = mapping.positions(path, source, names, told.columns)
    measured = {name: each for name, each in told.columns.items() if not isinstance(each, str)}
    mapping.check_units(path, measured)
    wanted = {each for told_of in measured.values() for each in (told_of.sigma, told_of.flag) if each}
    beside = mapping.positions(path, source, names, sorted(wanted))
    values = {at[name]: _column(v, beside, told.constants.method) for name, v in measured.items()}
    fields = {each: at[name] for name, each in told.columns.items() if isinstance(each, str)}
    if told.decimal == ",":
        numeric = [fields[name] for name in mapping.NUMBERS if name in fields]
        numeric = sorted({*values, *numeric, *(v.sigma for v in values.values() if v.sigma is not None)})
        cells[:, numeric] = _with_points(cells[:, numeric], source.text is not None)
    texts, same = mapping.spread(told.constants, len(cells))
    fields = same | headers.timed(cells, fields)
    about = told.source
    table = headers.table(
        source,
        names,
        cells,
        numbers,
        values,
        fields,
        texts | {"source_doi": texts.get("source_doi") or about.doi, "curator": about.curator},
        {"doi": about.doi, "citation": about.citation, "licence": about.licence},
        odd=odd,
        place=place,
        flag_scheme=told.flag_scheme,
        missing=tuple(word.lower() for word in told.missing),
        below_detection=tuple(word.lower() for word in told.below_detection),
    )
    return [table]


def _cells(source, path, told):
    """Split the table: names, cells, row numbers, odd rows, and the place for locators."""
    if source.text is None:
        sheets = workbook.sheets(source)
        sheet = told.sheet or next(iter(sheets), "")
        if sheet not in sheets or len(sheets[sheet]) < told.header_row:
            raise UserError(
                f"{path}: sheet {sheet!r} with row {told.header_row} is not in {source.name}: {list(sheets)}"
            )
        names, cells, numbers, odd = workbook.cut(source, sheet, sheets[sheet], told.header_row - 1)
        cells = np.array([workbook.printed(column) for column in cells.T], dtype=object).T.reshape(cells.shape)
        return names, cells, numbers, odd, f"sheet {sheet}, "
    skipped = told.header_row - 1
    if source.text.count("\n") < skipped:
        raise UserError(f"{path}: header_row {told.header_row} is beyond the end of {source.name}")
    body = headers.body(source, skipped)
    names, cells, rows, odd = split_cells(source, body, told.delimiter or _delimiter(body, told.columns))
    return names, cells, headers.line_numbers(rows, skipped), [(i + skipped + 1, row) for i, row in odd], ""


def _delimiter(body, wanted):
    """The sign that splits the first line into most of the wanted names."""
    line = body[:100_000].partition("\n")[0]
    split = {sign: {name.strip() for name in next(csv.reader([line], delimiter=sign), [])} for sign in ",;\t|"}
    return max(split, key=lambda sign: len(split[sign] & {name.strip() for name in wanted}))


def _column(told, beside, method):
    """A column of values as the sidecar tells it."""
    return Column(
        told.variable,
        told.unit,
        told.method or method or headers.method(told.variable),
        beside.get(told.sigma),
        told.sigma_kind,
        beside.get(told.flag),
        told.size_min_um,
        told.size_max_um,
    )


def _with_points(cells, is_text):
    """Write decimal commas as points, and points that could part thousands as commas, which no reader takes."""
    printed = text(cells.ravel())
    swap = printed.str.contains(",", regex=False)
    if is_text:  # a workbook holds numbers, they have no decimal sign until they are printed
        swap |= printed.str.fullmatch(r"[+-]?[1-9]\d{0,2}(?:[.]\d{3})+")
    printed[swap] = printed[swap].str.translate(str.maketrans(",.", ".,"))
    return printed.to_numpy(object).reshape(cells.shape)
