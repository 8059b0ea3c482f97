"""The contract kit on the example of a third party's adapter."""

from __future__ import annotations

from telephony_acme.plugin import telephony_register_provider

from telephony_core.testing.contract import ProviderContract


class TestAcme(ProviderContract):
    provider = telephony_register_provider()
    new_number = "+442079460018"
    number_key = "e164"
    status_key = "state"

    def page(self, records: list[object], cursor: str | None) -> object:
        return {"numbers": records, "next": cursor}
