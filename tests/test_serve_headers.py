import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdetect.serve.headers import attachment


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("results.csv", 'attachment; filename="results.csv"'),
        ("my results.csv", 'attachment; filename="my results.csv"'),
        ("größe.csv", "attachment; filename=\"gr__e.csv\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.csv"),
        ("50%41.csv", "attachment; filename=\"50_41.csv\"; filename*=UTF-8''50%2541.csv"),
        ("../../etc/passwd", 'attachment; filename="passwd"'),
        ("C:\\data\\rows.csv", 'attachment; filename="rows.csv"'),
        ('a"; filename="b.exe', 'attachment; filename="a_; filename=_b.exe"'),
        ("a\r\nSet-Cookie: b=c", 'attachment; filename="a__Set-Cookie_ b=c"'),
        ("rows\u202evsc.exe", 'attachment; filename="rows_vsc.exe"'),
        (".htaccess", 'attachment; filename="htaccess"'),
        ("..", 'attachment; filename="download"'),
        ("", 'attachment; filename="download"'),
    ],
)
def test_the_name_of_a_download(name, header):
    assert attachment(name) == header


@given(st.text())
def test_no_name_makes_another_header_or_another_folder(name):
    header = attachment(name)
    plain, coded = r'filename="([ !#-$&-.0-\[\]-~]+)"', r"filename\*=UTF-8''([A-Za-z0-9._~%-]+)"
    found = re.fullmatch(f"attachment; {plain}(?:; {coded})?", header)
    assert found, header
    full = unquote(found[2] or found[1], errors="strict")
    assert 0 < len(full) <= 100 and not set(full) & set('/\\:*?"<>|\r\n\0')


def test_a_long_name_keeps_its_ending():
    assert attachment("a" * 500 + ".csv") == f'attachment; filename="{"a" * 96}.csv"'
