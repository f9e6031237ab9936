"""What updates a population, by the name that its members' recipes give."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from torch import Tensor

from adamtune.optim.coefficients import Coefficients
from adamtune.optim.find import find_optimizer
from adamtune.optim.population import PopulationAdam
from adamtune.optim.population_of import Piece, PopulationOf
from adamtune.optim.protocol import PopulationOptimizer
from adamtune.recipe.schema import Optimizer as Settings
from adamtune.training.population import update_rule
from adamtune.training.rows import Layout


def population_optimizer(
    settings: Sequence[Settings],
    params: Tensor,
    layout: Layout,
    coefficients: Coefficients,
    spared: Sequence[tuple[slice, ...]],
) -> PopulationOptimizer:
    """The optimizer of a population, new.

    Args:
        settings: Each member's own, all of one update rule.
        params: The members' parameters, shape [K, P].
        layout: Where each parameter lies in a row.
        coefficients: What Adam takes of the same settings.
        spared: For each member the columns that weight decay leaves alone.

    Raises:
        UsageError: The package that has the optimizer is not installed, or has no such class.
    """
    if update_rule(settings[0].name) == "adam":
        return PopulationAdam(params, coefficients, spared)
    other = find_optimizer(settings[0].name)
    pieces = [_pieces(layout, columns, whole=other.elementwise) for columns in spared]
    return PopulationOf(params, [other.of_member(own) for own in settings], pieces)


def _pieces(layout: Layout, spared: Sequence[slice], *, whole: bool) -> list[Piece]:
    """Each parameter by itself; or, for fewer and larger calls, neighbours that are alike to weight decay together."""
    single = []
    at = 0
    for shape in layout.shapes:
        columns = slice(at, at + shape.numel())
        decays = not any(apart.start <= at < apart.stop for apart in spared)
        single.append(Piece(columns, tuple(shape), decays))
        at = columns.stop
    return [_joined(list(alike)) for _, alike in groupby(single, lambda piece: piece.decays)] if whole else single


def _joined(pieces: Sequence[Piece]) -> Piece:
    start, stop = pieces[0].columns.start, pieces[-1].columns.stop
    return Piece(slice(start, stop), (stop - start,), pieces[0].decays)
