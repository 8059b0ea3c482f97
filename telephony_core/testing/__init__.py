"""For tests: a client on an emulator, canned answers, time that stands still. Imports neither pytest nor HTTP.

Authors of an adapter inherit `telephony_core.testing.contract.ProviderContract` on top of this.
"""

from telephony_core.emulator import json_response
from telephony_core.testing.backends import RecordingBackend, ScriptedBackend
from telephony_core.testing.emulated import emulated, emulated_async, new_emulator
from telephony_core.testing.virtual_time import virtual_clock

__all__ = [
    "RecordingBackend",
    "ScriptedBackend",
    "emulated",
    "emulated_async",
    "json_response",
    "new_emulator",
    "virtual_clock",
]
