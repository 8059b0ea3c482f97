"""Makes ``python -m telephony_core.cli`` the same command."""

from telephony_core.cli import main

main()
