"""BCO-DMO csv: remarks behind #, one line of names, units elsewhere: in the names at times, else in a sidecar."""

from seaofcarbon.digitise import headers, units
from seaofcarbon.digitise.opening import split_cells
from seaofcarbon.files import UserError
from seaofcarbon.vocabulary import VARIABLES

OWN = "depth_m"
"""A table with a column of this name is one of ours, as `flux` takes them: names of the vocabulary have its units."""


def recognise(source):
    """Tell whether an opened file is of this layout: commas, and a column of values whose name tells no unit."""
    line = headers.found(source)
    if line is None or line.delimiter != ",":
        return False
    values, _ = headers.columns(line.names)
    return line.remarks or any(not column.unit and column.variable not in units.UNITLESS for column in values.values())


def read(source):
    """Read an opened BCO-DMO file into tables (one).

    Values whose unit is told neither in the name nor in the sidecar are set aside, but for columns that are called as
    in the vocabulary, in a table that has `depth_m`: theirs is that of the vocabulary, and a note says so.

    Raises
    ------
    UserError
        When no line has names of columns, a needed one is not there, or the sidecar does not fit.
    """
    line = headers.found(source)
    if line is None:
        raise UserError(f"{source.path}: no line of column names; see CONTRIBUTING for what a table needs")
    names, cells, rows, odd = split_cells(source, headers.body(source, line.number), line.delimiter)
    told, about = _sidecar(source, names)
    values, fields = headers.columns(names, told)
    fields = headers.timed(cells, fields)
    for position, column in values.items():
        if OWN in names and names[position] == column.variable and not column.unit:
            column.unit, column.unit_told = VARIABLES[column.variable].unit, False
    unknown = [names[p] for p, c in values.items() if not c.unit and c.variable not in units.UNITLESS]
    problem = f"{source.path}: no unit is told for {', '.join(unknown)}: give it in a sidecar {source.path.name}.yml"
    meta = {"doi": about["doi"], "citation": about["citation"], "licence": about["licence"]}
    return [
        headers.table(
            source,
            names,
            cells,
            headers.line_numbers(rows, line.number),
            values,
            fields,
            {"source_doi": about["doi"], "curator": about["curator"]},
            meta | ({"problem": f"{problem} (units: {{column: unit}})"} if unknown else {}),
            odd=[(i + line.number + 1, row) for i, row in odd],
        )
    ]


def _sidecar(source, names):
    """Units of the columns and the source, from a sidecar; empty when there is none."""
    if not headers.has_sidecar(source):
        return [""] * len(names), dict.fromkeys(("doi", "citation", "licence", "curator"), "")
    from seaofcarbon.digitise import mapping, sidecar

    path = sidecar.beside(source.path)
    told = sidecar.read(path, mapping.Units)
    unit = {p: told.units[name] for name, p in mapping.positions(path, source, names, told.units).items()}
    return [unit.get(position, "") for position in range(len(names))], told.source.model_dump()
