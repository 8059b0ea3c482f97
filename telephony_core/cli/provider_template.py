"""The example of an adapter, copied under another name: what the names become, and where it is written."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from telephony_core.errors import InvalidInput
from telephony_core.provider.registry import registry

_SHIPPED: Final = Path(__file__).with_name("template")
_CHECKOUT: Final = Path(__file__).parents[2] / "examples" / "telephony-acme"
"""Where the example is itself; the wheel has it as `_SHIPPED`."""
_LONGEST: Final = 40
# It becomes a distribution, a package, a variable of the environment and a folder, so it takes what all of them take.
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NO_PART: Final = frozenset({"__pycache__"})
_NO_FOLDER: Final = "say another one with --directory"


@dataclass(frozen=True, slots=True)
class ProviderNames:
    """What a provider of this slug is called in each place."""

    slug: str

    @classmethod
    def of(cls, name: str) -> ProviderNames:
        """The names of a provider. Raises `InvalidInput` for a slug that cannot be one, or that is taken."""
        if not _NAME.fullmatch(name) or len(name) > _LONGEST:
            raise InvalidInput(
                f"{name[:60]!r} cannot be the slug of a provider",
                remedy=f"take small letters and digits, begin with a letter, join words by one hyphen, and at most "
                f"{_LONGEST} in all: acme, my-carrier",
            )
        names = cls(name)
        if name == "telephony" or name.startswith("telephony-"):
            raise InvalidInput(
                f"{name!r} would be the distribution telephony-{name}",
                remedy=f"leave the first word out: {name.removeprefix('telephony').lstrip('-') or 'my-carrier'}",
            )
        if any(installed.slug == name for installed in registry.installed()):
            raise InvalidInput(f"the provider {name} is installed already", remedy="take another name")
        # A package of that name would be found first, and the new adapter never imported.
        if find_spec(names.package) is not None:
            raise InvalidInput(f"there is a package {names.package} already", remedy="take another name")
        return names

    @property
    def title(self) -> str:
        return " ".join(word.capitalize() for word in self.slug.split("-"))

    @property
    def package(self) -> str:
        return f"telephony_{self.slug.replace('-', '_')}"

    @property
    def distribution(self) -> str:
        return f"telephony-{self.slug}"

    def renamed(self, text: str) -> str:
        """A text of the example, or the name of one of its files, with these names."""
        words: Mapping[str, str] = {
            "Acme Voice": self.title,
            "telephony_acme": self.package,
            "ACME": self.slug.upper().replace("-", "_"),
            "acme": self.slug,
        }
        # In one pass: a name that holds one of these words itself is not renamed twice.
        text = re.sub("|".join(words), lambda found: words[found[0]], text)
        text = re.sub(r"(?<=\w)Acme|Acme(?=[A-Z])", self.title.replace(" ", ""), text)  # names of classes
        return text.replace("Acme", self.title)


def copy_template(names: ProviderNames, folder: Path) -> list[Path]:
    """Write the example under these names; gives the files, relative to the folder, which appears whole or not at all.

    Raises `InvalidInput` for a folder that is there already, unless it is empty, and `OSError`.
    """
    # Not `resolve`: a link in the place of the folder has to be seen as one.
    folder = Path(os.path.abspath(folder))
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InvalidInput(f"{folder} is there already, and is no folder", remedy=_NO_FOLDER)
    if folder.is_dir() and any(folder.iterdir()):
        raise InvalidInput(f"{folder} is there already, and is not empty", remedy=_NO_FOLDER)
    # An editable install has no copy in the package.
    template = _SHIPPED if _SHIPPED.is_dir() else _CHECKOUT
    texts = {
        file.relative_to(template): file.read_text(encoding="utf-8")
        for file in sorted(template.rglob("*"))
        if file.is_file() and not _NO_PART & set(file.parts) and file.suffix in (".py", ".md", ".toml", ".typed")
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside the folder: a rename is one step only within one file system.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".telephony-new-") as whole:
        written = []
        for name, text in texts.items():
            file = Path(names.renamed(str(name)))
            place = Path(whole, "copy", file)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(names.renamed(text), encoding="utf-8", newline="\n")
            written.append(file)
        Path(whole, "copy").replace(folder)  # an empty folder is replaced, one that was filled meanwhile is not
    return written
