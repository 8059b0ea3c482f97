"""Record the cassettes anew: ``python -m tests.cassettes.record [vox] [diga] [elevenlabs] [retell] [--live]``.

Without ``--live`` they are recorded from the emulators, under the vendors' URLs. With it, the scenes that only read are
recorded from the real API, with the key in ``TELEPHONY_<SLUG>_API_KEY``; look through them before you commit them,
because they hold the account's numbers and labels.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import httpx

from telephony_core import Telephony
from telephony_core.provider.registry import registry
from tests.cassettes import diga_scenes, elevenlabs_scenes, retell_scenes, vox_scenes
from tests.cassettes.tape import API_KEY, FOLDER, Scene, of_emulator, perform, tape

SCENES = {
    "vox": vox_scenes.SCENES,
    "diga": diga_scenes.SCENES,
    "elevenlabs": elevenlabs_scenes.SCENES,
    "retell": retell_scenes.SCENES,
}
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def record(slug: str, scene: Scene, *, live: bool) -> None:
    file = FOLDER / slug / f"{scene.name}.yaml"
    file.unlink(missing_ok=True)
    if live:
        source = f"recorded from the live API {datetime.now(UTC):%Y-%m-%d}"
        with httpx.Client() as http, Telephony(slug, http_client=http).with_options(read_only=True) as client:
            key = client.adapter.config.api_key.get_secret_value()
            with tape(slug, scene.name, source=source, record=True, secrets=(key,)):
                perform(scene, client)
        return
    emulator = registry.spec(slug).emulator()
    emulator = type(emulator)(api_key=API_KEY, now=lambda: NOON)
    scene.prepare(emulator)
    source = "recorded from the emulator"
    transport = httpx.MockTransport(of_emulator(emulator))
    with (
        tape(slug, scene.name, source=source, record=True),
        httpx.Client(transport=transport) as http,
        Telephony(slug, api_key=API_KEY, http_client=http, max_retries=0) as client,
    ):
        perform(scene, client)


def main() -> None:
    live = "--live" in sys.argv
    for slug in [argument for argument in sys.argv[1:] if argument != "--live"] or list(SCENES):
        for scene in SCENES[slug]:
            if scene.live or not live:
                record(slug, scene, live=live)
                print(f"cassettes/{slug}/{scene.name}.yaml")


if __name__ == "__main__":
    main()
