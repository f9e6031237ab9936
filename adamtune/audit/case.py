"""One audited class while it is judged: what is known of it so far."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final

from adamtune.audit.developing import film_of
from adamtune.audit.evidence import evidence_of
from adamtune.audit.fault import PROBES, Fault, Kind, Stage, Variant
from adamtune.audit.film import Film
from adamtune.audit.fit import EXACT, Fit, Option
from adamtune.audit.forms import FORMS
from adamtune.audit.formula import Formula
from adamtune.audit.process import Footage
from adamtune.audit.result import FaultFound, ProbeResult, State
from adamtune.audit.scenario import BY_NAME
from adamtune.registry import entries

_DECAY_WORDS: Final[Mapping[Kind, list[str]]] = {
    "adam": ["with weight decay inside the gradient"],
    "adamw": ["with decoupled weight decay"],
    "unknown": [],
}
FAULTS_FOLDER: Final = "adamtune.audit.faults"


@cache
def load_faults() -> tuple[Fault, ...]:
    """Every fault of the folder, in the order of the file names."""
    return entries(FAULTS_FOLDER, "FAULT", Fault)


@cache
def special(fault_id: str) -> tuple[Fault, tuple[Variant, ...]]:
    """A fault, and those of its variants that no formula can show."""
    fault = next(fault for fault in load_faults() if fault.id == fault_id)
    return fault, tuple(variant for variant in fault.variants if variant.stage == "special")


def options_of(*stages: Stage) -> list[Option]:
    """All forms, then all faults, that show in these stages."""
    forms = [Option(form.pieces, form=form) for form in FORMS if form.stage in stages]
    return forms + [
        Option(variant.pieces, fault=fault, variant=variant)
        for fault in load_faults()
        for variant in fault.variants
        if variant.stage in stages
    ]


class Case:
    """The films of one class, and what has been found out about it.

    Args:
        footage: What the class showed.
    """

    def __init__(self, footage: Footage) -> None:
        self.footage = footage
        recordings = footage.recordings
        self.errors = {name: shown["error"] for name, shown in recordings.items() if "error" in shown}
        self.shown = {name: shown for name, shown in recordings.items() if "error" not in shown}
        self.films: dict[str, Film] = {
            name: film_of(shown, BY_NAME[name]) for name, shown in self.shown.items() if name != "bfloat16"
        }
        self.claims_adamw = any(re.search(r"(?i:adam)_?[Ww](?![a-z])", base) for base in footage.bases)
        self.claims_adam = any("adam" in base.lower() for base in footage.bases)
        self.unexplained: list[str] = []  # rows whose scenarios no formula explains
        self.formula = Formula()  # as the class has it, faults and all
        self.right = Formula()  # the same without faults
        self.tolerance = EXACT
        self.kind: Kind = "unknown"
        self.words: list[str] = []
        self.faults: list[FaultFound] = []
        self.notes: list[str] = []
        self._rows: dict[str, tuple[State, str]] = {}

    def told(self, name: str) -> bool:
        """Whether the class can be told this setting, and the user has not fixed it."""
        return name in next(iter(self.shown.values()))["settable"]

    def hidden(self, name: str) -> bool:
        """Whether the class's value of this setting cannot be seen."""
        return next(iter(self.shown.values()))["defaults"][name] is None

    def film(self, *names: str) -> list[Film]:
        """Those of these films that there are."""
        return [self.films[name] for name in names if name in self.films]

    def row(self, probe: str) -> ProbeResult:
        """A row of the table."""
        state, found = self._rows.get(probe, ("skipped", "not reached"))
        return ProbeResult(probe, PROBES[probe], state, found)

    def rows(self, probes: Sequence[str], state: State, found: str = "") -> None:
        """Sets rows, except where a worse state was found before."""
        ranks: list[State] = ["skipped", "passed", "note", "fault"]
        for probe in probes:
            old = self._rows.get(probe, ("skipped", ""))
            if probe not in self._rows or ranks.index(state) > ranks.index(old[0]):
                self._rows[probe] = (state, found)

    def note(self, probe: str, text: str) -> None:
        """Something worth knowing that is no mistake."""
        self.notes.append(text)
        self.rows([probe], "note", text)

    def take(self, fit: Fit, films: Sequence[Film]) -> None:
        """Takes in what a stage has found: forms into the words, faults as accusations or notes."""
        before, forms = self.formula, [option for option in fit.options if option.form]
        for option in forms:
            self.right = self.right.having(option.pieces)
        for option in fit.options:
            self.kind = option.kind or self.kind
            if option.form is not None:
                self.words.append(option.form.words)
                self.notes += [option.form.note] if option.form.note else []
            elif option.fault and option.variant:
                mended = _all_but(before, fit.options, option)
                self.words += _DECAY_WORDS[option.kind] if option.kind else []
                self.accuse(option.fault, option.variant, evidence_of(films, fit.formula, mended, self.right))
        self.formula = fit.formula

    def accuse(self, fault: Fault, variant: Variant, evidence: Mapping[str, Any]) -> None:
        """Records a fault, or a note where the class did not promise otherwise."""
        message = f"{self.footage.name} {variant.words}"
        if (excuse := self.excuse(variant)) is not None:
            self.note(fault.probe, f"{message}; {excuse}")
            return
        mend = variant.mend or fault.mend
        old = next((found for found in self.faults if found.fault == fault.id), None)
        if old is None:
            self.faults.append(FaultFound(fault.id, fault.title, message, fault.why, mend, dict(evidence)))
            self.rows([fault.probe], "fault", fault.id)
        elif message not in old.message:
            self.faults[self.faults.index(old)] = replace(old, message=f"{old.message}; it also {variant.words}")

    def excuse(self, variant: Variant) -> str | None:
        """Why this is no mistake in this class, or None."""
        name = self.footage.name.lower()
        if any(word in name for word in variant.meant_by):
            return "its name says that this is meant"
        if variant.accuse == "adamw" and not self.claims_adamw:
            return "it does not call itself AdamW, so that is a note"
        if variant.folded and self.footage.folds_corrections:
            return "that is the paper's efficient form, with eps-hat for eps: no harm unless eps is large"
        own = ", ".join(self.footage.own_settings[:3])
        if own and not self.claims_adam and variant.stage in {"core", "eps", "weight-decay", "absent"}:
            return f"it does not call itself Adam and has settings of its own ({own}), so that may be meant"
        return None

    def crashed(self, scenario: str) -> str | None:
        """How the class crashed in a scenario, in words, or None."""
        error = self.errors.get(scenario)
        if error is None:
            return None
        place = f" at {error['where']}" if error["where"] else ""
        return f"{error['what']}{place}"

    def note_oddities(self) -> None:
        """What no probe asks and a user may want to know."""
        if any(shown.get("gradient_changed") for shown in self.shown.values()):
            self.notes.append("it changes .grad in place: gradients that are accumulated or logged are no longer true")
        own = self.shown.get("own", {})
        if "first_error" in own:
            what = "float32" if own["dtype"] == "float32" else "matrices alone"
            self.notes.append(f"it was audited in {what}, since it fails otherwise: {own['first_error']}")
        if own and not own["has_lr"]:
            self.notes.append('its groups have no "lr", so lr schedulers, which write there, cannot work with it')
        once, again = self.shown.get("core"), self.shown.get("again")
        if once and again and once["after"] != again["after"]:
            self.notes.append(
                "two new instances move differently on the same gradients: they share state, or draw lots"
            )


def _all_but(base: Formula, options: Sequence[Option], left_out: Option) -> Formula:
    for option in options:
        if option is not left_out:
            base = base.having(option.pieces)
    return base
