"""The contract kit: what every provider must do, as tests that an adapter's author inherits.

    class TestAcme(ProviderContract):
        provider = "acme"
        new_number = "+442079460018"

        def page(self, records, cursor):
            return {"numbers": records, "next": cursor}

Run by pytest. Each case runs once with `Telephony` and once with `AsyncTelephony`, on a fresh emulator of the provider
or with canned answers. Which cases there are follows from the declared capabilities: what is declared has to work, and
what is not has to raise with zero requests. `Subject` says what else can be set.
"""

import pytest

# pytest explains the asserts of test files and plugins only, and these are in a package.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{name}"
        for name in (
            "account",
            "answers",
            "declaration",
            "identity",
            "importing",
            "reading",
            "refusals",
            "releasing",
            "secrecy",
            "subject",
            "writing",
        )
    )
)

from telephony_core.testing.contract.account import ContractAccount  # noqa: E402 - pytest has to know first
from telephony_core.testing.contract.answers import Failures, Tolerance  # noqa: E402
from telephony_core.testing.contract.declaration import Declaration  # noqa: E402
from telephony_core.testing.contract.identity import Identity  # noqa: E402
from telephony_core.testing.contract.importing import Importing  # noqa: E402
from telephony_core.testing.contract.reading import Reading  # noqa: E402
from telephony_core.testing.contract.refusals import Refusals  # noqa: E402
from telephony_core.testing.contract.releasing import Releasing  # noqa: E402
from telephony_core.testing.contract.secrecy import Secrecy  # noqa: E402
from telephony_core.testing.contract.subject import Subject  # noqa: E402
from telephony_core.testing.contract.writing import Writing  # noqa: E402

__all__ = ["ContractAccount", "ProviderContract", "Subject"]


class ProviderContract(
    Declaration, Reading, Tolerance, Writing, Importing, Releasing, Identity, Refusals, Failures, Secrecy
):
    """Everything a provider must do. Subclass it, set ``provider`` and ``new_number``, and write `page`."""
