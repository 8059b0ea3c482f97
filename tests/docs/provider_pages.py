"""Write one page for each of our providers into ``docs/providers``: ``python -m tests.docs.provider_pages``.

Everything on them is declared: what a provider offers, with its source, and what a number keeps when it moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from telephony_core.cli.output.capabilities import NOTHING, Point, points
from telephony_core.provider.port import ProviderSpec
from telephony_core.provider.registry import registry
from tests.docs.matrix import OURS, README

FOLDER = README.parent / "docs" / "providers"
WRITTEN_BY = "<!-- written by `python -m tests.docs.provider_pages` -->"


def pages() -> dict[Path, str]:
    """Every page, by its file."""
    specs = [registry.spec(slug) for slug in OURS]
    found = {FOLDER / f"{spec.slug}.md": "\n".join(_page(spec, specs)) for spec in specs}
    return {FOLDER / "README.md": "\n".join(_overview(specs)), **found}


def _overview(specs: list[ProviderSpec]) -> Iterator[str]:
    yield from ("# Providers", "", WRITTEN_BY, "")
    yield "One page for each provider that comes along, and what a number loses when it moves from the one (row) to the"
    yield "other (column): settings that the first shows and the second does not support. Passwords are shown by none"
    yield "and given anew in the map of a migration. Settings that the model has no field for are lost in every move,"
    yield "and are on the page of their provider. `telephony migrate assess` says the same for each of your numbers."
    yield ""
    yield f"| from | {' | '.join(f'to [{spec.title}]({spec.slug}.md)' for spec in specs)} |"
    yield "|---" * (len(specs) + 1) + "|"
    for source in specs:
        yield f"| {source.title} | {' | '.join(_losses(source, target) for target in specs)} |"
    yield ""


def _page(spec: ProviderSpec, specs: list[ProviderSpec]) -> Iterator[str]:
    declared = points(spec.capabilities)
    tried = sum(point.fact is not None and point.fact.verified for point in declared)
    links = ", ".join(f"[{name}]({url})" for name, url in spec.links.items())
    yield from (f"# {spec.title}", "", WRITTEN_BY, "")
    yield f"Slug `{spec.slug}`, region {spec.capabilities.region}. {links}."
    yield ""
    yield f"Points that were tried against the live service: {tried}. `telephony providers {spec.slug}` prints the same"
    yield "at a terminal. How the adapter maps requests, what it assumes and what it leaves out is in"
    yield f"[its own page](../../adapters/{spec.slug}/README.md)."
    yield from ("", "## Settings", "", "| setting | environment | default |", "|---|---|---|")
    for name, field in spec.config().model_fields.items():
        default = NOTHING if field.is_required() or field.default in (None, "") else f"`{field.default}`"
        yield f"| `{name}` | {_variable(spec, name)} | {default} |"
    groups = list(dict.fromkeys(point.group for point in declared))
    for group in groups:
        yield from ("", f"## {group.capitalize()}", "", "| | says | note | source |", "|---|---|---|---|")
        yield from (_row(point) for point in declared if point.group == group)
    yield from ("", "## Moving a number", "", "| | loses |", "|---|---|")
    for other in specs:
        if other is not spec:
            yield f"| to {other.title} | {_losses(spec, other)} |"
            yield f"| from {other.title} | {_losses(other, spec)} |"
    if (settings := spec.capabilities.unmodelled) is not None and settings.names:
        yield f"| to anybody, where it is set | {', '.join(f'`{name}`' for name in sorted(settings.names))} |"
    yield ""


def _row(point: Point) -> str:
    note, source = (point.fact.note, point.fact.source) if point.fact is not None else ("", "")
    return "| " + " | ".join(_cell(text) for text in (point.name, point.says, note, source)) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _variable(spec: ProviderSpec, name: str) -> str:
    return f"`TELEPHONY_{spec.slug.upper()}_{name.upper()}`" if name in ("api_key", "base_url") else NOTHING


def _losses(source: ProviderSpec, target: ProviderSpec) -> str:
    """The fields that the one shows and the other cannot hold."""
    shown = [field for field, support in source.capabilities.fields.items() if support.readable]
    held = {field for field, support in target.capabilities.fields.items() if support.writable}
    return NOTHING if source is target else ", ".join(f"`{field}`" for field in shown if field not in held) or "nothing"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in pages().items():
        file.write_text(text, encoding="utf-8")
