"""Every page as a person sees it, at the size of a desk and of a phone, light and dark; and what in it would shut somebody out.

    python benchmarks/page_shots.py FOLDER [--models MODELS] [--only TEXT]      writes FOLDER/NAME-SIZE-SCHEME.png

Models of a table and of pictures are trained first where none are given. Wrong is: an error or a warning of the console, a
request to another host, an answer of 5xx, a page that scrolls sideways, and what `page_audit.js` finds (faint text, controls
without a name, small targets, headings that skip). A line is printed for each picture; the exit code is 1 if any is wrong.
"""

import argparse
import contextlib
import io
import sys
import tempfile
from pathlib import Path

from bcdetect.cli import main as bcdetect

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))
from browser import SIZES, Watched, chromium, served  # noqa: E402

AUDIT = (HERE / "page_audit.js").read_text(encoding="utf-8")
ACROSS = """Math.max(...[document.documentElement, ...document.querySelectorAll("dialog[open]")].map(
  (box) => box.scrollWidth - box.clientWidth))"""  # pixels that a person would have to scroll sideways for
TOKEN = "a-token-of-some-length"
WAIT = 120_000  # milliseconds; a loaded machine is slow


def main() -> int:
    """Serve the models, take every picture that is wanted, and return 1 where one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=Path, help="models to serve; trained if left out")
    parser.add_argument("--only", default="", help="part of the names of the pages wanted")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    wanted = {name: steps for name, steps in STEPS.items() if options.only in name}
    wrong = 0
    with tempfile.TemporaryDirectory() as place, chromium() as browser:
        (empty := Path(place) / "empty").mkdir()
        models = options.models or trained(Path(place))
        with served(models) as full, served(empty) as bare, served(empty, BCDETECT_TOKEN=TOKEN) as locked:
            addresses = {"empty": bare, "login": locked}
            for size in SIZES:
                for name, steps in wanted.items():
                    address = addresses.get(name.partition("-")[0], full)
                    wrong += taken(browser, address, size, name, steps, options.folder)
    print(f"{wrong} faults" if wrong else "nothing wrong")
    return 1 if wrong else 0


def trained(place: Path) -> Path:
    """A model of the built-in table and one of synthetic exams, hardly trained."""
    with contextlib.redirect_stdout(io.StringIO()):
        bcdetect(["data", "phantom", "--patients", "24", "--size", "32", "--quiet", "--out", f"{place}/phantoms"])
        manifest = f"{place}/phantoms/manifest.csv"
        pictures = ["train", "--data", manifest, "--set", "image_size=32", "--epochs", "3", "--out", f"{place}/models/phantoms"]
        bcdetect([*pictures, "--quiet"])
        bcdetect(["train", "--epochs", "20", "--quiet", "--out", f"{place}/models/table"])
    return place / "models"


def taken(browser, address: str, size: str, name: str, steps, folder: Path) -> int:
    """Bring a page into its state, take its picture light and dark; gives the number of faults."""
    context = browser.new_context(viewport=SIZES[size], color_scheme="light", accept_downloads=True)
    context.set_default_timeout(WAIT)
    watch = Watched(context.new_page(), address)
    faults = 0
    try:
        for suffix in steps(watch) or [""]:
            for scheme in ("light", "dark"):
                watch.page.emulate_media(color_scheme=scheme)
                watch.page.wait_for_timeout(250)  # what fades has faded
                path = folder / f"{name}{suffix}-{size}-{scheme}.png"
                watch.page.screenshot(path=path, full_page=not watch.page.locator("dialog[open]").count())
                found = [*watch.wrong, *watch.page.evaluate(AUDIT)]
                across = watch.page.evaluate(ACROSS)
                found += [f"{across} pixels too wide"] * (across > 0)
                watch.wrong.clear()
                print(f"{path.name:44} {'; '.join(found) or 'good'}", flush=True)
                faults += len(found)
            watch.page.emulate_media(color_scheme="light")
    finally:
        context.close()
    return faults


def opened(path: str):
    """A page as it opens."""

    def steps(watch):
        watch.open(path).wait_for_load_state("networkidle")

    return steps


def table(watch):
    """Steps of the page of tables: empty, and with the answers of its example rows, one opened."""
    page = watch.open("/table")
    yield "-empty"
    page.get_by_role("button", name="Try it with rows").click()
    page.get_by_role("heading", name="Answers for").wait_for()
    page.locator(".good-row").first.click()
    page.locator(".evidence").first.wait_for()
    yield "-answers"


def pictures(watch):
    """Steps of the page of pictures: empty, with an answer, and with that opened."""
    page = watch.open("/pictures")
    yield "-empty"
    page.locator("#synthetic").click()
    page.locator("button.shot").wait_for()
    yield "-answers"
    page.locator("button.shot").click()
    page.locator("#stage:not([aria-busy]) img").first.wait_for()
    page.locator("#facts h3").wait_for()
    yield "-opened"


def explore(watch):
    """The one step of the page that explores: once its map is drawn."""
    watch.open("/explore").locator("#map svg, #map canvas").first.wait_for()
    yield ""


def inside(watch):
    """Steps of the page that looks inside: empty, a convolution forward and backward, and the answer."""
    page = watch.open("/inside")
    synthetic = page.locator("[data-synthetic]:is(button)")
    if synthetic.count():
        yield "-empty"
        synthetic.last.click()
    page.locator("#told .told").wait_for()
    while "conv" not in page.locator("#layers [aria-current]").get_attribute("title"):
        page.keyboard.press("ArrowRight")
    page.locator("#told .told", has_text="conv").wait_for()
    yield "-forward"
    page.get_by_text("backward: gradients").click()
    page.locator("#number-title", has_text="gradient").wait_for()
    yield "-backward"
    page.get_by_text("forward: values").click()
    page.locator("#layers button").last.dispatch_event("click")  # on a phone the list is folded
    page.locator("#told .told", has_text="The answer").wait_for()
    yield "-answer"


def train(watch):
    """Steps of the page that trains: before, during and after a run that is stopped."""
    page = watch.open("/train")
    yield "-before"
    for setting in ("epochs", "patience"):  # so that it does not end by itself before it is stopped
        page.locator(f"#set-{setting}").evaluate("(field) => { field.value = 500; }")
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator("#run-epoch", has_text="epoch").wait_for()
    page.wait_for_timeout(1500)  # some more epochs
    yield "-during"
    page.locator("#stop").click()
    page.locator("#outcome > *").first.wait_for()
    yield "-after"


STEPS = {
    "start": opened("/"),
    "table": table,
    "patient": opened("/patient"),
    "pictures": pictures,
    "explore": explore,
    "model": opened("/model"),
    "inside": inside,
    "train": train,
    "api": opened("/api"),
    "words": opened("/words"),
    "login": opened("/"),
    "empty-start": opened("/"),
    "empty-table": opened("/table"),
    "empty-pictures": opened("/pictures"),
    "empty-model": opened("/model"),
}


if __name__ == "__main__":
    sys.exit(main())
