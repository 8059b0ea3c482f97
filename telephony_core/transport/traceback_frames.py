"""What an error may carry out of the library: the way it went, and never what stood in a variable there.

Crash reporters record the local variables of every frame of a traceback. Frames of this library hold secrets only in
objects that do not show them (`telephony_core.secrets.hidden`); frames of the HTTP libraries below it hold headers and
bodies as they are, and those of adapters what a vendor sent.
"""

from __future__ import annotations

import traceback

from telephony_core.errors import linked


def clear_variables(error: BaseException, until: BaseException | None) -> None:
    """Empty the frames that an error, and those it came from, have left; their files and lines stay.

    ``until`` is what the caller was handling when it called the library: that, and what lies behind it, is not ours.
    """
    for link in linked(error, until):
        traceback.clear_frames(link.__traceback__)
