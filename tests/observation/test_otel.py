"""Spans and metrics, as the SDK's exporters in memory receive them, alone and beside the instrumentation of httpx."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telephony_core import AsyncTelephony, NotFound, NumberImport, OutboundUpdate, OutcomeUnknown, Telephony
from telephony_core.observation.otel import OpenTelemetry
from telephony_core.testing import EmulatedAccount, virtual_clock

TRUNK = OutboundUpdate(address="pbx.example.com", username="pbx", password="s3cret-canary")
NEW = NumberImport(number="+827099996666", label="Canary", outbound=TRUNK)


@dataclass
class Collected:
    """What an application's SDK has received."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def __post_init__(self) -> None:
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])
        self.observer = OpenTelemetry(tracer_provider=self.tracers, meter_provider=self.meters)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def points(self, name: str) -> list[object]:
        data = self.reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
        assert {scope.scope.name for scope in scopes} <= {"telephony_core"}
        return [p for s in scopes for metric in s.metrics if metric.name == name for p in metric.data.data_points]


@pytest.fixture
def collected() -> Iterator[Collected]:
    collected = Collected()
    yield collected
    collected.tracers.shutdown()
    collected.meters.shutdown()


def client_on(account: EmulatedAccount, collected: Collected, kind=Telephony):
    emulator = account.emulator
    return kind(
        account.provider,
        api_key=emulator.api_key,
        base_url=emulator.base_url,
        backend=emulator.backend(),
        clock=virtual_clock(),
        observers=[collected.observer],
    )


def test_an_operation_is_one_span(collected: Collected) -> None:
    with EmulatedAccount("vox") as account, client_on(account, collected) as client:
        number = client.import_number(NEW)
    (span,) = collected.spans
    assert (span.name, span.kind, span.parent) == ("vox import_number", trace.SpanKind.INTERNAL, None)
    assert span.status.status_code is trace.StatusCode.UNSET
    assert dict(span.attributes or {}) == {
        "telephony.provider": "vox",
        "telephony.connection": "vox",
        "telephony.operation": "import_number",
        "telephony.outcome": "done",
        "telephony.requests": len(account.emulator.requests),
        "telephony.record": number.id,
        "server.address": "client-api.tryvox.co",
        "http.request.method": "POST",
        "url.template": "/telephone-numbers/register",
        "http.response.status_code": 201,
    }
    assert "anary" not in span.to_json()


def test_a_failure_names_its_type_and_what_was_sent_again_is_counted(collected: Collected) -> None:
    account = EmulatedAccount("vox", faults=["lost_before,times=2"])
    with account, client_on(account, collected) as client, pytest.raises(NotFound):
        client.get_number("6f1c0a52-0d2e-4c1b-9999-123456789012")
    (span,) = collected.spans
    attributes = dict(span.attributes or {})
    assert (span.status.status_code, span.status.description) == (trace.StatusCode.ERROR, "NotFound")
    assert (attributes["error.type"], attributes["telephony.outcome"]) == ("NotFound", "failed")
    assert (attributes["http.request.resend_count"], attributes["telephony.requests"]) == (2, 3)
    assert (attributes["url.template"], attributes["http.response.status_code"]) == (
        "/organization-telephone-numbers/{id}",
        404,
    )
    (resends,) = collected.points("telephony.operation.resends")
    assert resends.value == 2


def test_an_unknown_outcome_is_an_error_and_an_adopted_record_is_none(collected: Collected) -> None:
    for fault in ("lost_before,method=POST", "lost_after,method=POST"):
        with EmulatedAccount("vox", faults=[fault]) as account, client_on(account, collected) as client:
            try:
                client.import_number(NEW)
            except OutcomeUnknown:
                continue
    unknown, adopted = collected.spans
    assert [span.attributes["telephony.outcome"] for span in (unknown, adopted)] == ["unknown", "adopted"]
    assert [span.status.is_ok for span in (unknown, adopted)] == [False, True]


def test_the_duration_is_a_histogram_by_outcome(collected: Collected) -> None:
    with EmulatedAccount("vox", size=3) as account, client_on(account, collected) as client:
        for record in account.emulator.records():
            client.get_number(record["id"])
        with pytest.raises(NotFound):
            client.get_number("6f1c0a52-0d2e-4c1b-9999-123456789012")
    points = {
        point.attributes["telephony.outcome"]: point for point in collected.points("telephony.operation.duration")
    }
    assert {outcome: point.count for outcome, point in points.items()} == {"done": 3, "failed": 1}
    assert dict(points["failed"].attributes) == {
        "telephony.provider": "vox",
        "telephony.connection": "vox",
        "telephony.operation": "get_number",
        "telephony.outcome": "failed",
        "server.address": "client-api.tryvox.co",
        "error.type": "NotFound",
    }
    assert "{id}" not in str(points), "what is different for every record is in no metric"


@pytest.mark.parametrize(
    ("host", "address", "port"),
    [
        ("api.example.com", "api.example.com", None),
        ("api.example.com:8443", "api.example.com", 8443),
        ("[::1]:80", "::1", 80),
        ("[::1]", "::1", None),
    ],
)
def test_a_port_is_an_attribute_of_its_own(host: str, address: str, port: int | None, collected: Collected) -> None:
    with EmulatedAccount("diga", size=1) as account:
        client = Telephony(
            "diga",
            api_key=account.api_key,
            base_url=f"https://{host}",
            backend=account.emulator.backend(),
            observers=[collected.observer],
        )
        client.get_number(account.emulator.records()[0]["id"])
    attributes = dict(collected.spans[0].attributes or {})
    assert (attributes["server.address"], attributes.get("server.port")) == (address, port)


@pytest.mark.parametrize("kind", [Telephony, AsyncTelephony])
def test_it_is_a_child_of_the_application_and_leaves_its_context_as_it_was(kind, collected: Collected) -> None:
    tracer = collected.tracers.get_tracer("application")

    async def asked(client: AsyncTelephony, id: str) -> None:
        with tracer.start_as_current_span("handler") as handler:
            await asyncio.gather(client.get_number(id), client.get_number(id))
            assert trace.get_current_span() is handler

    with EmulatedAccount("vox", size=1) as account:
        id = account.emulator.records()[0]["id"]
        client = client_on(account, collected, kind)
        if isinstance(client, AsyncTelephony):
            asyncio.run(asked(client, id))
        else:
            with tracer.start_as_current_span("handler") as handler:
                client.get_number(id)
                client.get_number(id)
                assert trace.get_current_span() is handler
    assert trace.get_current_span() is trace.INVALID_SPAN
    *operations, handler = collected.spans
    assert [span.name for span in operations] == ["vox get_number"] * 2
    assert {span.parent.span_id for span in operations} == {handler.context.span_id}


@pytest.fixture
def instrumented(collected: Collected) -> Iterator[None]:
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=collected.tracers, meter_provider=MeterProvider())
    yield
    instrumentor.uninstrument()


@pytest.mark.parametrize("kind", [Telephony, AsyncTelephony])
def test_beside_the_instrumentation_of_httpx_each_request_is_a_child_and_nothing_is_there_twice(
    kind, instrumented: None, collected: Collected
) -> None:
    with EmulatedAccount("vox", faults=["answer,status=503"]) as account:
        given = {"api_key": account.api_key, "base_url": account.base_url, "backend": "httpx"}

        async def main() -> None:
            async with AsyncTelephony("vox", **given, observers=[collected.observer]) as client:
                await client.import_number(NEW)

        if kind is AsyncTelephony:
            asyncio.run(main())
        else:
            with Telephony("vox", **given, observers=[collected.observer]) as client:
                client.import_number(NEW)
        sent = len(account.emulator.requests)
    ours = [span for span in collected.spans if span.instrumentation_scope.name == "telephony_core"]
    theirs = [span for span in collected.spans if span not in ours]
    assert (len(ours), len(theirs)) == (1, sent)
    assert {span.parent.span_id for span in theirs} == {ours[0].context.span_id}
    assert {span.kind for span in theirs} == {trace.SpanKind.CLIENT}
    assert ours[0].attributes["http.request.resend_count"] == 1


PROGRAM = """
import json, sys
from telephony_core import Telephony
from telephony_core.testing import EmulatedAccount
with EmulatedAccount("vox") as account:
    list(account.client.list_numbers())
print(json.dumps([name for name in sys.modules if name.startswith("opentelemetry")]))
"""


def test_who_does_not_use_it_does_not_import_it() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env={})
    assert json.loads(done.stdout) == []


def test_without_an_sdk_it_does_nothing() -> None:
    with EmulatedAccount("vox", size=1) as account:
        client = Telephony(
            "vox", api_key="emulator-key", backend=account.emulator.backend(), observers=[OpenTelemetry()]
        )
        assert len(list(client.list_numbers())) == 1
    assert trace.get_current_span() is trace.INVALID_SPAN
