"""The SQLite file of a study: nothing of it stays open behind a search, so that it can be moved or deleted."""

import pytest

sqlalchemy = pytest.importorskip("sqlalchemy", reason="optuna is not installed (it is part of the extra 'tune')")

from bcdetect.tuning.optuna import experimental, opened, optuna  # noqa: E402


def test_the_file_is_let_go_of_after_each_transaction(tmp_path):
    with experimental():
        storage = opened(f"sqlite:///{tmp_path / 'study.db'}")
    held, opens = [], []
    sqlalchemy.event.listen(storage.engine, "connect", lambda connection, _: (held.append(connection), opens.append(1)))
    sqlalchemy.event.listen(storage.engine, "close", lambda connection, _: held.remove(connection))
    with experimental():
        study = optuna().create_study(storage=storage, study_name="one")
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    assert len(study.get_trials()) == 2 and opens and not held
