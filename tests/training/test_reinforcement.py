"""A policy learns by acting: the formulas, the promises of the engine, and real learning."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from adamtune.errors import AdamtuneError, DataError, RecipeError
from adamtune.models.build import build_model, option_schemas
from adamtune.recipe.load import LoadedRecipe, load_recipe
from adamtune.runs.manifest import MemberEntry
from adamtune.training.checkpoint import Checkpoint
from adamtune.training.hooks import Hooks
from adamtune.training.population import Population
from adamtune.training.reinforcement.actor_critic import actor_critic_loss
from adamtune.training.reinforcement.advantages import generalized_advantages, normalised
from adamtune.training.reinforcement.arena import Arena, drawn, mean_return
from adamtune.training.reinforcement.game import Game, Named
from adamtune.training.reinforcement.player import Player
from adamtune.training.reinforcement.trainer import ReinforcementTrainer
from adamtune.training.reinforcement.world import load_world

if TYPE_CHECKING:
    from adamtune.runs.record import Record

CLOSE = 1e-12
"""The formulas are computed in float64 here, and differ from their references by rounding alone."""
RECIPE = """\
name: pole
task: reinforcement
data: {environment: CartPole-v1}
model: {kind: mlp, hidden: [13], activation: tanh}
training: {steps: 9, batch_size: 33, eval_every: 3}
reinforcement: {eval_episodes: 3}
"""


def written(folder: Path, *sets: str) -> LoadedRecipe:
    path = folder / "pole.yaml"
    path.write_text(RECIPE)
    return load_recipe(path, sets=sets, kinds=option_schemas(), sources=[])


@pytest.fixture
def trainer(tmp_path: Path) -> Callable[..., ReinforcementTrainer]:
    def make(members: Sequence[MemberEntry], *sets: str, model: Callable[[], nn.Module] | None = None) -> Any:
        loaded = written(tmp_path, *sets)
        world = load_world(loaded, trusted=True)
        build = model or (lambda: build_model(loaded, world.input_shape, world.output_size, trusted=True))
        return ReinforcementTrainer(Population(loaded.recipe, tuple(members)), world, build)

    return make


def trained(trainer: ReinforcementTrainer) -> dict[int, list[Record]]:
    records: list[Record] = []
    trainer.run(Hooks(records.extend, lambda _: None))
    return {member.number: [r for r in records if r.member == member.number] for member in trainer.population.members}


def reference_advantage(step: int, deltas: list[float], ended: list[bool], decay: float) -> float:
    """The sum of all later surprises of the same episode, each with its weight: eq. 16 as it is printed."""
    total = 0.0
    for later in range(step, len(deltas)):
        total += decay ** (later - step) * deltas[later]
        if ended[later]:
            break
    return total


@given(
    seed=st.integers(0, 99),
    discount=st.floats(0, 1),
    trace=st.floats(0, 1),
    often=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_advantages_are_the_weighted_sum_of_later_surprises(
    seed: int, discount: float, trace: float, often: float
) -> None:
    n_steps, n_games = 7, 3
    random = torch.Generator().manual_seed(seed)
    rewards, values, following = (torch.randn(n_steps, n_games, generator=random).double() for _ in range(3))
    ended = torch.rand(n_steps, n_games, generator=random) < often
    found = generalized_advantages(rewards, values, following, ended, discount, trace)
    for game in range(n_games):
        deltas = (rewards + discount * following - values)[:, game].tolist()
        wanted = [reference_advantage(t, deltas, ended[:, game].tolist(), discount * trace) for t in range(n_steps)]
        assert found[:, game].tolist() == pytest.approx(wanted, abs=1e-9)


def test_with_a_trace_of_one_an_advantage_is_the_discounted_return_above_the_value() -> None:
    rewards = torch.tensor([[1.0], [2.0], [4.0], [8.0], [16.0]]).double()
    values = torch.tensor([[3.0], [5.0], [7.0], [11.0], [13.0]]).double()
    following = torch.tensor([[5.0], [7.0], [0.0], [13.0], [17.0]]).double()
    ended = torch.tensor([[False], [False], [True], [False], [False]])
    found = generalized_advantages(rewards, values, following, ended, 0.5, 1.0)
    returns = [1 + 0.5 * 2 + 0.25 * 4, 2 + 0.5 * 4, 4, 8 + 0.5 * 16 + 0.25 * 17, 16 + 0.5 * 17]
    assert (found + values).flatten().tolist() == pytest.approx(returns, abs=CLOSE)


def test_advantages_are_normalised_over_the_batch_and_equal_ones_say_nothing() -> None:
    even = normalised(torch.arange(21.0, dtype=torch.float64).reshape(7, 3) * 1000 + 5)
    assert float(even.mean()) == pytest.approx(0, abs=CLOSE)
    assert float(even.std(correction=0)) == pytest.approx(1, abs=CLOSE)
    assert normalised(torch.full((5, 3), 7.0)).tolist() == torch.zeros(5, 3).tolist()


def test_the_loss_is_policy_gradient_and_value_error_less_entropy() -> None:
    outputs = torch.tensor([[0.3, -0.2, 1.1, 2.0], [-1.0, 0.4, 0.0, -1.0], [0.5, 0.5, -2.0, 0.5]]).double()
    actions, advantages = torch.tensor([2, 0, 1]), torch.tensor([0.7, -1.1, 0.2]).double()
    returns = torch.tensor([1.0, -3.0, 2.5]).double()
    found = actor_critic_loss(outputs, actions, advantages, returns, value_weight=0.4, entropy_weight=0.03)
    scores = outputs[:, :3].numpy()
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    policy = -np.mean([math.log(p[n, a]) * float(advantages[n]) for n, a in enumerate(actions.tolist())])
    value = np.mean((outputs[:, 3].numpy() - returns.numpy()) ** 2) / np.var(returns.numpy())
    entropy = -np.mean((p * np.log(p)).sum(axis=1))
    assert float(found.value) == pytest.approx(value, abs=CLOSE)
    assert float(found.entropy) == pytest.approx(entropy, abs=CLOSE)
    assert float(found.total) == pytest.approx(policy + 0.4 * value - 0.03 * entropy, abs=CLOSE)


def test_returns_that_hardly_differ_make_no_huge_loss() -> None:
    outputs = torch.tensor([[0.0, 0.0, 90.0]] * 5)
    actions, returns = torch.zeros(5, dtype=torch.int64), torch.full((5,), 100.0)
    found = actor_critic_loss(outputs, actions, torch.zeros(5), returns, value_weight=1, entropy_weight=0)
    assert float(found.value) == pytest.approx(1.0)


def test_actions_are_drawn_with_the_probabilities_that_scores_mean() -> None:
    scores = np.log(np.array([[0.2, 0.5, 0.3]] * 5))
    assert drawn(scores, np.array([0.0, 0.19, 0.21, 0.69, 0.71])).tolist() == [0, 0, 1, 1, 2]
    assert drawn(scores[:1], np.array([1 - 2**-53])).tolist() == [2]
    assert set(drawn(np.full((2, 3), np.nan), np.array([0.1, 0.9])).tolist()) <= {0, 1, 2}


class Corridor(gymnasium.Env[Any, Any]):
    """Counts its steps; action 5 ends it with nothing left to come, action 7 cuts it off, 6 goes on."""

    observation_space = gymnasium.spaces.Box(0, 99, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(3, start=5)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed, options=options)
        self.seen = np.array([0.0, float(self.np_random.integers(1, 9))], np.float32)
        return self.seen, {}

    def step(self, action: int) -> Any:
        assert action in (5, 6, 7)
        self.seen[0] += 1
        return self.seen, float(action), action == 5, action == 7, {}


def corridor(n: int, seed: int = 3) -> Arena:
    return Arena([Game(Corridor(), Named("corridor", "here", Path("/nowhere"))) for _ in range(n)], seed)


def always(action: int) -> Callable[[Any], Any]:
    """Takes one action, and values what it sees by how many steps it has made."""

    def policy(seen: Any) -> Any:
        scores = np.full((len(seen), 3), -50.0)
        scores[:, action] = 50.0
        return np.concatenate([scores, 10 + seen[:, :1]], axis=1)

    return policy


def mixed(seen: Any) -> Any:
    """Takes any action, and the one that goes on more often than others."""
    return np.concatenate([seen[:, :1] * 0.01, seen * [0.05, 0.0] + [1.0, 0.0], seen[:, 1:]], axis=1)


def test_what_comes_after_the_end_is_worth_nothing_and_after_a_cut_what_was_seen_last() -> None:
    chances = np.full((3, 2), 0.5)
    ends = corridor(2).gather(always(0), chances)
    assert ends.next_values.tolist() == [[0.0, 0.0]] * 3
    assert ends.ended.all()
    assert ends.rewards.tolist() == [[5.0, 5.0]] * 3, "actions are counted from where the environment counts them"
    cut = corridor(2).gather(always(2), chances)
    assert cut.next_values.tolist() == [[11.0, 11.0]] * 3
    assert cut.values.tolist() == [[10.0, 10.0]] * 3
    on = corridor(2).gather(always(1), chances)
    assert on.next_values.tolist() == [[11.0, 11.0], [12.0, 12.0], [13.0, 13.0]]
    assert (on.returns, ends.returns) == ((), (5.0,) * 6)


def test_what_was_seen_stays_what_it_was_when_the_environment_moves_on() -> None:
    """The corridor shows its own state, and changes it in place."""
    game = Game(Corridor(), Named("corridor", "here", Path("/nowhere")))
    first = game.begin(3)
    second = game.act(1).observation
    game.act(1)
    assert (first[0], second[0]) == (0.0, 1.0)


def test_members_with_other_seeds_act_differently_in_the_same_place(tmp_path: Path) -> None:
    world = load_world(written(tmp_path), trusted=True)
    settings = written(tmp_path).recipe.reinforcement
    assert settings is not None

    def acted(seed: int, step: int) -> list[int]:
        player = Player(world, settings, seed, 8 * 29)
        player.arena = corridor(8)
        return player.experience(mixed, step).actions.flatten().tolist()

    assert acted(0, 5) == acted(0, 5)
    assert acted(0, 5) != acted(1, 5)
    assert acted(0, 5) != acted(0, 6)


def test_an_arena_goes_on_in_the_middle_of_the_same_episodes() -> None:
    """A few whole numbers are all that a checkpoint needs of an environment."""
    random = np.random.default_rng(0)
    first, chances = corridor(3), random.random((19, 3))
    first.gather(mixed, random.random((29, 3)))
    again = corridor(3)
    again.load(first.tensors())
    one, other = first.gather(mixed, chances), again.gather(mixed, chances)
    assert one.returns == other.returns
    assert len(one.returns) > 3
    for name in ("observations", "actions", "rewards", "values", "next_values", "ended"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_an_evaluation_leaves_an_episode_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adamtune.training.reinforcement.arena.LONGEST_EPISODE", 17)
    games = [Game(Corridor(), Named("corridor", "here", Path("/nowhere"))) for _ in range(2)]
    assert mean_return(games, always(1), 5, seed=1) == 17 * 6.0
    assert mean_return(games, always(0), 5, seed=1) == 5.0


LRS = [MemberEntry(n, seed, {"optimizer.lr": lr}) for n, (seed, lr) in enumerate([(0, 0.03), (0, 1e-3), (1, 0.03)])]


def test_a_member_lives_the_same_life_in_any_company(trainer: Callable[..., ReinforcementTrainer]) -> None:
    """To the last bit: one action that a rounding turned would make another life of it."""
    together = trained(trainer(LRS))
    for member in LRS:
        assert trained(trainer([member]))[member.number] == together[member.number]
    assert [r.signals["return"] for r in together[0]] != [r.signals["return"] for r in together[2]]
    assert together[0][0] == together[1][0].__class__(**{**_fields(together[1][0]), "member": 0})


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def test_a_diverged_member_leaves_its_neighbours_alone(trainer: Callable[..., ReinforcementTrainer]) -> None:
    members = [LRS[0], MemberEntry(7, 5, {"optimizer.lr": 1e30}), LRS[2]]
    together = trained(trainer(members))
    assert together[7][-1].state == "diverged"
    assert together[7][-1].reason
    for member in (LRS[0], LRS[2]):
        assert together[member.number] == trained(trainer([member]))[member.number]
        assert together[member.number][-1].state == "complete"


def test_losses_are_minus_returns_and_signals_are_those_of_a_policy(
    trainer: Callable[..., ReinforcementTrainer],
) -> None:
    records = trained(trainer([LRS[0]]))[0]
    assert [record.step for record in records] == [0, 3, 6, 9]
    for record in records:
        assert record.signals["val_loss"] == -record.signals["return"]
        assert all(math.isfinite(value) for value in record.signals.values())
        assert record.signals.get("train_loss", -1.0) < 0, "minus a return, and every step of the pole brings 1"
    assert any("train_loss" in record.signals for record in records)
    last = records[-1].signals
    assert last["test_loss"] == -last["test_return"]
    assert 0 < last["entropy"] <= math.log(2) + 1e-6
    assert {"value_loss", "grad_norm", "lr", "train_loss", "param_norm"} <= last.keys()
    assert records[1].signals["update_ratio"] > 0
    assert "entropy" not in records[0].signals, "nothing was done yet before the first line"


def test_each_member_has_its_own_clipping_entropy_and_discount(
    trainer: Callable[..., ReinforcementTrainer],
) -> None:
    own = [{}, {"clip.max_norm": 1e-3}, {"reinforcement.entropy": 3.0}, {"reinforcement.discount": 0.5}]
    found = trained(trainer([MemberEntry(n, 0, settings) for n, settings in enumerate(own)]))
    assert [found[n][1].signals["clipped"] for n in range(4)] == [0.0, 1.0, 0.0, 0.0]
    losses = [found[n][1].signals["batch_loss"] for n in (0, 2, 3)]
    assert len(set(losses)) == 3


def test_training_goes_on_from_a_checkpoint_as_if_nothing_had_happened(
    trainer: Callable[..., ReinforcementTrainer], tmp_path: Path
) -> None:
    whole: list[Record] = []
    saved: list[Path] = []

    def keep(make: Callable[[], Checkpoint]) -> None:
        saved.append(tmp_path / f"{len(saved)}.safetensors")
        make().save(saved[-1])

    members = [*LRS, MemberEntry(7, 5, {"optimizer.lr": 1e30})]
    sets = ("training.keep=best", "model.dropout=0.2")
    trainer(members, *sets).run(Hooks(whole.extend, lambda _: None, keep))
    checkpoint = Checkpoint.load(saved[1])
    assert checkpoint is not None
    second = trainer(members, *sets)
    second.restore(checkpoint)
    assert second.step == 6
    again: list[Record] = []
    second.run(Hooks(again.extend, lambda _: None))
    assert again == [record for record in whole if record.step > 6]


def test_the_best_weights_are_kept_and_waiting_has_an_end(trainer: Callable[..., ReinforcementTrainer]) -> None:
    sets = ("training.steps=20", "training.eval_every=1", "optimizer.lr=0.1")
    best = trained(trainer([LRS[0]], *sets, "training.keep=best"))[0]
    assert best[-1].signals["return"] == max(record.signals["return"] for record in best)
    patient = trained(trainer([LRS[0]], *sets, "training.early_stopping=2"))[0]
    assert patient[-1].step < 20
    assert patient[-1].state == "complete"
    assert "stopped early" in patient[-1].reason


def test_a_policy_learns_to_balance_the_pole(trainer: Callable[..., ReinforcementTrainer]) -> None:
    """Random actions bring 23, and 475 count as solved; 40 updates are far too few for that."""
    sets = ("training.steps=40", "training.batch_size=512", "training.eval_every=20", "training.keep=best")
    curve = trained(trainer([MemberEntry(0, 0)], *sets, "optimizer.lr=0.03", "model.hidden=[64]"))[0]
    assert curve[0].signals["return"] < 30
    assert curve[-1].signals["test_return"] > 90


def test_the_environment_is_described_for_the_diagnosis(tmp_path: Path) -> None:
    world = load_world(written(tmp_path), trusted=False)
    assert (world.input_shape, world.output_size) == ((4,), 3)
    facts = world.report.as_dict()
    assert facts["constant_loss"] is None
    assert (facts["n_actions"], facts["max_episode_steps"], facts["solved_at"]) == (2, 500, 475.0)
    assert 15 < facts["random_return"] < 35
    assert world.fingerprint == load_world(written(tmp_path), trusted=False).fingerprint


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ("data.environment=CartPol-v1", DataError, "did you mean: CartPole-v1"),
        ("data.environment=Pendulum-v1", DataError, "a Discrete action space"),
        ("data.environment=FrozenLake-v1", DataError, "a Box observation space"),
        ("data.environment=os:CartPole-v1", DataError, "the name of an environment alone"),
        ("training.epochs=3", RecipeError, "training.steps"),
        ("training.precision=bf16", RecipeError, "fp32"),
    ],
)
def test_what_no_policy_can_be_trained_with_is_refused(
    tmp_path: Path, change: str, kind: type[AdamtuneError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        load_world(written(tmp_path, change), trusted=False)
    (problem,) = caught.value.problems
    assert words in f"{problem.what} {problem.expected} {problem.hint}"
    assert change.partition("=")[2] in problem.what
    assert problem.where == f"--set {change}"
