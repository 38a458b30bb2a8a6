"""Which head: cross-validation over problems, and the simplest recipe that is not measurably worse than the best.

    fit_best: recipes ── folds of problems ── losses ── the simplest within one standard error ── fitted to all
    held_out_chances: the same again and again without a fold of problems, whose chances are then those of a stranger

So the figures are of the whole procedure, selection and calibration among it, on problems that it has never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from tts_cli.evaluation.heads.fit import Floats, Numbers, Recipe, Standardised, cross_entropy, fit, platt
from tts_cli.evaluation.heads.table import PlacedSolution, StepTable
from tts_cli.models.prm.head_file import HeadInput, PlattScaling, logits

INNER, OUTER = 4, 5
"""Folds to choose a recipe by, and folds to measure the choice on."""

RANKED = 8
"""Problems with right and wrong solutions from which on recipes are judged by how they rank these."""

LIKELIHOODS: tuple[HeadInput, ...] = ("likelihoods",)
STATE: tuple[HeadInput, ...] = ("end",)
BOTH: tuple[HeadInput, ...] = ("end", "likelihoods")
GATED: tuple[HeadInput, ...] = ("doubtful", "likelihoods")
ALL: tuple[HeadInput, ...] = ("end", "mean", "likelihoods")
RECIPES = (
    Recipe("linear", LIKELIHOODS, 0.001),
    Recipe("linear", STATE, 0.1),
    Recipe("linear", BOTH, 1.0),
    Recipe("linear", BOTH, 0.1),
    Recipe("linear", BOTH, 0.01),
    Recipe("linear", GATED, 0.1),
    Recipe("linear", GATED, 0.01),
    Recipe("linear", ALL, 1.0),
    Recipe("linear", ALL, 0.1),
    Recipe("linear", ALL, 0.01),
    Recipe("mlp", BOTH, 1e-3, hidden=32),
    Recipe("mlp", ALL, 1e-3, hidden=32),
)
"""Simple ones first; those with the same inputs stand together."""

OnFit = Callable[[], None]


@dataclass(frozen=True, slots=True)
class FittedHead:
    """`losses`: of each recipe, mean over problems that its fits had not seen."""

    recipe: Recipe
    tensors: Mapping[str, Floats]
    calibration: PlattScaling
    losses: Mapping[Recipe, float]

    def chances(self, table: StepTable, rows: NDArray[np.int64]) -> Numbers:
        """Of these rows: to be right, in (0, 1)."""
        logit = logits(self.recipe.kind, self.tensors, table.joined(self.recipe.inputs, rows))
        return 1 / (1 + np.exp(-np.clip(self.calibration.slope * logit + self.calibration.intercept, -60, 60)))


def folds_of(problems: NDArray[np.int64], count: int, seed: int) -> list[NDArray[np.int64]]:
    """The problems at random in `count` folds of nearly one size."""
    order = np.random.default_rng(seed).permutation(problems)
    return [np.sort(order[i::count]) for i in range(count)]


def fit_best(
    table: StepTable,
    problems: NDArray[np.int64],
    seed: int,
    recipes: Sequence[Recipe] = RECIPES,
    on_fit: OnFit = lambda: None,
) -> FittedHead:
    """Choose a recipe by these problems, calibrate it and fit it to all of them. `on_fit`: once for each fold."""
    recipes = [recipe for recipe in recipes if table.has(recipe.inputs)]
    unseen = {recipe: np.full(len(table.problem), np.nan) for recipe in recipes}
    for fold in folds_of(problems, INNER, seed):
        others, rows = np.setdiff1d(problems, fold), table.rows_of(fold)
        for recipe, tensors in _fitted(table, others, recipes, seed).items():
            unseen[recipe][rows] = logits(recipe.kind, tensors, table.joined(recipe.inputs, rows))
        on_fit()
    rows = table.rows_of(problems)
    rows = rows[table.votes[rows] > 0]
    scaling = {one: platt(unseen[one][rows], table.target[rows], table.votes[rows]) for one in recipes}
    scaled = {one: scaling[one].slope * unseen[one] + scaling[one].intercept for one in recipes}
    losses = {one: problem_losses(table, problems, scaled[one]) for one in recipes}
    recipe = simplest(losses)
    (tensors,) = _fitted(table, problems, [recipe], seed).values()
    means = {one: float(values.mean()) for one, values in losses.items()}
    return FittedHead(recipe, tensors, scaling[recipe], means)


def held_out_chances(
    table: StepTable, seed: int, recipes: Sequence[Recipe] = RECIPES, on_fit: OnFit = lambda: None
) -> Numbers:
    """Of every row, by a head that was chosen and fitted without its problem."""
    problems = np.arange(len(table.solutions))
    chances = np.empty(len(table.problem))
    for fold in outer_folds(table, seed):
        rows = table.rows_of(fold)
        chances[rows] = fit_best(table, np.setdiff1d(problems, fold), seed, recipes, on_fit).chances(table, rows)
    return chances


def outer_folds(table: StepTable, seed: int) -> list[NDArray[np.int64]]:
    """The problems of `held_out_chances`, by the head that has not seen them."""
    return folds_of(np.arange(len(table.solutions)), OUTER, seed + 1)


def fits(outer: int = OUTER) -> int:
    """How often `on_fit` is called for a head and its figures."""
    return INNER * (outer + 1)


def _fitted(
    table: StepTable, problems: NDArray[np.int64], recipes: Sequence[Recipe], seed: int
) -> dict[Recipe, dict[str, Floats]]:
    rows = table.rows_of(problems)
    rows = rows[table.weight[rows] > 0]
    found = {}
    for inputs, group in groupby(recipes, key=lambda recipe: recipe.inputs):
        x = Standardised.of(table.joined(inputs, rows))
        for recipe in group:
            found[recipe] = fit(recipe, x, table.target[rows], table.emphasis[rows], table.problem[rows], seed)
    return found


def simplest(losses: Mapping[Recipe, Numbers]) -> Recipe:
    """The first whose mean loss is at most one standard error of the difference above the least (Breiman et al. 1984).
    Losses are by problem, of the same problems."""
    best = min(losses.values(), key=lambda values: float(values.mean()))
    for recipe, values in losses.items():
        gap = values - best
        if float(gap.mean()) <= float(gap.std()) / max(1, len(gap) - 1) ** 0.5:
            return recipe
    raise AssertionError("the best one is as good as itself")


def problem_losses(table: StepTable, problems: NDArray[np.int64], logit: Numbers) -> Numbers:
    """Of each problem: how it ranks wrong solutions against right ones, where enough problems have both; else how
    far the chances of its steps are from their labels. In nats, less is better."""
    mixed = [solutions for i in problems if _is_mixed(solutions := table.solutions[i])]
    if len(mixed) >= RANKED:
        return np.array([_ranking_loss(solutions, logit, by_steps=table.by_steps) for solutions in mixed])
    losses = []
    for own in (table.rows_of([i]) for i in problems):
        entropy = table.weight[own] @ cross_entropy(logit[own], table.target[own])
        losses.append(float(entropy / max(1.0, table.weight[own].sum())))
    return np.array(losses)


def _is_mixed(solutions: Sequence[PlacedSolution]) -> bool:
    return len({one.solution.right for one in solutions}) == 2


def _ranking_loss(solutions: Sequence[PlacedSolution], logit: Numbers, *, by_steps: bool) -> float:
    """Mean over pairs of a right and a wrong sample of -log P(the right one is better) (Bradley-Terry)."""
    value = [solution_score(one, logit, by_steps=by_steps) for one in solutions]
    right = np.array([one.solution.count * one.solution.right for one in solutions], float)
    wrong = np.array([one.solution.count * (not one.solution.right) for one in solutions], float)
    gaps = np.subtract.outer(value, value)
    return float(right @ np.logaddexp(0.0, -gaps) @ wrong / (right.sum() * wrong.sum()))


def solution_score(one: PlacedSolution, values: Numbers, *, by_steps: bool) -> float:
    """From the values of steps: the last one speaks for the whole prefix, or else the least of single steps."""
    own = values[list(one.rows)]
    return float(own.min() if by_steps else own[-1])
