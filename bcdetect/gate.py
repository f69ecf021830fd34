"""The one gate for every file a user hands over: what it is and how large it is, before anything is decoded."""

import os
import stat
from typing import BinaryIO

from bcdetect.errors import InputError

LIMIT = 128 * 2**20  # bytes; a table of 100,000 rows and 30 columns at full precision is half of that

_BOM = b"\xef\xbb\xbf"
_SAVE_AS_CSV = "Save the table as CSV (comma separated, UTF-8) and pass that file"
_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive (an Excel workbook or an .npz file is one)", _SAVE_AS_CSV),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Microsoft Office file, such as .xls", _SAVE_AS_CSV),
    (b"\x1f\x8b", "compressed with gzip", "Decompress it first and pass the CSV file inside"),
    (b"%PDF-", "a PDF document", "Pass the table it was made from, saved as CSV"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture", "A CSV file is wanted here"),
    (b"\xff\xd8\xff", "a JPEG picture", "A CSV file is wanted here"),
    (b"\xff\xfe", "text in UTF-16", "Save it again with the encoding UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "Save it again with the encoding UTF-8"),
)


def read_bytes(path: str | os.PathLike[str], *, limit: int = LIMIT) -> bytes:
    """Return the content of a regular file of 1 to `limit` bytes, of any format.

    Raises InputError for anything else: missing, unreadable, a folder, a device, a pipe, empty, too large.
    """
    with opened(path, limit=limit) as stream:
        try:
            size = os.fstat(stream.fileno()).st_size
            data = stream.read(size + 1)  # not `limit`: as much memory is taken as is asked for
            if len(data) > size:  # it has grown meanwhile
                data += stream.read(limit + 1 - len(data))
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror or error}", file=os.fspath(path)) from error
    check_size(data, limit=limit, file=os.fspath(path))
    return data


def check_size(data: bytes, *, limit: int = LIMIT, file: str = "") -> None:
    """Refuse bytes as `read_bytes` refuses the file that holds them. Raises InputError where there are none, or too many."""
    if not data:
        raise InputError("the file is empty", file=file)
    if len(data) > limit:
        raise _too_large(limit, file)


def opened(path: str | os.PathLike[str], *, limit: int = LIMIT) -> BinaryIO:
    """A regular file of 1 to `limit` bytes, open for whoever needs its head only. Raises InputError as `read_bytes` does."""
    file = os.fspath(path)
    # Opened once and then asked through the descriptor, so that what was checked is what is read;
    # non-blocking, so that a pipe nobody writes to is refused and not waited for.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    stream = None
    try:
        stream = open(file, "rb", opener=lambda name, _: os.open(name, flags))
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise InputError("not a regular file", file=file, hint="Save the data to a file and pass that")
        if status.st_size > limit:
            raise _too_large(limit, file)
        if not stream.peek(1):
            raise InputError("the file is empty", file=file)
        whole, stream = stream, None
        return whole
    except FileNotFoundError:
        raise InputError("no such file", file=file, hint="Check the path") from None
    except IsADirectoryError:
        raise InputError("this is a folder, not a file", file=file, hint="Pass one file inside it") from None
    except (OSError, ValueError) as error:  # ValueError: a path that no file system can hold
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=file) from error
    finally:
        if stream is not None:
            stream.close()


def _too_large(limit: int, file: str) -> InputError:
    return InputError(f"larger than the limit of {limit:,} bytes", file=file, hint="Split it into smaller files")


def decode_text(data: bytes, *, file: str = "") -> str:
    """Return UTF-8 bytes, with or without a byte order mark, as text; line ends stay as they are.

    Raises InputError for another format (told by its first bytes), a NUL byte or another encoding.
    """
    for signature, what, hint in _SIGNATURES:
        if data.startswith(signature):
            raise InputError(f"this is {what}, not UTF-8 text", file=file, hint=hint)
    data = data.removeprefix(_BOM)
    if (at := data.find(b"\0")) >= 0:
        raise InputError("holds a NUL byte: this is not text", file=file, where=_line(data, at), hint=_SAVE_AS_CSV)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            file=file,
            where=_line(data, error.start),
            hint="Save it again with the encoding UTF-8 (in Excel: 'CSV UTF-8')",
        ) from None


def read_text(path: str | os.PathLike[str], *, limit: int = LIMIT) -> str:
    """Read a UTF-8 text file: `read_bytes`, then `decode_text`. Raises InputError as they do."""
    return decode_text(read_bytes(path, limit=limit), file=os.fspath(path))


def _line(data: bytes, at: int) -> str:
    return f"line {len((data[:at] + b'x').splitlines())}"
