"""`adamtune rules`: which faults the diagnosis knows."""

from __future__ import annotations

from adamtune.cli.command import Command
from adamtune.cli.common import Common, with_common
from adamtune.cli.output import Output


@with_common
def rules(common: Common) -> int:
    """List the faults that a diagnosis can name."""
    from adamtune.diagnosis.catalogue import list_rules
    from adamtune.report.lists import rules_page, rules_payload

    found = list_rules()
    output = Output.of("rules", common)
    output.note_unused(common)
    return output.answer(rules_payload(found), rules_page(found))


COMMAND: Command = Command(name="rules", run=rules, example="adamtune rules", place=50)
