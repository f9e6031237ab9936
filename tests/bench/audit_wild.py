"""What the audit says of every optimizer of a public package: who is accused, of what, and who is left alone.

Run: pip install --no-deps --target wild pytorch-optimizer, then
     PYTHONPATH=wild python tests/bench/audit_wild.py [--module pytorch_optimizer] [--names Adam,AdamP]
"""

from __future__ import annotations

import argparse
import collections
import importlib
import inspect

from torch.optim import Optimizer

from adamtune.audit.audit import audit
from adamtune.errors import AdamtuneError


def optimizers(module: str) -> list[str]:
    """Names of the optimizer classes that a module offers, in alphabetical order."""
    found = inspect.getmembers(importlib.import_module(module), inspect.isclass)
    return sorted(name for name, cls in found if issubclass(cls, Optimizer) and cls is not Optimizer)


def verdict(target: str, timeout_s: float) -> tuple[str, str]:
    """What an audit says of a class, and the faults or the reason behind it."""
    try:
        found = audit(target, timeout_s=timeout_s)
    except AdamtuneError as error:
        return "not audited", str(error)
    words = ", ".join(fault.fault for fault in found.faults) or found.ending
    return f"{found.verdict if found.ending or not found.faults else 'accused'} ({found.kind})", words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", default="pytorch_optimizer")
    parser.add_argument("--names", default="")
    parser.add_argument("--timeout", type=float, default=60.0)
    given = parser.parse_args()
    counts: collections.Counter[str] = collections.Counter()
    for name in given.names.split(",") if given.names else optimizers(given.module):
        said, why = verdict(f"{given.module}:{name}", given.timeout)
        counts[said] += 1
        print(f"{name:<24} {said:<24} {why[:110]}", flush=True)
    print("; ".join(f"{said}: {n}" for said, n in counts.most_common()))


if __name__ == "__main__":
    main()
