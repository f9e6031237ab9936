"""From lines to tables: shares with their Wilson intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scipy.stats import binomtest, ttest_rel

CLEARLY_WORSE = 1.05
NEAR = 0.02
FEW = 20
"""Runs up to which a percentage would pretend to more than is known."""


def hurts(faulty: Sequence[float], control: Sequence[float]) -> bool:
    """Whether a fault really hurts: by more than 5%, and more than chance allows over the paired seeds.

    A seed that diverged is worse than any other. Source: the manner of DeepFD, which keeps a mutant only so.
    """
    import numpy as np

    bad, good = np.minimum(np.asarray(faulty, float), 10.0), np.minimum(np.asarray(control, float), 10.0)
    if bad.mean() <= CLEARLY_WORSE * good.mean() or len(bad) < 2:
        return False
    return bool((bad - good).std() == 0 or ttest_rel(bad, good, alternative="greater").pvalue < 0.05)


def share(hits: int, n: int) -> str:
    """A share with its 95% interval.

    Source:
        Wilson 1927.
    """
    if n == 0:
        return "-"
    low, high = binomtest(hits, n).proportion_ci(method="wilson")
    return (
        f"{hits}/{n} ({low:.0%} to {high:.0%})"
        if n <= FEW
        else f"{hits}/{n} = {hits / n:.1%} ({low:.1%} to {high:.1%})"
    )


Accepted = Mapping[str, frozenset[str]]


def table(lines: Iterable[dict[str, Any]], accepted: Accepted) -> str:
    """The whole report in markdown, the parts apart.

    Args:
        lines: Of faults, healthy runs and races; lines of what broke are passed over.
        accepted: By kind, the rules that name it rightly.
    """
    lines = list(lines)
    parts = dict.fromkeys(line["part"] for line in lines)
    return "\n\n".join(_part(part, [line for line in lines if line["part"] == part], accepted) for part in parts)


def _part(part: str, lines: list[dict[str, Any]], accepted: Accepted) -> str:
    faults = [line for line in lines if line["what"] == "fault" and line["counts"]]
    races = [line for line in lines if line["what"] == "race"]
    left_out = sorted(
        {f"{line['kind']} on {line['base']}" for line in lines if line["what"] == "fault" and not line["counts"]}
    )
    rows = [
        f"### {part}", "",
        "| kind | on | warned | cause first | in first three | first, if only as information | cured to within 5% |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for kind in dict.fromkeys(line["kind"] for line in faults):
        own = [line for line in faults if line["kind"] == kind]
        rows.append(
            f"| {kind} | {', '.join(line['base'] for line in own)} | {' | '.join(_shares(own, races, accepted))} |"
        )
    rows.append(f"| **all** | {len(faults)} trainings | {' | '.join(_shares(faults, races, accepted))} |")
    rows += [
        "",
        f"No harm, so not counted: {', '.join(left_out) or 'none'}.",
        "",
        *_healthy(lines),
        "",
        *_others(lines),
    ]
    return "\n".join(rows)


def _shares(lines: list[dict[str, Any]], races: list[dict[str, Any]], accepted: Accepted) -> list[str]:
    members = [member for line in lines for member in line["members"]]
    n = len(members)
    kinds = {line["kind"] for line in lines}
    races = [race for race in races if race["kind"] in kinds]
    found = [share(sum(member[name] for member in members), n) for name in ("warned", "first", "three")]
    named = sum(
        bool(member["said"]) and member["said"][0][0] in accepted[line["kind"]]
        for line in lines
        for member in line["members"]
    )
    return [*found, share(named, n), share(sum(race["within"] for race in races), len(races))]


def _healthy(lines: list[dict[str, Any]]) -> list[str]:
    members = [(line, m) for line in lines if line["what"] == "healthy" for m in line["members"] if m["healthy"]]
    spared = [m for line in lines if line["what"] == "healthy" for m in line["members"] if not m["healthy"]]
    cures = [row for line in lines if line["what"] == "race" for row in line["rows"]]
    good = [row for row in cures if row["within"]]
    alarms = [
        f"{m['said'][0][0]} on {line['base']} {line['settings'][m['trial']]}" for line, m in members if m["warned"]
    ]
    rate = share(sum(m["warned"] for _, m in members), len(members))
    remedied = share(sum(row["verdict"] != "healthy" for row in good), len(good))
    lag = f"{len(spared)} more lagged behind the best of their group, so that nobody can call them healthy"
    return [
        f"False alarms on healthy runs: {rate}. {lag}; {sum(m['warned'] for m in spared)} of these were warned.",
        f"False alarms on remedied runs within 5% of the healthy control: {remedied}.",
        *[f"- {words}" for words in sorted(set(alarms))],
    ]


def _others(lines: list[dict[str, Any]]) -> list[str]:
    tools = sorted({tool for line in lines for member in line.get("members", ()) for tool in member["others"]})
    rows = ["| tool | healthy runs warned | faulty runs warned | right kind named, generously |", "|---|---|---|---|"]
    healthy = [m for line in lines if line["what"] == "healthy" for m in line["members"] if m["healthy"]]
    faulty = [m for line in lines if line["what"] == "fault" and line["counts"] for m in line["members"]]
    for tool in tools:
        well, ill = ([m["others"][tool] for m in group if tool in m["others"]] for group in (healthy, faulty))
        cells = (
            share(sum(one["warned"] for one in well), len(well)),
            share(sum(one["warned"] for one in ill), len(ill)),
            share(sum(one["right"] for one in ill), len(ill)),
        )
        rows.append(f"| {tool} | {' | '.join(cells)} |")
    ours = (
        share(sum(m["warned"] for m in healthy), len(healthy)),
        share(sum(m["warned"] for m in faulty), len(faulty)),
        share(sum(m["any"] for m in faulty), len(faulty)),
    )
    return [*rows, f"| adamtune | {' | '.join(ours)} |"]
