"""Every error says what to do next."""

from tests.speaking import errors_speak

__all__ = ["errors_speak"]
