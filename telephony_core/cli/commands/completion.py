"""`telephony completion`: the script by which a shell completes command lines."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from telephony_core.cli.options import examples, options_without_connection


@examples(
    'eval "$(telephony completion bash)"',
    "telephony completion zsh > _telephony",
    "telephony completion fish > ~/.config/fish/completions/telephony.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@options_without_connection("a shell completes for every connection")
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete.

    It completes commands, options, connections of your configuration, slugs of providers and files. For bash (4.4 or
    newer) or zsh, eval it where your shell starts.
    """
    root = ctx.find_root()
    # The word by which it was started: a shell completes what is typed.
    name = root.info_name or "telephony"
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"nothing is known of {shell}")
    click.echo(kind(root.command, {}, name, f"_{name.upper()}_COMPLETE").source())
