"""Everything that telephony-core asks of a provider, asked of Acme."""

from __future__ import annotations

from telephony_core.testing.contract import ProviderContract


class TestAcme(ProviderContract):
    provider = "acme"
    new_number = "+442079460018"
    number_key = "e164"
    status_key = "state"

    def page(self, records: list[object], cursor: str | None) -> object:
        return {"numbers": records, "next": cursor}
