"""A person at the page has fields, not flags: what the library says of data reaches it without a flag of the command line."""

import ast
from pathlib import Path

import pytest

import bcdetect
from bcdetect.explain.grade import grade_line
from bcdetect.serve.hints import spoken

LIBRARY = Path(bcdetect.__file__).parent
OF_DATA = ("lenient.py", "datasets/table.py", "datasets/labels.py", "datasets/decoding.py")  # what pages hear of


def written(part: ast.AST) -> str:
    return part.value if isinstance(part, ast.Constant) else "group" if ast.unparse(part.value) == "option" else "them"


def texts(path: Path) -> list[str]:
    """The module's texts with a flag in them; an option that is filled in is "group", anything else "them"."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    whole = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    inside = {id(part) for node in whole for part in node.values}
    filled = ["".join(map(written, node.values)) for node in whole]
    plain = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in inside]
    return [text for text in filled + plain if " --" in text]


@pytest.mark.parametrize("name", OF_DATA)
def test_what_is_said_of_data_names_no_flag_on_a_page(name):
    found = texts(LIBRARY / name)
    assert found, "nothing to see: the texts have moved"
    for text in found:
        assert "--" not in spoken(text), text


def test_without_a_grade_a_page_says_who_can_have_one_made(tmp_path):
    said = spoken(grade_line(tmp_path / "model.npz", "0" * 64))
    assert said.startswith("this model's explanations have no grade; whoever runs this server") and "(" not in said
