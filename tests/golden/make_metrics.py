"""Write metrics.npz, the numbers of scikit-learn that tests/test_metrics.py expects: `python tests/golden/make_metrics.py`."""

from pathlib import Path

import numpy as np
import sklearn
from sklearn import metrics as sk


def main() -> None:
    rng = np.random.default_rng(20240601)
    y_true = rng.permutation(np.repeat([0, 1], [71, 43]))
    y_score = np.clip(rng.normal(0.35 + 0.3 * y_true, 0.25), 0, 1).round(2)  # rounded and clipped: many ties, 0s and 1s
    y_pred = (y_score >= 0.5).astype(np.int64)
    fpr, tpr, thresholds = sk.roc_curve(y_true, y_score, drop_intermediate=False)
    many_true = rng.permutation(np.repeat([0, 1, 2, 3], [40, 25, 15, 10]))
    logits = rng.normal(size=(90, 4)) + 1.5 * np.eye(4)[many_true]
    many_score = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    many_pred = many_score.argmax(axis=1)
    expected = {
        "confusion_matrix": sk.confusion_matrix(y_true, y_pred),
        "accuracy_score": sk.accuracy_score(y_true, y_pred),
        "balanced_accuracy_score": sk.balanced_accuracy_score(y_true, y_pred),
        "sensitivity": sk.recall_score(y_true, y_pred),
        "specificity": sk.recall_score(y_true, y_pred, pos_label=0),
        "precision_score": sk.precision_score(y_true, y_pred),
        "f1_score": sk.f1_score(y_true, y_pred),
        "roc_auc_score": sk.roc_auc_score(y_true, y_score),
        "log_loss": sk.log_loss(y_true, y_score),
        "brier_score_loss": sk.brier_score_loss(y_true, y_score),
        "roc_curve": np.stack([fpr, tpr, thresholds]),
        "many_confusion_matrix": sk.confusion_matrix(many_true, many_pred),
        "many_accuracy_score": sk.accuracy_score(many_true, many_pred),
        "many_balanced_accuracy_score": sk.balanced_accuracy_score(many_true, many_pred),
        "many_macro_f1_score": sk.f1_score(many_true, many_pred, average="macro"),
        "many_macro_auc_score": sk.roc_auc_score(many_true, many_score, multi_class="ovr", average="macro"),
        "many_log_loss": sk.log_loss(many_true, many_score),
    }
    inputs = {"y_true": y_true, "y_score": y_score, "y_pred": y_pred}
    inputs |= {"many_true": many_true, "many_score": many_score, "many_pred": many_pred}
    path = Path(__file__).with_name("metrics.npz")
    np.savez_compressed(path, **inputs, **expected, made_by=f"scikit-learn {sklearn.__version__}")
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
