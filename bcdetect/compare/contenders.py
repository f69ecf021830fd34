"""What can be compared: each is fitted on the same rows of a fold and answers for its test rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

import numpy as np

from bcdetect.baselines import Logistic, majority
from bcdetect.compare.rivals import Boosting, RbfSvm, fewest
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.errors import UsageError
from bcdetect.evaluation import FOLD_VALIDATION, fold_scores, train_network
from bcdetect.preprocessing import PictureScaler, Standardiser

PERMUTED = "columns permuted"


@dataclass(frozen=True)
class Answer:
    """Probabilities (n, K) and class numbers (n,) for the test rows; `facts` is what else is worth keeping, ready for JSON."""

    probabilities: np.ndarray
    predicted: np.ndarray
    facts: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Contender:
    """Something with a name that learns from the rows `rest` of a data set and answers for the rows `test`."""

    name: str

    def answer(self, data: Dataset, rest: np.ndarray, test: np.ndarray, seed: int) -> Answer:
        """Learn and answer; a row's class is the likeliest, of two classes malignant from 0.5 on."""
        raise NotImplementedError

    def described(self) -> dict:
        """Its settings, ready for JSON."""
        return {}


@dataclass(frozen=True)
class Network(Contender):
    """A CNN of these settings. `columns` puts a table's columns into another order before it."""

    config: Config = field(default_factory=Config)
    columns: tuple[int, ...] | None = None

    def answer(self, data, rest, test, seed):
        """See Contender. Of the rows a stratified part chooses the epoch."""
        if self.columns is not None:
            order = list(self.columns)
            data = replace(data, x=data.x[:, order], feature_names=tuple(data.feature_names[k] for k in order))
        classifier = train_network(data, rest, replace(self.config, seed=seed), validation_share(data, rest))
        p = classifier.predict_rows(data, test)
        return Answer(p, classifier.decide(p))

    def described(self):
        """See Contender."""
        return {"settings": asdict(self.config)} | ({"columns": list(self.columns)} if self.columns else {})


@dataclass(frozen=True)
class LogisticRegression(Contender):
    """Logistic regression by our own engine (see `baselines`)."""

    name: str = "logistic regression"

    def answer(self, data, rest, test, seed):
        """See Contender."""
        scale = scaler(data, rest)
        model = Logistic(scale.flat(data, rest), data.y[rest], len(data.class_names))
        return likeliest(model.predict_proba(scale.flat(data, test)), {"converged": model.converged})

    def described(self):
        """See Contender."""
        return {"fixed": "C 1"}


@dataclass(frozen=True)
class Majority(Contender):
    """The class shares of the training rows, for every row."""

    name: str = "majority class"

    def answer(self, data, rest, test, seed):
        """See Contender."""
        return likeliest(majority(data.y[rest], len(data.class_names), len(test)))


@dataclass(frozen=True)
class Svm(Contender):
    """See `rivals.RbfSvm`."""

    name: str = "RBF SVM"
    rival: type = RbfSvm

    def answer(self, data, rest, test, seed):
        """See Contender."""
        scale = scaler(data, rest)
        groups = None if data.groups is None else data.groups[rest]
        model = self.rival().fit(scale.flat(data, rest), data.y[rest], groups, seed)
        return likeliest(model.predict_proba(scale.flat(data, test)))

    def described(self):
        """See Contender."""
        return {"fixed": self.rival.settings}


@dataclass(frozen=True)
class GradientBoosting(Svm):
    """See `rivals.Boosting`."""

    name: str = "gradient boosting"
    rival: type = Boosting


def baselines(rivals: bool) -> list[Contender]:
    """What every network is measured against; with `rivals`, scikit-learn's two as well."""
    return [LogisticRegression(), Majority(), *([Svm(), GradientBoosting()] if rivals else [])]


def likeliest(p: np.ndarray, facts: dict | None = None) -> Answer:
    """Probabilities (n, K) and the class that each row goes to, a tie of two classes to malignant."""
    predicted = (p[:, 1] >= 0.5).astype(np.intp) if p.shape[1] == 2 else p.argmax(axis=1)
    return Answer(p, predicted, facts or {})


def scaler(data: Dataset, rows: np.ndarray) -> Standardiser | PictureScaler:
    """The preprocessing of these rows alone."""
    return (PictureScaler if data.pictures else Standardiser).fit(data, rows)


def validation_share(data: Dataset, rows: np.ndarray) -> float:
    """FOLD_VALIDATION, or more where that would leave a class without two rows to choose the epoch by."""
    return max(FOLD_VALIDATION, min(0.5, 2 / np.bincount(data.y[rows])[np.unique(data.y[rows])].min()))


def fewest_of(data: Dataset, rows: np.ndarray) -> int:
    """Rows, or groups, of the class that has the fewest among these rows."""
    return fewest(data.y[rows], None if data.groups is None else data.groups[rows])


def permuted(network: Network, data: Dataset) -> Network:
    """The same network behind one fixed permutation of the table's columns, drawn from its seed. UsageError for pictures."""
    if data.pictures:
        raise UsageError("--permute-columns is for tables", hint="Pictures have no columns; leave it out")
    columns = np.random.default_rng([network.config.seed, len(data.feature_names)]).permutation(len(data.feature_names))
    return replace(network, name=PERMUTED, columns=tuple(columns.tolist()))


def metrics_of(data: Dataset) -> list[str]:
    """The names of the metrics that folds of such data get."""
    classes = np.arange(len(data.class_names))
    return list(fold_scores(classes, np.eye(len(classes)), classes, data.class_names))
