"""`adamtune knobs`: what can be swept."""

from __future__ import annotations

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.output import Output


@with_common
def knobs(common: Common) -> int:
    """List the knobs that can be swept."""
    from adamtune.report.lists import knobs_page, knobs_payload
    from adamtune.tuning.sweeps.knobs import load_knobs

    found = tuple(load_knobs().values())
    output = Output.of("knobs", common)
    output.note_unused(common)
    return output.answer(knobs_payload(found), knobs_page(found))


COMMAND: Command = Command(name="knobs", run=knobs, example="adamtune knobs", place=40)
