"""Numbers of the seeded emulators that the commands are tried on."""

MAIN_LINE = "+827011112222"
"""vox: imported, active, one live record."""
SPANISH_MOBILE = "+34612345678"
"""Diga: imported, active, with agents."""
BOUGHT = "07012345678"
"""vox: purchased, active."""


def live_id(emulator, number):
    (record,) = [each for each in emulator.records() if each["number"] == number and each["status"] != "expired"]
    return record["id"]
