"""`telephony fleet …`: plans carried out by many machines."""

import click

from telephony_core.cli.options import group

command: click.Group = group(
    __name__,
    """Let many machines carry plans out.

    Workers take what was submitted. How far it is, `telephony status` and `telephony report` show, and `telephony status
    --fleet` for all plans at once.
    """,
    ("submit", "stop", "approve", "work"),
    (
        "telephony fleet work diga-prod",
        "telephony fleet submit plan.json",
        "telephony fleet approve plan.json",
    ),
)
