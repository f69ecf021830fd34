"""Requests drawn from the API's own description find no failure of the server, and every refusal says why in the one shape."""

from contextlib import suppress

import pytest
from browser import served
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from trained import small_run

from bcdetect.bundle import save_classifier

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed (it is part of the extra 'test')")
web = pytest.importorskip("bcdetect.serve.app", reason="fastapi is not installed (it is part of the extra 'web')")

DESCRIPTION = web.create_app(web.Settings()).openapi()  # it does not depend on the models
ROUTES = [f"{method.upper()} {path}" for path, methods in DESCRIPTION["paths"].items() for method in methods]
ERROR = {"code", "file", "where", "what", "hint"}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_classifier(folder / "small.npz", small_run().classifier)
    with served(folder) as found:
        yield found


def is_busy(response) -> bool:
    """Whether a training run is asked for while one goes on: the server trains one at a time, and kills it when it ends."""
    return response.status_code == 503 and response.json()["error"]["code"] == "busy" and response.request.method == "POST"


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("route", ROUTES, ids=ROUTES)
def test_no_request_that_the_description_allows_or_forbids_breaks_the_server(address, route, mode):
    method, path = route.split()
    operation = schemathesis.openapi.from_dict(DESCRIPTION)[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=20, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def holds(case):
        response = case.call(base_url=address)
        assert response.status_code < 500 or is_busy(response), response.text
        if response.status_code >= 400:
            assert set(response.json()["error"]) == ERROR

    with suppress(Unsatisfiable):  # a route that takes nothing has nothing to be got wrong
        holds()
