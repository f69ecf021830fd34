"""Write wisconsin.csv from the copy in the scikit-learn wheel: `python data/make_wisconsin.py` (needs scikit-learn).

The numbers are copied as text, so that nothing is rounded. scikit-learn codes malignant as 0; the diagnosis is written
by name here (M malignant, B benign), so that no code is needed to read it.
"""

import csv
import hashlib
import io
from pathlib import Path

DIAGNOSIS = {"0": "M", "1": "B"}


def main() -> None:
    """Write the table beside this script and print its SHA-256."""
    from sklearn import datasets

    source = Path(datasets.__file__).parent / "data" / "breast_cancer.csv"
    rows = list(csv.reader(source.read_text(encoding="ascii").splitlines()))[1:]
    names = [str(name) for name in datasets.load_breast_cancer().feature_names]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["diagnosis", *names])
    writer.writerows([DIAGNOSIS[row[-1]], *row[:-1]] for row in rows)
    content = text.getvalue().encode("ascii")
    Path(__file__).with_name("wisconsin.csv").write_bytes(content)
    print(hashlib.sha256(content).hexdigest())


if __name__ == "__main__":
    main()
