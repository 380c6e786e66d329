"""Bad input costs one clear line: no crash, no hang, no cell lost in silence."""

import csv
import io
import random
import re
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import digitise_files as raw
from seaofcarbon import digitise
from seaofcarbon.files import UserError

ROUNDS = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def bomb(folder, rows=1, letters="A", filler=0):
    """Write a workbook whose sheet has a stray cell at column `letters` of row `rows`, and `filler` blanks."""
    path = raw.workbook(folder / "w.xlsx")
    out = folder / "bomb.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            data = old.read(member)
            if member.filename == "xl/worksheets/sheet2.xml":
                cell = f'<row r="{rows}"><c r="{letters}{rows}"><v>1</v></c></row>'
                data = data.replace(b"</sheetData>", cell.encode() + b" " * filler + b"</sheetData>")
            new.writestr(member, data)
    return out


def text_file(folder, data):
    """Write bytes to a file without a telling name."""
    path = folder / "data"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100), "binary"),
        (bytes(range(1, 255)) * 40, "binary"),
        (b"PK\x03\x04 no zip", "damaged"),
        (b"\x1f\x8bjunk", "damaged"),
        (b"/* DATA DESCRIPTION:\nCitation:\tnone", "no known layout"),
        (b"/* DATA DESCRIPTION: */\n", "column names"),
        (b"Cruise," + b"QV:SEADATANET," * 1_000_000, "columns"),
        (b"a,b\n1,2\n", "no known layout"),
    ],
)
def test_junk_gives_one_line(tmp_path, data, words):
    """Empty, binary, truncated and oversized files are refused with the reason."""
    with pytest.raises(UserError, match=words) as caught:
        digitise.read(text_file(tmp_path, data))
    assert "\n" not in str(caught.value)


def test_absent_file_and_unknown_format(tmp_path):
    """A wrong name and a wrong format are said so."""
    with pytest.raises(UserError, match="no such file"):
        digitise.read(tmp_path / "none.tab")
    with pytest.raises(UserError, match="format 'pangea' is unknown"):
        digitise.read(text_file(tmp_path, raw.PANGAEA.encode()), format="pangea")


@pytest.mark.parametrize(("rows", "letters", "words"), [(1, "XFD", "columns"), (1_048_576, "BB", "stray cells")])
def test_stray_cells_far_out_do_not_fill_memory(tmp_path, rows, letters, words):
    """A cell at the far corner of a sheet is refused before the sheet is laid out."""
    with pytest.raises(UserError, match=words):
        digitise.read(bomb(tmp_path, rows, letters))


def test_zip_bombs_are_refused(tmp_path):
    """A sheet that unpacks to more than 200 times its size is not unpacked."""
    with pytest.raises(UserError, match="unpacks to more"):
        digitise.read(bomb(tmp_path, 9, "A", filler=20_000_000))


def test_empty_sheets_are_said_so(tmp_path):
    """A workbook without samples names what it lacks."""
    with pytest.raises(UserError, match="no column of latitude"):
        digitise.read(raw.workbook(tmp_path / "w.xlsx", ("remark",), (("nothing",),)))


def test_rows_of_odd_length_lose_no_cell(tmp_path):
    """A row that is too long or too short is set aside whole: nobody knows which of its cells is which."""
    lines = raw.PANGAEA.splitlines()
    text = "\n".join([*lines, lines[-2] + "\t7\t8", "PS1_01\t10\t2.3"]) + "\n"
    result = digitise.read(text_file(tmp_path, text.encode()))
    assert result.account["cells"] == 28 + 9 + 3
    assert (result.rejects["reason"] == "row has 9 cells, the table 7 columns").sum() == 9
    assert result.rejects["reason"].str.startswith("row has 3 cells").sum() == 3
    assert result.account["cells"] == sum(v for k, v in result.account.items() if k != "cells")


def test_file_cut_in_a_number_does_not_give_half_of_it(tmp_path):
    """A last row that ends in the middle is set aside whole, with the reason; the rows above it are kept."""
    whole = digitise.read(text_file(tmp_path, raw.PANGAEA.encode()))
    cut = raw.PANGAEA[: raw.PANGAEA.rindex("2.50") + 1]
    data = digitise.read(text_file(tmp_path, cut.encode()))
    assert not (data.records["value_source"] == "2").any() and len(data.records) > 0
    assert data.rejects["reason"].str.contains("is the file complete").any()
    assert not whole.rejects["reason"].str.contains("is the file complete").any()
    assert data.account["cells"] == sum(data.account[k] for k in ("records", "missing", "rejects", "not_wanted"))


def test_file_cut_at_the_end_of_a_line_is_noticed(tmp_path):
    """The header of a PANGAEA file counts its data points: fewer are a problem, what there is is read."""
    lines = raw.PANGAEA.splitlines(keepends=True)
    whole = digitise.read_many([text_file(tmp_path, raw.PANGAEA.encode())], progress=False)
    assert not whole.meta["problems"]
    cut = digitise.read_many([text_file(tmp_path, "".join(lines[:-1]).encode())], progress=False)
    assert "header promises 18 data points, 15 are there" in cut.meta["problems"][0] and len(cut.records) > 0


def test_folder_is_no_file(tmp_path):
    """A folder is named as one."""
    with pytest.raises(UserError, match="a folder; give the files in it"):
        digitise.read(tmp_path)


def test_windows_code_page_is_read(tmp_path):
    """A file in the Windows code page keeps its micro and plus-minus signs."""
    result = digitise.read(text_file(tmp_path, raw.PANGAEA.encode("cp1252")))
    assert result.meta["encoding"] == "cp1252" and result.records["sigma"].notna().sum() == 4


def unknown_unit(text):
    """Give the total a unit that nobody knows."""
    return text.replace("234Th [dpm/l] (total)", "234Th [dpm/cup] (total)")


def test_unknown_units_are_set_aside(tmp_path):
    """A value in an unknown unit is a reject, not a guess."""
    result = digitise.read(text_file(tmp_path, unknown_unit(raw.PANGAEA).encode()))
    assert "th234_total" not in set(result.records["variable"])
    assert result.rejects["reason"].str.contains("unit 'dpm/cup' is not known").sum() == 3


def mangled(text, seed):
    """Cut, repeat, overwrite or shuffle pieces of a text."""
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 6)):
        i, j = sorted(rng.randint(0, len(text)) for _ in range(2))
        j = min(j, i + rng.choice([1, 5, 200]))
        piece = rng.choice(["", text[i:j] * 3, "\t", ",", "\n", '"', "\u00e9", "=1+1", "9e999", "-999", "\r"])
        text = text[:i] + piece + text[j:]
    return text


@ROUNDS
@given(seed=st.integers(0, 10**9), layout=st.sampled_from(["pangaea", "geotraces", "underscored"]))
def test_mangled_text_never_crashes_or_loses_a_cell(tmp_path, seed, layout):
    """Mangled copies are refused in one line or read with an account that adds up."""
    whole = raw.PANGAEA if layout == "pangaea" else raw.geotraces(layout == "underscored")
    try:
        result = digitise.read(text_file(tmp_path, mangled(whole, seed).encode()))
    except UserError as problem:
        assert "\n" not in str(problem)
        return
    assert result.account["cells"] == sum(v for k, v in result.account.items() if k != "cells")
    assert len(result.records) == result.account["records"] and len(result.rejects) == result.account["rejects"]
    if result.meta["format"] != ("pangaea" if layout == "pangaea" else "geotraces"):
        return  # so mangled that it was taken for a plain table, which may begin further down
    text = (tmp_path / "data").read_bytes().decode()
    cells, good = counted(text, layout == "pangaea", TOTAL[layout])
    assert result.account["cells"] == cells
    if good is not None:
        kept = result.records["variable"].eq("th234_total").sum()
        assert kept + result.rejects["column"].eq(TOTAL[layout]).sum() >= good


TOTAL = {
    "pangaea": "234Th [dpm/l] (total)",
    "geotraces": "Th_234_T_CONC_BOTTLE [mBq/kg]",
    "underscored": "Th_234_T_CONC_BOTTLE__mBq_kg_",
}
"""Column of total 234Th in each layout."""


def counted(text, is_pangaea, column):
    """Count cells, and numbers in a column, with the csv module: an account that owes nothing to the readers.

    The numbers are not counted (None) where the name of the column was mangled, or stands there twice.
    """
    lines = text.replace("\r\n", "\n").replace("\r", " ")
    if is_pangaea:
        lines = lines.partition("*/")[2].partition("\n")[2]
    form = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if is_pangaea else {}
    header, *rows = csv.reader(io.StringIO(lines), **form)
    rows = [row for row in rows if len(row) == len(header) or "".join(row).strip()]
    if header.count(column) != 1:
        return sum(map(len, rows)), None
    printed = [row[header.index(column)] for row in rows if len(row) == len(header)]
    return sum(map(len, rows)), sum(bool(re.fullmatch(r"[0-9]+[.][0-9]+", cell)) for cell in printed)


@ROUNDS
@given(seed=st.integers(0, 10**9))
def test_mangled_workbooks_never_crash(tmp_path, seed):
    """Workbooks with damaged bytes are refused in one line or read."""
    rng = random.Random(seed)
    stream = io.BytesIO(raw.workbook(tmp_path / "w.xlsx").read_bytes())
    data = bytearray(stream.getvalue())
    for _ in range(rng.randint(1, 20)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    data = data[: rng.choice([len(data), rng.randint(10, len(data))])]
    try:
        result = digitise.read(text_file(tmp_path, bytes(data)))
    except UserError as problem:
        assert "\n" not in str(problem)
        return
    assert result.account["cells"] == sum(v for k, v in result.account.items() if k != "cells")


@pytest.mark.parametrize("cell", ["1" * 100_000 + "x", " " * 100_000 + "(", "(" * 100_000, "1_" * 50_000])
def test_long_texts_do_not_hang(tmp_path, cell):
    """Cells, names and labels of a hundred thousand signs are read or set aside at once, wherever they stand."""
    header, *rows = raw.geotraces(False).splitlines()
    lines = [header.replace("Fe_D_CONC_BOTTLE", "poc" * 30_000), rows[0].replace("31.0", cell), *rows[1:]]
    found = digitise.read(text_file(tmp_path, "\n".join(lines).encode()))
    assert found.rejects["reason"].eq("not a number").any()
    event = raw.PANGAEA.replace("PS1_01 (01-CTD) *", f"PS1_01{cell} *")
    assert digitise.read(text_file(tmp_path, event.encode())).account["records"] > 0


def test_delimiter_after_each_row(tmp_path):
    """A comma at the end of every row is no reason to set the whole file aside."""
    header, *rows = raw.geotraces(False).splitlines()
    found = digitise.read(text_file(tmp_path, "\n".join([header, *(row + "," for row in rows)]).encode()))
    plain = digitise.read(text_file(tmp_path, raw.geotraces(False).encode()))
    assert len(found.records) == len(plain.records) and found.account["cells"] == plain.account["cells"] + len(rows)
