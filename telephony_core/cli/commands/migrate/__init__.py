"""`telephony migrate …`: move numbers between providers, one command to a step."""

import click

from telephony_core.cli.options import group

command: click.Group = group(
    __name__,
    """Move numbers between providers without losing one.

    In this order, after `telephony inventory` of the source: assess, map, plan, apply, verify. Then the carrier sends
    the calls to the new provider, and once that has proved itself, release. rollback undoes a migration; status and
    report show its state, at any time.
    """,
    ("assess", "map", "plan", "apply", "status", "verify", "release", "rollback", "report"),
    (
        "telephony inventory -p vox -o vox.json",
        "telephony migrate assess vox.json --to diga",
        "telephony migrate map vox.json --to diga -o map.toml",
        "telephony migrate plan vox.json --to diga --map map.toml -o plan.json",
        "telephony migrate apply plan.json",
    ),
)
