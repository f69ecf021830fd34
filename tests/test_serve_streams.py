"""Event streams beat, end, give their places back, and speak as browsers understand; hints are in the words of the page."""

import asyncio

import pytest
from trained import write_table

pytest.importorskip("starlette", reason="starlette is not installed (it is part of the extra 'web')")

from bcdetect.datasets.table import load_table
from bcdetect.errors import InputError
from bcdetect.serve.choices import ALLOWED
from bcdetect.serve.hints import on_the_wire, spoken
from bcdetect.serve.offered import OFFERED, Chosen
from bcdetect.serve.setting_words import FIRST, OF_DATA, WORDS
from bcdetect.serve.streams import EventStream, Streams
from bcdetect.serve.work import Busy


class Told:
    """A run that tells one event and then nothing, until it is closed."""

    def __init__(self):
        self.closed = False

    async def events(self):
        try:
            yield {"id": 7, "event": "line", "text": "two\nlines"}
            await asyncio.Event().wait()
        finally:
            self.closed = True


async def respond(streams, told, receive, send):
    await EventStream(streams, told.events())({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)


def test_a_stream_beats_and_ends_when_it_is_told_to():
    async def main():
        streams, told, texts = Streams(beat=0.01), Told(), []
        async for text in streams.texts(told.events()):
            texts.append(text)
            if len(texts) == 5:
                streams.end()
        assert texts[0] == "retry: 2000\n\n"
        assert texts[1] == 'id: 7\nevent: line\ndata: {"text": "two\\nlines"}\n\n'
        assert texts[2:] == [": nothing new\n\n"] * 3 and told.closed
        assert [text async for text in streams.texts(Told().events())] == texts[:1]  # none is begun any more
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


@pytest.mark.parametrize("where", ["waiting", "sending"])
def test_a_client_that_goes_away_gives_its_place_back(where):
    async def main():
        streams, told, sent, going = Streams(most=1), Told(), asyncio.Event(), asyncio.Event()

        async def receive():
            await going.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            if b"data" in message.get("body", b""):
                sent.set()
                if where == "sending":
                    await asyncio.Event().wait()

        one = asyncio.create_task(respond(streams, told, receive, send))
        await sent.wait()
        with pytest.raises(Busy):
            await respond(streams, Told(), receive, None)  # nothing is sent
        assert streams.open == 1
        going.set()
        await one
        assert streams.open == 0 and told.closed and len(asyncio.all_tasks()) == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    "header, rows, options",
    [
        (["a", "diagnosis"], [["x", "M"], ["1", "B"]], {}),
        (["a", "kind"], [["1", "u"], ["2", "v"]], {}),
        (["a", "kind"], [["1", "u"], ["2", "v"]], {"label": "kind"}),
        (["a", "kind"], [["1", "u"], ["2", "v"]], {"label": "kind", "positive": "w"}),
        (["a", "kind"], [["1", "u"], ["2", "v"], ["3", "w"]], {"label": "kind", "positive": "w"}),
        (["a", "diagnosis"], [["1", "M"], ["2", "B"]], {"positive": "benign"}),
        (["a", "diagnosis"], [["1", "M"], ["2", "B"]], {"group": "patient"}),
        (["a", "diagnosis"], [["1", "M"], ["2", "B"]], {"drop": ["b"]}),
        (["a", "kind"], [[str(k), str(k)] for k in range(60)], {"label": "kind"}),
        (["patient", "case", "a", "diagnosis"], [["1", "1", "1", "M"], ["1", "1", "2", "B"], ["2", "2", "3", "M"]], {}),
    ],
)
def test_no_hint_speaks_of_the_command_line(header, rows, options, tmp_path):
    with pytest.raises(InputError) as caught:
        load_table(write_table(tmp_path / "t.csv", header, rows), **options)
    assert "--" in caught.value.hint and caught.value.hint != spoken(caught.value.hint)
    assert "--" not in spoken(caught.value.hint)
    error = {name: getattr(caught.value, name) for name in ("code", "file", "where", "what", "hint")}
    wired = on_the_wire({"id": 1, "event": "error", "error": error, "state": "failed"})
    assert wired["event"] == "failed" and wired["error"]["file"] == "t.csv" and "--" not in wired["error"]["hint"]


def test_every_setting_has_words_and_its_bounds_are_taken_and_no_more():
    assert WORDS.keys() == ALLOWED.keys() == {one.name for one in OFFERED} and {*FIRST, *OF_DATA} < WORDS.keys()
    assert Chosen().model_dump(exclude_unset=True) == {}
    for one in OFFERED:
        if one.least is None:
            continue
        for value in (one.least, one.most):
            taken = [value] if one.kind == "ints" else value
            assert Chosen.model_validate({one.name: taken}).model_dump(exclude_unset=True) == {one.name: taken}
        for value in (one.least - 1, one.most * 2 + 1, float("nan")):
            with pytest.raises(ValueError, match=one.name):
                Chosen.model_validate({one.name: [value] if one.kind == "ints" else value})
