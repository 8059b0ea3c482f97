"""What an error may carry out of the library: the way it went, and never what stood in a variable there.

Crash reporters record the local variables of every frame of a traceback. Frames of this library hold secrets only in
objects that do not show them (`telephony_core.secrets.hidden`); frames of the HTTP libraries below it hold headers and
bodies as they are, and those of adapters what a vendor sent.
"""

from __future__ import annotations

import traceback


def clear_variables(error: BaseException, until: BaseException | None) -> None:
    """Empty the frames that an error, and those it came from, have left; their files and lines stay.

    ``until`` is what the caller was handling when it called the library: that, and what lies behind it, is not ours.
    """
    seen = {id(None), id(until)}
    links: list[BaseException | None] = [error]
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        traceback.clear_frames(link.__traceback__)
        links += [link.__cause__, link.__context__]
        if isinstance(link, BaseExceptionGroup):
            links += link.exceptions
