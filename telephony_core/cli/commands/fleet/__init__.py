"""`telephony fleet …`: plans carried out by many machines."""

import click

from telephony_core.cli.options import group

command: click.Group = group(
    __name__,
    """Let many machines carry plans out.

    Workers take what was submitted. How far it is, `telephony status` shows, for all plans with --fleet.
    """,
    ("submit", "stop", "approve", "work"),
    (
        "telephony fleet work diga-prod",
        "telephony fleet submit plan.json",
        "telephony fleet approve plan.json",
    ),
)
