"""`telephony sip …`: the trunk of a number."""

import click

from telephony_core.cli.options import group

command: click.Group = group(
    __name__,
    "Show, change and check the trunk of a number.",
    ("show", "set", "check"),
    (
        "telephony sip show -p vox 070-1111-2222",
        "telephony sip check 'sip:pbx.example.com;transport=tls'",
    ),
)
