"""`telephony numbers …`: the numbers of one connection."""

import click

from telephony_core.cli.options import group

command: click.Group = group(
    __name__,
    "List, show, import, label, set and release numbers.",
    ("list", "show", "import", "label", "set", "release", "revoke-release", "available"),
    (
        "telephony numbers list -p vox",
        "telephony numbers show -p diga '+34 612 34 56 78'",
    ),
)
