"""`telephony agents …`: agents, and which of them serve a number."""

import click

from telephony_core.cli.options import group

command: click.Group = group(
    __name__,
    "List agents, and assign them to a number.",
    ("list", "assign"),
    (
        "telephony agents list -p vox",
        "telephony agents assign 070-1111-2222 -p vox --inbound-agent AGENT_ID --agent-version published",
    ),
)
