"""What the audited class calls its settings, and how it is constructed with them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from adamtune.audit.film import SETTINGS

_SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "lr": ("lr", "learning_rate", "step_size", "alpha", "eta"),
    "beta1": ("beta1", "beta_1", "b1"),
    "beta2": ("beta2", "beta_2", "b2"),
    "eps": ("eps", "epsilon"),
    "weight_decay": ("weight_decay", "wd", "weight_decay_rate", "l2"),
}
_REQUIRED: Final[Mapping[str, float]] = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}
"""For settings that a constructor has no default for."""
_BETAS: Final = "betas"
_EMPTY: Final = inspect.Parameter.empty


@dataclass(frozen=True)
class Arguments:
    """A constructor's settings by our names.

    Args:
        names: The class's own word for each setting that it can be told; `betas` for both betas of a pair.
        given: What the user fixed with `--kwargs`, by the class's words.
        defaults: Value of each setting where nobody says anything; None where it cannot be known.
        betas: The whole of the class's `betas`, which may be longer than a pair.
        missing: Arguments that it needs and that nobody knows.
        needs: Settings without a default.
        takes_any: Whether it passes on keywords that it does not name.
        group_names: Its word for each setting in a parameter group, where that is known.
        own: Its other settings that are numbers: of an algorithm of its own, as a rule.
    """

    names: Mapping[str, str]
    given: Mapping[str, Any]
    defaults: Mapping[str, float | None]
    betas: tuple[Any, ...]
    missing: tuple[str, ...]
    needs: frozenset[str]
    takes_any: bool
    group_names: Mapping[str, str] = field(default_factory=dict)
    own: tuple[str, ...] = ()

    def settable(self, name: str) -> bool:
        """Whether the class can be told this setting, and the user has not fixed it."""
        return name in self.names and self.names[name] not in self.given

    def keywords(self, settings: Mapping[str, float]) -> dict[str, Any]:
        """The constructor's keywords for some settings; what cannot be told is left out."""
        return self._spelled({name: value for name, value in settings.items() if self.settable(name)}, self.names)

    def of_group(self, settings: Mapping[str, float]) -> dict[str, Any]:
        """The entries of a parameter group for some settings."""
        return self._spelled(
            {name: value for name, value in settings.items() if self.settable(name)}, {**self.names, **self.group_names}
        )

    def _spelled(self, settings: Mapping[str, float], names: Mapping[str, str]) -> dict[str, Any]:
        words: dict[str, Any] = {names[name]: value for name, value in settings.items()}
        if _BETAS in words:
            known = {name: settings.get(name, self.defaults[name]) for name in ("beta1", "beta2")}
            words[_BETAS] = (known["beta1"], known["beta2"], *self.betas[2:])
        return words

    def constructor(self, settings: Mapping[str, float]) -> dict[str, Any]:
        """The same with what the user fixed, and with values for settings that have no default."""
        needed = {name: value for name, value in self.defaults.items() if value is not None and name in self.needs}
        return {**self.keywords({**needed, **settings}), **self.given}

    def in_force(self, settings: Mapping[str, float]) -> dict[str, float | None]:
        """Each setting's value in an instance that was told these."""
        return {n: settings[n] if n in settings and self.settable(n) else self.defaults[n] for n in SETTINGS}

    def completed(self, group: Mapping[str, Any]) -> Arguments:
        """The same with what a parameter group of an instance says about settings that the signature hides."""
        words, betas = _words(group), group.get(_BETAS)
        pair: tuple[Any, ...] = tuple(betas) if betas is not None and _is_pair(betas) else self.betas
        seen = {n: _value(n, words, {**group, _BETAS: pair}) for n in SETTINGS}
        defaults = {n: seen[n] if self.defaults[n] is None else self.defaults[n] for n in SETTINGS}
        names = {**words, **self.names} if self.takes_any else self.names
        return replace(self, names=names, defaults=defaults, betas=self.betas or pair, group_names=words)


def arguments_of(cls: type, given: Mapping[str, Any]) -> Arguments:
    """What a class's constructor can be told.

    Raises:
        TypeError: The constructor does not take a keyword that the user gave.
    """
    signature = inspect.signature(cls)
    signature.bind_partial(None, **given)
    parameters = list(signature.parameters.values())[1:]
    own = {p.name: p.default for p in parameters if p.kind in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY}}
    values = {**own, **given}
    names = _words(values)
    needs = frozenset(name for name, word in names.items() if values[word] is _EMPTY)
    betas = tuple(values[_BETAS]) if _is_pair(values.get(_BETAS)) else ()
    if _BETAS in values and not betas:
        betas = (_REQUIRED["beta1"], _REQUIRED["beta2"])
    defaults = {n: _REQUIRED[n] if n in needs else _value(n, names, {**values, _BETAS: betas}) for n in SETTINGS}
    known = {*names.values(), *given}
    return Arguments(
        names=names,
        given=dict(given),
        defaults=defaults,
        betas=betas,
        missing=tuple(name for name, value in own.items() if value is _EMPTY and name not in known),
        needs=needs,
        own=tuple(name for name, value in own.items() if type(value) in {int, float} and name not in known),
        takes_any=any(p.kind is p.VAR_KEYWORD for p in parameters),
    )


def _words(values: Mapping[str, Any]) -> dict[str, str]:
    """The word for each of our names among some keywords."""
    words = {name: next((word for word in known if word in values), None) for name, known in _SPELLINGS.items()}
    found = {name: word for name, word in words.items() if word is not None}
    return found | {"beta1": _BETAS, "beta2": _BETAS} if _BETAS in values else found


def _value(name: str, words: Mapping[str, str], values: Mapping[str, Any]) -> float | None:
    word = words.get(name)
    if word == _BETAS:
        return _number(values[_BETAS][name == "beta2"]) if values[_BETAS] else None
    return _number(values.get(word)) if word else None


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) >= 2 and all(_number(v) is not None for v in value[:2])


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        return None
