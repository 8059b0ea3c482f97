"""The two clients. They differ in how they send and in nothing else: every operation is a flow of `Operations`."""

from telephony_core.client.async_client import AsyncTelephony
from telephony_core.client.sync_client import Telephony

__all__ = ["AsyncTelephony", "Telephony"]
