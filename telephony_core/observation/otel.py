"""Spans and metrics by OpenTelemetry's API (extra ``otel``): an observer to hand to a client.

    Telephony("vox", observers=[OpenTelemetry()])

Nothing in the library imports this, and the API does nothing where the application has set no SDK up. Each operation is
one span, in whose context its requests are sent: with an instrumentation of the HTTP library each request is a child of
it. Attributes are named by the semantic conventions for HTTP clients, and ``telephony.…`` where they have no name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from opentelemetry import context, metrics, trace

from telephony_core._version import __version__
from telephony_core.observation.events import OperationEvent, OperationObserver, OperationStart, Outcome

SCOPE: Final = "telephony_core"
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60)
"""Boundaries of the buckets: those of the conventions, and two more for operations of many requests."""
_GOOD: Final = (Outcome.DONE, Outcome.ADOPTED)


class OpenTelemetry(OperationObserver):
    """Spans of operations, their duration by outcome, and how many requests were sent again.

    One of them may observe any number of clients. Without a provider of its own it takes the one of the application.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer(SCOPE, __version__, tracer_provider)
        meter = metrics.get_meter(SCOPE, __version__, meter_provider)
        self._durations = meter.create_histogram(
            "telephony.operation.duration",
            unit="s",
            description="How long operations took, pauses and repeated requests included.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._resends = meter.create_counter(
            "telephony.operation.resends", unit="{request}", description="Requests that were sent again."
        )

    def begun(self, operation: OperationStart) -> Callable[[OperationEvent], None]:
        """Start the span of an operation, and make it the current one until the operation ends."""
        attributes = _attributes_of(operation)
        span = self._tracer.start_span(f"{operation.provider} {operation.operation}", attributes=attributes)
        token = context.attach(trace.set_span_in_context(span))

        def ended(event: OperationEvent) -> None:
            # First, so that the application has its own context back whatever fails below.
            context.detach(token)
            outcome: dict[str, str | int] = {"telephony.outcome": str(event.outcome)}
            if event.error is not None:
                # The name of a class, as the conventions want it: few values, and nothing of the message.
                outcome["error.type"] = event.error
            self._durations.record(event.seconds, attributes | outcome)
            if event.resends:
                self._resends.add(event.resends, attributes)
            if span.is_recording():
                span.set_attributes(outcome | _request_of(event))
                # Otherwise it stays unset: a good status is for the application to give (OpenTelemetry, Trace API, Set
                # Status).
                if event.outcome not in _GOOD:
                    span.set_status(trace.StatusCode.ERROR, event.error)
            span.end()

        return ended


def _attributes_of(operation: OperationStart) -> dict[str, str | int]:
    where = urlsplit(f"//{operation.host}")
    attributes: dict[str, str | int] = {
        "telephony.provider": operation.provider,
        "telephony.connection": operation.connection,
        "telephony.operation": operation.operation,
        "server.address": where.hostname or "",
    }
    if where.port is not None:
        attributes["server.port"] = where.port
    return attributes


def _request_of(event: OperationEvent) -> dict[str, str | int]:
    """The request that the operation is about: the last one that changes something, or else the last one."""
    request = {
        "http.request.method": event.method,
        "url.template": event.route,
        "http.response.status_code": event.status,
        # Only where something was sent again, as the conventions have it.
        "http.request.resend_count": event.resends or None,
        "telephony.requests": event.requests,
        "telephony.record": event.record,
    }
    return {name: value for name, value in request.items() if value is not None}
