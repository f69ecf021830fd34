"""What tests of training over HTTP share: requests to a real server, and its event streams read as a browser reads them."""

import json
import urllib.error
import urllib.request

SMALL = {"epochs": 3, "filters": [4], "units": 4, "lr": 0.01}
LONG = {"epochs": 500, "patience": 500, "filters": [4], "units": 4, "batch_size": 2}
LIMIT = 120.0  # seconds to wait for what a loaded machine does in two
ERROR = {"code", "file", "where", "what", "hint"}


class Answer:
    """A response; `data` is what its JSON holds."""

    def __init__(self, response):
        with response:
            self.status, self.headers, self.text = response.status, response.headers, response.read().decode()

    @property
    def data(self):
        return json.loads(self.text)

    def error(self, status: int) -> dict:
        """The parts of the error that it must be."""
        assert self.status == status, self.text
        assert set(self.data["error"]) == ERROR and self.data["error"]["what"]
        return self.data["error"]


class Asking:
    """A client of one server."""

    def __init__(self, address: str):
        self.address = address

    def open(self, method: str, path: str, body: bytes | None = None, **headers: str):
        words = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.address + path, data=body, method=method, headers=words)
        try:
            return urllib.request.urlopen(request, timeout=LIMIT)
        except urllib.error.HTTPError as error:
            return error

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        return Answer(self.open(method, path, body, **headers))

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, path: str, content=None) -> Answer:
        return self.ask("POST", path, json.dumps(content).encode(), Content_Type="application/json")

    def start(self, settings: dict) -> str:
        """The address of a run on the built-in data."""
        answer = self.post("/api/train", {"settings": settings})
        assert answer.status == 202, answer.text
        assert answer.headers["Location"] == answer.data["address"] == f"/api/train/{answer.data['id']}"
        return answer.data["address"]

    def start_on_table(self, csv: bytes, query: str) -> str:
        answer = self.ask("POST", f"/api/train/table?{query}", csv, Content_Type="text/csv")
        assert answer.status == 202, answer.text
        return answer.data["address"]

    def events(self, run: str, after: int | None = None) -> list[dict]:
        """What a run tells, to the end of the stream."""
        headers = {} if after is None else {"Last_Event_ID": str(after)}
        with self.open("GET", f"{run}/events", **headers) as response:
            assert response.status == 200 and response.headers.get_content_type() == "text/event-stream"
            return list(events_of(response))


def events_of(lines):
    """Events of a stream's lines, as they come; comments and the time to wait are none."""
    event = {}
    for line in lines:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "data":
            yield {**event, **json.loads(value)}
            event = {}
        elif name in ("id", "event"):
            event[name] = int(value) if name == "id" else value
