"""`telephony fleet …`: workers."""

import click

from telephony_core.cli.options import group

command: click.Group = group(
    __name__,
    """Work on what was submitted.

    Plans come by `telephony submit`, which `stop` and `approve` steer; `telephony status --fleet` shows all of them.
    """,
    ("work",),
    ("telephony fleet work diga-prod", "telephony submit plan.json", "telephony status --fleet"),
)
