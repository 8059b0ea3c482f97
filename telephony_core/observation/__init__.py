"""What can be seen of a client at work: the log, observers, OpenTelemetry. No bodies, no secrets, no whole numbers."""

from telephony_core.observation.events import OperationEvent, OperationObserver, OperationStart, Outcome, RequestEvent

__all__ = ["OperationEvent", "OperationObserver", "OperationStart", "Outcome", "RequestEvent"]
