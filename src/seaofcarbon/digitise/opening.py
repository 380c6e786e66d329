"""The gate: files are opened here, and hostile or broken ones turned away with one clear line."""

import csv
import gzip
import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from seaofcarbon.files import UserError

MAX_BYTES = 500_000_000
"""Largest file, unpacked."""

MAX_RATIO = 200
"""Greatest ratio of unpacked to packed size: beyond it a zip file is a bomb."""

MAX_COLUMNS = 2_000
MAX_CELLS = 20_000_000

_TEXT_SUFFIXES = (".csv", ".tab", ".txt", ".tsv", ".sb")


_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    KeyError,
    ValueError,
    RuntimeError,
    ElementTree.ParseError,
)
"""What the libraries raise for damaged packed files."""


@dataclass
class Opened:
    """A file past the gate.

    Attributes
    ----------
    path : Path
    text : str or None
        None for a workbook.
    encoding : str
    errors : dict
        Sheet of a workbook -> cells in error.
    name : str
        Name of the file without folders, unpacked.
    """

    path: Path
    text: str | None
    encoding: str = "utf-8"
    errors: dict = field(default_factory=dict)
    name: str = ""

    def __post_init__(self):
        self.name = self.name or self.path.name.removesuffix(".gz")


def opened(path):
    """Open a text file (plain, gzip or zip) or a workbook.

    Raises
    ------
    UserError
        When the file is absent, too large, packed suspiciously, or neither text nor a workbook.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path}: a folder; give the files in it, such as {path}/*")
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB; split it")
    with path.open("rb") as stream:
        magic = stream.read(4)
    if not magic:
        raise UserError(f"{path}: the file is empty")
    try:
        if magic == b"PK\x03\x04":
            return _opened_zip(path)
        data = _gunzipped(path) if magic[:2] == b"\x1f\x8b" else path.read_bytes()
    except _DAMAGE as problem:
        raise UserError(f"{path}: damaged or truncated ({problem}); fetch it again") from None
    return _decoded(path, data)


def _gunzipped(path):
    limit = min(MAX_BYTES, MAX_RATIO * path.stat().st_size)
    with gzip.open(path) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise UserError(f"{path}: unpacks to more than {MAX_RATIO} times its size or {MAX_BYTES // 1_000_000} MB")
    return data


def _opened_zip(path):
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        total = sum(m.file_size for m in members)
        if total > MAX_BYTES or total > MAX_RATIO * max(path.stat().st_size, 1):
            raise UserError(f"{path}: unpacks to more than {MAX_RATIO} times its size or {MAX_BYTES // 1_000_000} MB")
        if "xl/workbook.xml" in archive.namelist():
            sheets = [
                name for name in archive.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")
            ]
            errors = {part: _check_sheet(path, archive, part) for part in sheets}
            parts = _sheet_parts(path, archive)
            return Opened(path, None, errors={name: errors.get(part, {}) for name, part in parts.items()})
        tables = [m for m in members if m.filename.lower().endswith(_TEXT_SUFFIXES)]
        if len(tables) != 1:
            raise UserError(f"{path}: holds {len(tables)} tables; unpack it and give the files one by one")
        with archive.open(tables[0]) as stream:
            return _decoded(path, stream.read(MAX_BYTES), Path(tables[0].filename).name)


def _sheet_parts(path, archive):
    """Names of the sheets of a workbook -> files in the archive that hold them."""
    files = set(archive.namelist())
    book, links = (_xml(path, archive, f"xl/{name}") for name in ("workbook.xml", "_rels/workbook.xml.rels"))
    targets = {link.get("Id"): "xl/" + link.get("Target", "").removeprefix("/xl/") for link in links}
    parts = {}
    for sheet in book.iter():
        identity = next((value for key, value in sheet.items() if key.endswith("}id")), None)
        if sheet.tag.endswith("}sheet") and targets.get(identity) in files:
            parts[sheet.get("name", "")] = targets[identity]
    return parts


def _xml(path, archive, name):
    """Read one of the small XML files of a workbook."""
    data = archive.read(name)
    if len(data) > 10_000_000 or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise UserError(f"{path}: {name} is not what a workbook holds")
    return ElementTree.fromstring(data)


_AT = rb"<(?:\w{1,20}:)?"  # some programs write a prefix before each name
_CELL = re.compile(_AT + rb"""c [^>]{0,60}?r=["']([A-Z]{1,3})\d""")
_ROW = re.compile(_AT + rb"""row [^>]{0,80}?r=["'](\d{1,9})["']""")
_ERROR = re.compile(
    _AT + rb"""c [^>]{0,60}?r=["']([A-Z]{1,3})(\d{1,9})["'][^>]{0,60}?t=["']e["'][^>]{0,60}>"""
    rb"(?:<(?:\w{1,20}:)?f[^<]{0,400}(?:</(?:\w{1,20}:)?f>)?)?<(?:\w{1,20}:)?v>(#[^<]{1,20})</"
)  # fmt: skip


def _check_sheet(path, archive, part):
    """Refuse sheets whose outermost cell would make the reader fill memory with blanks; find cells in error.

    Returns
    -------
    dict of (int, int) -> str
        Row and column, from 0, of cells like #DIV/0!, which the library that reads workbooks gives as blanks.
    """
    letters, rows, errors, tail = set(), 0, {}, b""
    with archive.open(part) as stream:
        while chunk := stream.read(1 << 24):
            text = tail + chunk
            letters.update(_CELL.findall(text))
            rows = max([rows, *map(int, _ROW.findall(text))])
            found = _ERROR.findall(text)
            errors |= {(int(row) - 1, _column_number(column) - 1): word.decode() for column, row, word in found}
            tail = text[-600:]
    width = max(map(_column_number, letters), default=0)
    if width > MAX_COLUMNS:
        raise UserError(f"{path}: {part} has {width} columns, more than {MAX_COLUMNS}; keep those with data")
    if width * rows > MAX_CELLS:
        raise UserError(f"{path}: {part} spans {rows} rows x {width} columns; delete stray cells far from the table")
    return errors


def _column_number(letters):
    number = 0
    for letter in letters.decode():
        number = 26 * number + ord(letter) - 64
    return number


def _decoded(path, data, name=""):
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):  # "Unicode text" of spreadsheets
        data = data.decode("utf-16", errors="replace").encode()
    if b"\0" in data[:1_000_000]:
        raise UserError(f"{path}: binary data, no table")
    try:
        text, encoding = data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        # old spreadsheets print the micro and plus-minus signs in the Windows code page
        text, encoding = data.decode("cp1252", errors="replace"), "cp1252"
    strange = sum(map(text[:20_000].count, map(chr, range(1, 9)))) + text[:20_000].count("\ufffd")
    if strange > 0.01 * min(len(text), 20_000):
        raise UserError(f"{path}: binary data, no table")
    if "\0" in text:
        raise UserError(f"{path}: holds zero bytes, as a truncated copy does; fetch it again")
    text = text.replace("\r\n", "\n")
    text = text.replace("\r", " " if "\n" in text else "\n")  # old Macs end lines so; elsewhere it is dirt
    return Opened(path, text, encoding, name=name)


def split_cells(source, text, delimiter, quoting=csv.QUOTE_MINIMAL):
    """Split text into a rectangular array of cells.

    Parameters
    ----------
    source : Opened
        For messages.
    text : str
        Header line and data lines.
    delimiter : str
    quoting : int
        As in the csv module.

    Returns
    -------
    header : list of str
    cells : ndarray of object, shape (n_rows, n_columns)
        Texts as printed.
    rows : ndarray of int, shape (n_rows,)
        Number of each row, counted from the header, which is row 0.
    odd : list of (int, list of str)
        Rows with more or fewer cells than the header has columns: a cell was lost or won somewhere in them, or the
        file was cut there, and its last number may be half of what it was.

    Raises
    ------
    UserError
        When there is no header, or it has too many columns.
    """
    if text.count(delimiter) > MAX_CELLS:
        raise UserError(f"{source.path}: more than {MAX_CELLS // 1_000_000} million cells; split it")
    try:
        lines = list(csv.reader(io.StringIO(text), delimiter=delimiter, quoting=quoting))
    except csv.Error as problem:
        raise UserError(f"{source.path}: no table ({problem})") from None
    header = lines[0] if lines else []
    if not any(header):
        raise UserError(f"{source.path}: the line of column names is empty")
    width = len(header)
    if width > MAX_COLUMNS:
        raise UserError(f"{source.path}: {width} columns, more than {MAX_COLUMNS}; keep those with data")
    lengths = np.fromiter(map(len, lines), int, len(lines))
    if len(lines) > 1 and (lengths[1:] == width + 1).all() and not any(line[-1].strip() for line in lines[1:]):
        header, width = [*header, ""], width + 1  # a delimiter after the last cell of each row
    lengths[0] = 0  # the header is no data; lines without any cell are none either
    narrow = np.flatnonzero((lengths > 0) & (lengths < width))
    lengths[[i for i in narrow if not "".join(lines[i]).strip()]] = 0
    rows = np.flatnonzero(lengths == width)
    odd = [(int(i), lines[i]) for i in np.flatnonzero((lengths > 0) & (lengths != width))]
    cells = np.array([lines[i] for i in rows], dtype=object).reshape(len(rows), width)
    return header, cells, rows, odd
