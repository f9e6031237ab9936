"""YAML that is read for what it says, not for where it says it."""

from __future__ import annotations

from typing import Any, Final

import yaml

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where PyYAML was built with it: the shipped knobs take it 2.5 ms, and the other 13."""


def load_yaml(text: str) -> Any:
    """What a document says.

    Raises:
        YAMLError: It is none.
    """
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 - both are safe
