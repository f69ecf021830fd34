"""A person at the page has fields, not flags: what the library says reaches it without a flag of the command line."""

import ast
import re
from pathlib import Path

import pytest

import bcdetect
from bcdetect.audit.checks import KEEP_TOGETHER
from bcdetect.explain.grade import grade_line
from bcdetect.serve.choices import ALLOWED
from bcdetect.serve.hints import WORDS, spoken

ROOT = Path(bcdetect.__file__).parents[1]
FLAG = re.compile(r"(?<![\w-])--[a-z]")
COMMAND = "python -m bcdetect"
UNHEARD = {  # modules of which a server says nothing with a flag in it, or single texts, and why
    "bcdetect.commands.doing": "a run's folder is the server's own",
    "bcdetect.compare": "what `compare` asks for",
    "bcdetect.config": "settings come by name: see serve.choices",
    "bcdetect.datasets.manifest": "a run here refuses a table that names pictures, before it is read as a manifest",
    "bcdetect.datasets.phantom": "the folder that `data phantom` writes",
    "bcdetect.evaluation": "cross-validation is no run of the page",
    "bcdetect.fetch": "nothing is fetched: no run here names a data set by its name",
    "bcdetect.held_out": "a server judges no model by labelled data",
    "bcdetect.output": "a run's folder is the server's own",
    "bcdetect.report": "the report is the run's own, which stands alone and tells how to go on from a terminal",
    "bcdetect.run": "a run's folder is the server's own",
    "bcdetect.show": "of it `data` alone is told, whose text is below",
    "bcdetect.transfer": "no run here begins from another model",
    "bcdetect.tuning": "what `tune` asks for",
    "bcdetect.workers": "a run here has one process",
    "Leave --init out": "no run here begins from another model",
    KEEP_TOGETHER: "a run tells what its checks found, not what to do then",
}
STARTING = {"bcdetect.serve", *(f"bcdetect.serve.{name}" for name in ("addresses", "server", "settings"))}  # said in the terminal


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "bcdetect").rglob("*.py")}


def imported(name: str) -> set[str]:
    """The modules of ours that one imports, wherever in its text."""
    found = set()
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
    return found & MODULES.keys()


def heard() -> list[str]:
    """Every module that can run in the server or in a run of its own, and may say something to who asks."""
    found, new = set(), {name for name in MODULES if name.startswith("bcdetect.serve.")}
    while new:
        found |= new
        new = set().union(*map(imported, new)) - found
    quiet = {name for name in found if name in STARTING or any(f"{name}.".startswith(f"{each}.") for each in UNHEARD)}
    return sorted(found - quiet - {"bcdetect.serve.hints", "bcdetect.serve.reference"})


def written(part: ast.AST) -> str:
    return part.value if isinstance(part, ast.Constant) else "group" if ast.unparse(part.value) == "option" else "them"


def texts(tree: ast.Module) -> list[str]:
    """The module's texts, not its docstrings; an option that is filled in is "group", anything else "them"."""
    whole = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    apart = {id(part) for node in whole for part in node.values}
    apart |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    filled = ["".join(map(written, node.values)) for node in whole]
    plain = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in apart]
    return filled + plain


def says_how(text: str) -> bool:
    return bool(FLAG.search(text)) or COMMAND in text


HEARD = [(name, text) for name in heard() for text in texts(MODULES[name]) if says_how(text) and text not in UNHEARD]


def test_there_is_something_to_hear():
    names = {name for name, _ in HEARD}
    assert {
        "bcdetect.lenient",
        "bcdetect.datasets.table",
        "bcdetect.datasets.labels",
        "bcdetect.bundle",
        "bcdetect.training",
    } <= names
    everything = {text for tree in MODULES.values() for text in texts(tree)}
    assert all(each in MODULES or each in everything for each in UNHEARD), "a module or a text has moved"


def allowed(text: str) -> bool:
    return "whoever runs this server" in text.lower() or not says_how(text)


@pytest.mark.parametrize("name, text", HEARD)
def test_whatever_can_be_said_to_who_asks_names_no_flag_and_no_command_but_to_the_operator(name, text):
    assert allowed(spoken(text)), spoken(text)


def test_what_a_run_says_of_its_data_names_no_flag():
    from bcdetect.show import TIGHT

    assert "--" in TIGHT and spoken(TIGHT).endswith("(choose the column of patients, group)")


@pytest.mark.parametrize("theirs, ours", WORDS)
def test_a_flag_becomes_a_field_of_the_api(theirs, ours):
    for flag in re.findall(r"--(?:set )?([a-z-]+)", theirs):
        assert flag == "skip-bad" or (flag in ALLOWED and re.search(rf"\W{flag}\)", ours)), flag


def test_without_a_grade_a_page_says_who_can_have_one_made(tmp_path):
    said = spoken(grade_line(tmp_path / "model.npz", "0" * 64))
    assert said.startswith("this model's explanations have no grade; whoever runs this server") and "(" not in said
