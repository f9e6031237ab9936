"""Adam and AdamW: the update rule written once, for a population of models and for any PyTorch training loop."""

from adamtune.optim.adam import Adam, AdamW
from adamtune.optim.population import PopulationAdam

__all__ = ["Adam", "AdamW", "PopulationAdam"]
