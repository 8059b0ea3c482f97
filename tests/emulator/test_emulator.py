"""The frame of the emulators: what each fault does, late effect, late visibility, and what a request is read as."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from telephony_core.emulator import (
    EmulatedRefusal,
    Emulator,
    Fault,
    FaultKind,
    HttpRequest,
    NotEmulated,
    ReceivedRequest,
    Record,
    RecordStore,
    Response,
    StoredCredentials,
    json_response,
    period_end,
    read_json,
)
from telephony_core.errors import NoAnswer, NotSent
from telephony_core.transport.backend import AsyncBackend, Backend

BASE = "https://api.example.com/v9"


class Notebook(Emulator):
    """A vendor of notes: POST makes one, GET shows those that can be seen."""

    slug = "notebook"
    base_url = BASE

    def answer(self, call: ReceivedRequest) -> Response:
        if call.method == "POST":
            id = self.add(text="note")
            self.appeared(id)
            return json_response(201, self.store[id])
        if call.segments != ("notes",):
            raise EmulatedRefusal(json_response(404, {"error": "no such page"}))
        return json_response(200, [id for id in self.store if self.is_visible(id)])

    def complete(self, fields: Mapping[str, object]) -> Record:
        return {"id": self.new_id(), **fields}


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


def post(path: str = "/notes") -> HttpRequest:
    return HttpRequest("POST", BASE + path)


def get(path: str = "/notes") -> HttpRequest:
    return HttpRequest("GET", BASE + path)


def seen(notebook: Notebook) -> int:
    return len(json.loads(notebook.handle(get()).body))


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "error", "arrived", "acted"),
        [
            (FaultKind.REFUSED, NotSent, 0, 0),
            (FaultKind.LOST_BEFORE, NoAnswer, 1, 0),
            (FaultKind.LOST_AFTER, NoAnswer, 1, 1),
            (FaultKind.LATE, NoAnswer, 1, 0),
            (FaultKind.CUT_IN_BODY, NoAnswer, 1, 1),
            (FaultKind.SILENT, NoAnswer, 1, 0),
            (FaultKind.DRIP, NoAnswer, 1, 1),
        ],
    )
    def test_a_fault_without_an_answer(
        self, notebook: Notebook, kind: FaultKind, error: type[Exception], arrived: int, acted: int
    ) -> None:
        notebook.faults = [Fault(kind)]
        with pytest.raises(error):
            notebook.handle(post())
        assert (len(notebook.requests), len(notebook.records())) == (arrived, acted)

    @pytest.mark.parametrize(("kind", "acted"), [(FaultKind.ANSWER, 0), (FaultKind.ANSWER_AFTER, 1)])
    def test_a_fault_with_an_answer_of_its_own(self, notebook: Notebook, kind: FaultKind, acted: int) -> None:
        page = Response(502, {"content-type": "text/html"}, b"<h1>Bad gateway</h1>")
        notebook.faults = [Fault(kind, response=page)]
        assert notebook.handle(post()) == page
        assert len(notebook.records()) == acted

    def test_it_strikes_once_unless_told_otherwise(self, notebook: Notebook) -> None:
        notebook.faults = [Fault(FaultKind.ANSWER)]
        assert [notebook.handle(post()).status for _ in range(3)] == [503, 201, 201]

    def test_it_can_let_some_pass_and_strike_several_times(self, notebook: Notebook) -> None:
        notebook.faults = [Fault(FaultKind.ANSWER, skip=1, times=2)]
        assert [notebook.handle(post()).status for _ in range(4)] == [201, 503, 503, 201]

    def test_it_chooses_by_method_and_path(self, notebook: Notebook) -> None:
        notebook.faults = [Fault(FaultKind.ANSWER, method="GET", path="/notes")]
        assert notebook.handle(post()).status == 201
        assert notebook.handle(get("/others")).status == 404
        assert notebook.handle(get()).status == 503

    def test_a_path_is_compared_unescaped_and_with_its_slash(self, notebook: Notebook) -> None:
        notebook.faults = [Fault(FaultKind.ANSWER, path="/a b/")]
        assert notebook.handle(get("/a%20b")).status == 404
        assert notebook.handle(get("/a%20b/")).status == 503

    def test_the_first_that_matches_strikes_and_the_others_wait(self, notebook: Notebook) -> None:
        notebook.faults = [
            Fault(FaultKind.ANSWER, response=Response(500, {}, b"")),
            Fault(FaultKind.ANSWER, response=Response(429, {}, b"")),
        ]
        assert [notebook.handle(get()).status for _ in range(3)] == [500, 429, 200]

    def test_a_late_request_happens_when_it_is_let(self, notebook: Notebook) -> None:
        notebook.faults = [Fault(FaultKind.LATE)]
        with pytest.raises(NoAnswer):
            notebook.handle(post())
        assert seen(notebook) == 0
        assert [response.status for response in notebook.act_late()] == [201]
        assert seen(notebook) == 1
        assert notebook.act_late() == []


class TestLateVisibility:
    @pytest.mark.parametrize("reads", [0, 1, 3])
    def test_a_new_record_hides_for_that_many_reads(self, notebook: Notebook, reads: int) -> None:
        notebook.hide_new_for = reads
        notebook.handle(post())
        assert [seen(notebook) for _ in range(reads + 2)] == [0] * reads + [1, 1]

    def test_it_is_there_all_the_same(self, notebook: Notebook) -> None:
        notebook.hide_new_for = 5
        notebook.handle(post())
        assert len(notebook.records()) == 1

    def test_a_read_that_never_reached_the_vendor_does_not_count(self, notebook: Notebook) -> None:
        notebook.hide_new_for = 1
        notebook.handle(post())
        notebook.faults = [Fault(FaultKind.LOST_BEFORE)]
        with pytest.raises(NoAnswer):
            notebook.handle(get())
        assert [seen(notebook), seen(notebook)] == [0, 1]


class TestReading:
    def read(self, notebook: Notebook, path: str, **more: Any) -> ReceivedRequest:
        notebook.handle(HttpRequest("GET", BASE + path, **more))
        return notebook.requests[-1]

    @pytest.mark.parametrize(
        ("path", "segments", "slash"),
        [
            ("", (), False),
            ("/", (), False),
            ("/notes", ("notes",), False),
            ("/notes/", ("notes",), True),
            ("//notes", ("", "notes"), False),
            ("/notes//7", ("notes", "", "7"), False),
            ("/notes/a%2F..%2Fb", ("notes", "a/../b"), False),
        ],
    )
    def test_a_path_becomes_segments(
        self, notebook: Notebook, path: str, segments: tuple[str, ...], slash: bool
    ) -> None:
        call = self.read(notebook, path)
        assert (call.segments, call.trailing_slash) == (segments, slash)

    def test_a_query_keeps_order_repeats_and_blanks(self, notebook: Notebook) -> None:
        call = self.read(notebook, "/notes?b=1&a=%20&b=&c")
        assert call.query == (("b", "1"), ("a", " "), ("b", ""), ("c", ""))
        assert (call.repeated(), call.repeated(but={"b"})) == ("b", None)

    def test_headers_are_lower_case_and_the_key_stays_out_of_repr(self, notebook: Notebook) -> None:
        call = self.read(notebook, "/notes", headers=(("Authorization", "Bearer canary"),), body=b"canary")
        assert call.headers == {"authorization": "Bearer canary"}
        assert "canary" not in repr(call)

    @pytest.mark.parametrize(
        ("value", "bears"),
        [
            ("Bearer key", True), ("bearer key", True), ("Bearer kez", False), ("Bearer ké", False), ("Bearer ", None),
            ("Basic key", None), ("key", None), (None, None),
        ],
    )  # fmt: skip
    def test_the_bearer_token_is_right_wrong_or_missing(
        self, notebook: Notebook, value: str | None, bears: bool | None
    ) -> None:
        headers = () if value is None else (("authorization", value),)
        assert self.read(notebook, "/notes", headers=headers).bears("key") is bears

    @pytest.mark.parametrize(
        ("kind", "is_json"),
        [
            ("application/json", True), ("Application/JSON; charset=utf-8", True),
            ("application/merge-patch+json", True),
            ("text/json", False), ("application/jsonp", False), ("", False),
        ],
    )  # fmt: skip
    def test_the_media_type_says_whether_it_is_json(self, notebook: Notebook, kind: str, is_json: bool) -> None:
        assert self.read(notebook, "/notes", headers=(("content-type", kind),)).is_json is is_json

    @pytest.mark.parametrize(
        "url", ["https://api.example.com/v99/notes", "https://api.example.com/", "http://x/v8/notes"]
    )
    def test_another_base_path_is_not_emulated(self, notebook: Notebook, url: str) -> None:
        with pytest.raises(NotEmulated):
            notebook.handle(HttpRequest("GET", url))

    def test_a_loopback_server_with_the_same_path_is_answered(self, notebook: Notebook) -> None:
        assert notebook.handle(HttpRequest("GET", "http://127.0.0.1:4711/v9/notes")).status == 200


class TestJson:
    def test_answers_are_utf_8(self) -> None:
        assert json_response(200, {"memo": "본사"}, [("x-a", "b")]) == Response(
            200, {"content-type": "application/json", "x-a": "b"}, '{"memo": "본사"}'.encode()
        )

    def test_a_lone_surrogate_goes_back_as_it_came(self) -> None:
        assert json.loads(json_response(422, read_json(rb'"\ud800"')).body) == "\ud800"

    @pytest.mark.parametrize("body", [b"", b"{", b"NaN", b"-Infinity", b"\xff", b"[" * 100_000, b"1 2"])
    def test_what_is_not_json_is_refused(self, body: bytes) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 (the standard library's own words)
            read_json(body)


class TestRecords:
    def test_ids_are_the_same_in_every_run_and_differ_by_account(self) -> None:
        first, again, other = Notebook(), Notebook(), Notebook(api_key="other")
        assert [first.add(text="a") for _ in range(2)] == [again.add(text="a") for _ in range(2)]
        assert other.add(text="a") not in [record["id"] for record in first.records()]

    def test_records_are_copies(self, notebook: Notebook) -> None:
        notebook.add({"id": "1", "tags": []})
        notebook.records()[0]["tags"] = None
        assert notebook.records() == [{"id": "1", "tags": []}]

    def test_a_record_without_an_id_can_still_be_listed(self, notebook: Notebook) -> None:
        key = notebook.add({"text": "no id"})
        assert notebook.records() == [{"text": "no id"}]
        assert json.loads(notebook.handle(get()).body) == [key]

    def test_credentials_are_kept_apart_and_out_of_repr(self, notebook: Notebook) -> None:
        key = notebook.add({"id": "1"}, credentials=StoredCredentials("user", "canary"))
        assert notebook.credentials(key) == StoredCredentials("user", "canary")
        assert notebook.credentials("2") is None
        assert "canary" not in repr(notebook.credentials(key))

    def test_a_listing_is_sorted_and_follows_changes(self) -> None:
        store = RecordStore()
        for key, rank in (("a", 2), ("b", 1), ("c", 2)):
            store.put(key, {"rank": rank})

        def ranks() -> list[str]:
            entries = store.listing(
                "all", lambda _, record: "gone" not in record, lambda _, record: int(str(record["rank"]))
            )
            return [key for _, key in entries]

        assert ranks() == ["b", "a", "c"]
        store.edit("b", {"rank": 3})
        assert ranks() == ["a", "c", "b"]
        store.edit("a", {"gone": True})
        store.remove("c")
        assert ranks() == ["b"]
        assert ("c" in store, len(store), store.position("c")) == (False, 2, 2)


class TestPeriods:
    @pytest.mark.parametrize(
        ("start", "now", "end"),
        [
            ("2026-01-15", "2026-01-20", "2026-02-15"),
            ("2026-01-15", "2026-02-10", "2026-02-15"),
            ("2026-01-15", "2026-02-15", "2026-03-15"),
            ("2025-12-31", "2026-02-10", "2026-02-28"),
            ("2025-12-31", "2026-02-28", "2026-03-31"),
            ("2025-11-30", "2025-12-30", "2026-01-30"),
            ("2026-05-01", "2026-01-01", "2026-06-01"),
        ],
    )
    def test_a_period_ends_on_the_next_monthly_anniversary(self, start: str, now: str, end: str) -> None:
        moments = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (start, now, end)]
        assert period_end(moments[0], moments[1]) == moments[2]


class TestBackend:
    def test_it_serves_either_client(self, notebook: Notebook) -> None:
        backend = notebook.backend()
        assert isinstance(backend, Backend)
        assert isinstance(backend, AsyncBackend)
        assert backend.send(post(), timeout=1).status == 201
        assert asyncio.run(backend.asend(get(), timeout=1)).status == 200

    def test_the_emulator_outlives_its_clients(self, notebook: Notebook) -> None:
        backend = notebook.backend()
        backend.close()
        asyncio.run(backend.aclose())
        assert notebook.handle(get()).status == 200

    def test_many_threads_lose_nothing(self, notebook: Notebook) -> None:
        threads = [threading.Thread(target=lambda: [notebook.handle(post()) for _ in range(50)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({record["id"] for record in notebook.records()}) == len(notebook.requests) == 400
