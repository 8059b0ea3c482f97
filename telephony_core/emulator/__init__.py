"""The frame of a vendor's emulator: one lock, one log, faults that can be switched on.

An adapter subclasses `Emulator` and writes `answer`, strictly from the vendor's contract. The result is a backend for
both clients in process (`Emulator.backend`), and a real server on loopback (`telephony_core.emulator.server`).
"""

from telephony_core.emulator.backend import EmulatorBackend
from telephony_core.emulator.emulator import (
    EmulatedOutcome,
    EmulatedRefusal,
    Emulator,
    NotEmulated,
    ReceivedRequest,
    json_response,
    read_json,
    utc_now,
)
from telephony_core.emulator.faults import Fault, FaultKind
from telephony_core.emulator.periods import period_end
from telephony_core.emulator.reading import NoQuery, RequestModel, RequestReader, Unfit, validation_list
from telephony_core.emulator.records import Entry, Record, RecordStore, StoredCredentials
from telephony_core.provider.flow import Response
from telephony_core.transport.backend import HttpRequest

__all__ = [
    "EmulatedOutcome",
    "EmulatedRefusal",
    "Emulator",
    "EmulatorBackend",
    "Entry",
    "Fault",
    "FaultKind",
    "HttpRequest",
    "NoQuery",
    "NotEmulated",
    "ReceivedRequest",
    "Record",
    "RecordStore",
    "RequestModel",
    "RequestReader",
    "Response",
    "StoredCredentials",
    "Unfit",
    "json_response",
    "period_end",
    "read_json",
    "utc_now",
    "validation_list",
]
