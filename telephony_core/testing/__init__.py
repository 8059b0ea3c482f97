"""For tests: accounts at emulators, clients on them, canned answers, time that stands still.

Imports neither pytest nor HTTP. `telephony_core.testing.pytest_plugin` has the same as fixtures. Authors of an adapter
inherit `telephony_core.testing.contract.ProviderContract` on top of this. Names are loaded when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from telephony_core.emulator import json_response
    from telephony_core.testing.accounts import EmulatedAccount, TelephonyConnections, TelephonyEmulator
    from telephony_core.testing.backends import RecordingBackend, ScriptedBackend
    from telephony_core.testing.emulation import emulated, emulated_async, new_emulator
    from telephony_core.testing.virtual_time import virtual_clock

__all__ = [
    "EmulatedAccount",
    "RecordingBackend",
    "ScriptedBackend",
    "TelephonyConnections",
    "TelephonyEmulator",
    "emulated",
    "emulated_async",
    "json_response",
    "new_emulator",
    "virtual_clock",
]

_HOMES: Final = {
    "telephony_core.emulator": ("json_response",),
    "telephony_core.testing.accounts": ("EmulatedAccount", "TelephonyConnections", "TelephonyEmulator"),
    "telephony_core.testing.backends": ("RecordingBackend", "ScriptedBackend"),
    "telephony_core.testing.emulation": ("emulated", "emulated_async", "new_emulator"),
    "telephony_core.testing.virtual_time": ("virtual_clock",),
}
"""Where the names are defined. pytest imports the plugin in here for every project: it must bring nothing along."""


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            found: object = getattr(import_module(home), name)
            # Found once: the next use does not come here any more.
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
