"""Depths and layouts that are read silently wrong where one is not careful: every one is read as it looks, or refused."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from bcdetect.errors import InputError
from bcdetect.pictures import read_picture

RAMP = np.arange(16 * 20).reshape(16, 20)
COUNTS = RAMP + 1000  # of 65535: nearly black, were these not spread


def rises(picture):
    """Whether a grey picture brightens from pixel to pixel, with nearly all its shades kept."""
    assert picture.shape == (16, 20, 1) and picture.dtype == np.uint16
    return (np.diff(picture.ravel().astype(int)) >= 0).all() and len(np.unique(picture)) > 300


def png(pixels, colour_type):
    """A PNG of 16 bits, which Pillow cannot write in colour."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(pixels, sample_format=1, photometric=1):
    """A plain TIFF of any dtype and byte order."""
    order = ">" if pixels.dtype.byteorder == ">" else "<"
    height, width = pixels.shape[:2]
    bits, samples = 8 * pixels.itemsize, pixels.shape[2] if pixels.ndim == 3 else 1
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, None), (277, samples), (278, height)]
    tags += [(279, pixels.nbytes), (339, sample_format)]
    at = 8 + 2 + 12 * len(tags) + 4
    entries = b""
    for tag, value in tags:
        if tag == 258 and samples == 3:
            entries += struct.pack(f"{order}HHII", tag, 3, 3, at)
        elif value is None:
            entries += struct.pack(f"{order}HHII", tag, 4, 1, at + 6)
        else:
            entries += struct.pack(f"{order}HHII" if value > 65535 or tag == 279 else f"{order}HHIHH", tag, *_short(tag, value))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    return head + entries + b"\0" * 4 + struct.pack(f"{order}3H", *[bits] * 3) + pixels.tobytes()


def _short(tag, value):
    return (4, 1, value) if value > 65535 or tag == 279 else (3, 1, value, 0)


@pytest.fixture
def read(tmp_path):
    def of(data, name="a"):
        (tmp_path / name).write_bytes(data)
        return read_picture(tmp_path / name)

    return of


OPAQUE = np.full((16, 20, 1), 65535)


@pytest.mark.parametrize(
    "data",
    [
        png(np.repeat(COUNTS[:, :, None], 3, 2), 2),
        png(np.concatenate([np.repeat(COUNTS[:, :, None], 3, 2), OPAQUE], 2), 6),
        png(np.concatenate([COUNTS[:, :, None], OPAQUE], 2), 4),
        png(COUNTS[:, :, None], 0),
        tiff(np.repeat(COUNTS[:, :, None], 3, 2).astype("<u2"), photometric=2),
        tiff(np.repeat(COUNTS[:, :, None], 3, 2).astype(">u2"), photometric=2),
        tiff(COUNTS.astype("<u2")),
        tiff(COUNTS.astype(">u2")),
        tiff((COUNTS - 1150).astype("<i2"), sample_format=2),
        tiff((COUNTS - 1150).astype(">i2"), sample_format=2),
        tiff((RAMP * 10_000_000).astype("<u4")),
        tiff((RAMP - 150).astype("<i4"), sample_format=2),
        tiff(COUNTS.astype("<f4"), sample_format=3),
        b"P5 20 16 1500\n" + COUNTS.astype(">u2").tobytes(),
        b"P2 20 16 1500\n" + " ".join(map(str, COUNTS.ravel())).encode(),
    ],
    ids="rgb rgba la grey tiff-rgb tiff-rgb-be tiff tiff-be signed signed-be u32 i32 float pgm pgm-ascii".split(),
)
def test_grey_of_more_than_8_bits_is_spread(data, read):
    assert rises(read(data))


def test_colours_of_16_bits_keep_their_hue(read):
    colours = np.stack([COUNTS, COUNTS + 100, COUNTS], axis=2)
    seen = read(png(colours, 2))
    assert seen.dtype == np.uint16 and seen.shape == (16, 20, 3)
    inside = (seen > 0) & (seen < 65535)
    shift = seen[..., 1].astype(int) - seen[..., 0]
    assert np.ptp(shift[inside.all(axis=2)]) <= 1 and shift.max() > 10_000 and (seen[..., 0] == seen[..., 2]).all()


@pytest.mark.parametrize("pixels, sample_format", [(COUNTS.astype("<u2"), 1), (COUNTS.astype("<f4"), 3)])
def test_where_the_least_value_is_white(pixels, sample_format, read):
    assert rises(65535 - read(tiff(pixels, sample_format, photometric=0)))


def test_where_the_least_value_is_white_in_8_bits(read):
    assert np.array_equal(read(tiff((RAMP % 256).astype("u1"), photometric=0))[:, :, 0], 255 - RAMP % 256)


def test_signed_8_bits_begin_at_black(read):
    assert np.array_equal(read(tiff((RAMP % 256 - 128).astype("i1"), sample_format=2))[:, :, 0], RAMP % 256)


@pytest.mark.parametrize("kind", ["RGB", "CMYK"])
def test_jpeg_colours_of_four_inks_are_not_turned_round(kind, tmp_path):
    colours = np.zeros((16, 20, 3), np.uint8)
    colours[..., 0], colours[:8, :, 1] = 200, 90
    Image.fromarray(colours).convert(kind).save(tmp_path / "a.jpg", quality=100, subsampling=0)
    assert abs(read_picture(tmp_path / "a.jpg").astype(int) - colours).max() < 8


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_compressed_tiff(compression, dtype, tmp_path):
    pixels = (RAMP % 256).astype(dtype) if dtype == np.uint8 else COUNTS.astype(dtype)
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression=compression)
    seen = read_picture(tmp_path / "a.tif")
    assert np.array_equal(seen[:, :, 0], pixels) if dtype == np.uint8 else rises(seen)


UPRIGHT = np.zeros((6, 4), np.uint8)
UPRIGHT[0], UPRIGHT[:, 0] = 250, 120
# How the picture lies in a file of each EXIF orientation. Source: the table of tag 274 in TIFF 6.0.
STORED = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.T,
    6: np.rot90(UPRIGHT),
    7: UPRIGHT[::-1, ::-1].T,
    8: np.rot90(UPRIGHT, -1),
}


@pytest.mark.parametrize("suffix, deep", [("png", False), ("png", True), ("jpg", False), ("tif", False), ("tif", True)])
@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_stands_upright(orientation, suffix, deep, tmp_path):
    pixels = np.ascontiguousarray(STORED[orientation])
    image = Image.fromarray(pixels.astype(np.uint16) * 200 if deep else pixels)
    exif = image.getexif()
    exif[274] = orientation
    image.save(tmp_path / f"a.{suffix}", exif=exif, **({"quality": 100} if suffix == "jpg" else {}))
    seen = read_picture(tmp_path / f"a.{suffix}")[:, :, 0].astype(float)
    assert seen.shape == UPRIGHT.shape and abs(seen / seen.max() * 250 - UPRIGHT).max() < 12


def test_pages_are_counted_from_1(tmp_path):
    pages = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (10, 20, 30)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert [int(read_picture(f"{tmp_path}/a.tif#{n}")[0, 0, 0]) for n in (1, 2, 3)] == [10, 20, 30]
    for n in (0, 4):
        with pytest.raises(InputError, match=f"has no picture {n}; it holds 3, counted from 1"):
            read_picture(f"{tmp_path}/a.tif#{n}")


def test_a_file_whose_name_ends_in_a_number_sign_is_that_file(tmp_path):
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "lesion#3", "PNG")
    assert read_picture(tmp_path / "lesion#3").shape == (8, 8, 1)


@pytest.mark.parametrize(
    "data", [b"P6 20 16 65535\n" + np.repeat(COUNTS, 3).astype(">u2").tobytes(), tiff(COUNTS.astype("<f8"), 3)]
)
def test_a_layout_that_is_not_read_is_refused_and_not_read_nearly_black(data, read):
    with pytest.raises(InputError, match=r"layout that is not read|kind of TIFF that is not read"):
        read(data)
