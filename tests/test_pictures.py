"""Pictures: every format and depth comes out as it should look, and what is not a picture is refused in one line."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from bcdetect.errors import InputError
from bcdetect.pictures import fitted, read_picture

GREY = np.arange(12 * 20, dtype=np.uint8).reshape(12, 20)


def saved(path, image, **options):
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "pgm"])
def test_grey_of_8_bits_is_kept_exactly(suffix, tmp_path):
    assert np.array_equal(read_picture(saved(tmp_path / f"a.{suffix}", Image.fromarray(GREY)))[:, :, 0], GREY)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "LA", "1"])
def test_a_grey_picture_saved_in_another_mode_is_still_grey(mode, tmp_path):
    black_and_white = (GREY > 100).astype(np.uint8) * 255
    source = Image.fromarray(black_and_white)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image = source.convert("RGB").convert(mode) if mode == "CMYK" else source.convert(mode)
    found = read_picture(saved(path, image))
    assert found.shape == (12, 20, 1) and np.array_equal(found[:, :, 0], black_and_white)


def test_colours_stay_and_what_is_transparent_is_black(tmp_path):
    colours = np.zeros((4, 4, 4), np.uint8)
    colours[..., 0], colours[:2, :, 3] = 200, 255
    found = read_picture(saved(tmp_path / "a.png", Image.fromarray(colours, "RGBA")))
    assert found.shape == (4, 4, 3) and (found[:2] == [200, 0, 0]).all() and (found[2:] == 0).all()


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_16_bits_are_spread_and_never_clipped_to_white(suffix, tmp_path):
    counts = np.linspace(1000, 4000, 400).reshape(20, 20).astype(np.uint16)
    path = tmp_path / f"a.{suffix}"
    if suffix == "pgm":  # Pillow 10 reads 16 bits and writes none
        path.write_bytes(b"P5\n20 20\n65535\n" + counts.astype(">u2").tobytes())
    else:
        saved(path, Image.fromarray(counts))
    found = read_picture(path)
    assert found.dtype == np.uint16 and found.shape == (20, 20, 1)
    assert len(np.unique(found)) > 390 and (np.diff(found.ravel().astype(int)) >= 0).all()


def test_a_rotated_photograph_stands_upright(tmp_path):
    image = Image.fromarray(GREY)
    exif = image.getexif()
    exif[274] = 6  # turned by a quarter
    assert read_picture(saved(tmp_path / "a.png", image, exif=exif)).shape == (20, 12, 1)


def png_of(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def bytes_of(image, kind):
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize(
    "data, said",
    [
        (b"", "the file is empty"),
        (b"not a picture at all", "not a picture that can be read"),
        (png_of(60_000, 60_000), "pixels"),
        (bytes_of(Image.fromarray(GREY[:1, :1]), "PNG"), "1 x 1 pixels show nothing"),
        *((bytes_of(Image.fromarray(GREY), kind)[:-60], "damaged") for kind in ("PNG", "JPEG", "BMP", "PPM")),
    ],
    ids=["empty", "text", "bomb", "pixel", "png", "jpeg", "bmp", "pgm"],
)
def test_what_is_no_picture_is_refused_by_name(data, said, tmp_path):
    path = tmp_path / "scan.png"
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"scan.png: .*{said}"):
        read_picture(path)


def test_several_pages_are_not_dropped_silently(tmp_path):
    pages = [Image.fromarray(GREY), Image.fromarray(GREY)]
    with pytest.raises(InputError, match="holds 2 pictures"):
        read_picture(saved(tmp_path / "a.tif", pages[0], save_all=True, append_images=pages[1:]))


def test_a_second_picture_whose_header_is_cut_short_is_one_clear_error(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.fromarray(GREY), format="MPO", save_all=True, append_images=[Image.fromarray(GREY)])
    data = path.read_bytes()
    start = data.rindex(b"\xff\xc0")
    path.write_bytes(data[: start + 2] + b"\0\x04" + data[start + 4 :])
    assert read_picture(f"{path}#1").shape == (12, 20, 1)
    with pytest.raises(InputError, match=r"a\.jpg: damaged"):
        read_picture(f"{path}#2")


def test_fitting_keeps_the_shape_and_the_brightness():
    wide = np.full((10, 40, 1), 200, np.uint8)
    found = fitted(wide, 20)
    assert found.shape == (20, 20, 1) and (found[8:12] >= 199).all() and (found[:7] == 0).all() and (found[13:] == 0).all()
    assert fitted(found, 20) is found
