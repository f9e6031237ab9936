"""A table without the columns that tell nothing, or too much.

What it changes: `data.drop`, to which the columns are added.
Why it helps: what a model does not see it cannot lean on, and does not pay for.
When not: where a column really is known before the target, however well it tells it.
Source: needs none; the rule says which columns and why.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from adamtune.diagnosis.examined import listed
from adamtune.diagnosis.remedy import Cure
from adamtune.diagnosis.rule import Finding, Remedy
from adamtune.diagnosis.view import MemberView
from adamtune.diagnosis.words import count

_MOST: Final = 20


class DropColumns(Cure):
    """Leaves columns of a table out."""

    id = "drop-columns"
    cures: ClassVar = {"target-leak": 1, "const-dup-features": 1}

    def propose(self, view: MemberView, finding: Finding) -> Remedy | None:
        """The columns that the finding names; None where the data are no table, or they have no names.

        A column of categories is several features, `colour=red` and so on. It is only dropped where the
        finding is about telling too much: one constant category is no reason to lose the others.
        """
        if not view.setting("data.file") or finding.severity == "info":
            return None
        named = _columns(finding)
        whole = [name for name in named if "=" not in name and not name.endswith(" is missing")]
        parts = [name.partition("=")[0] for name in named if "=" in name] if finding.rule == "target-leak" else []
        had = [str(name) for name in listed(view.setting("data.drop"))]
        fresh = [name for name in dict.fromkeys((*whole, *parts)) if name not in had]
        if not 0 < len(fresh) <= _MOST:
            return None
        return Remedy(set={"data.drop": [*had, *fresh]}, why=f"{count(len(fresh), 'column')} less for a model to see")


def _columns(finding: Finding) -> list[str]:
    copies: list[Any] = [listed(pair)[0] for pair in listed(finding.evidence.get("copies")) if listed(pair)]
    found = (*listed(finding.evidence.get("columns")), *listed(finding.evidence.get("constant")), *copies)
    return [name for name in found if isinstance(name, str)]


REMEDY: Cure = DropColumns()
