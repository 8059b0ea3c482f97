"""Write the capability matrix into the README: ``python -m tests.docs.matrix``."""

from __future__ import annotations

import re
from pathlib import Path

from telephony_core.cli.output.capabilities import points
from telephony_core.provider.registry import registry

README = Path(__file__).parents[2] / "README.md"
OURS = ("vox", "diga", "elevenlabs", "retell")
BETWEEN = re.compile(r"(<!-- matrix: [^\n]* -->\n).*?(<!-- /matrix -->)", re.DOTALL)


def matrix() -> str:
    """The declared points of our providers as a Markdown table."""
    specs = [registry.spec(slug) for slug in OURS]
    lines = [f"| | {' | '.join(spec.title for spec in specs)} |", "|---" * (len(specs) + 1) + "|"]
    for row in zip(*(points(spec.capabilities) for spec in specs), strict=True):
        cells = " | ".join(point.says.replace("|", "\\|") for point in row)
        lines.append(f"| {row[0].group}: {row[0].name} | {cells} |")
    return "\n".join(lines)


def with_matrix(text: str) -> str:
    return BETWEEN.sub(lambda found: f"{found[1]}\n{matrix()}\n\n{found[2]}", text)


if __name__ == "__main__":
    README.write_text(with_matrix(README.read_text(encoding="utf-8")), encoding="utf-8")
