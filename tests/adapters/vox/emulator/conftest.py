"""Accounts to ask: the seeded one, and an empty one."""

from __future__ import annotations

import pytest

from tests.adapters.vox.emulator.account import Account


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def empty() -> Account:
    return Account(seed=False)
