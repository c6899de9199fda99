"""Bayesian matrix factorisation on ratings, by Gibbs sampling."""

from collections.abc import Iterable, Iterator
from numbers import Integral
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skrec import kernels
from skrec.base import (
    CheckpointFolder,
    Link,
    Queries,
    RatingRecommender,
    Threshold,
    checkpoints_of,
    item_vectors,
    kept_seed,
    of_one_fit,
    probability_at_least,
    shared_docs,
    user_vectors,
)
from skrec.base.fields import Floats, Length, Made, Maybe
from skrec.factorization._posterior_draws import PosteriorDraws, run_chain
from skrec.factorization._products import inner_products
from skrec.factorization._split_r_hat import SplitRHat
from skrec.interactions import Interactions
from skrec.neural import similar_items
from skrec.typing import Array, CSRMatrix, MatrixLike, RandomState
from skrec.utils import check_memory, check_share

__all__ = ["BayesianMFRegressor"]

_LEAST_DRAWS = 4  # of a chain for R-hat: two in each half


class OverDraws(Threshold):
    """The probability that a rating reaches ``relevance_threshold``, averaged over draws."""

    by_score = False

    def probabilities(
        self,
        model: Any,
        scores: Array,
        queries: Queries | None,
        candidates: Array | None = None,
    ) -> Array:
        if queries is None:
            return super().probabilities(model, scores, queries, candidates)
        each = model._probabilities_by_draw(queries, candidates)
        return sum(above + below for above, below in each) / (2 * model.n_draws_)


class BayesianMFRegressor(RatingRecommender):
    r"""Bayesian matrix factorisation of ratings, by Gibbs sampling (BPMF, Bayesian SVD++).

    The model of a rating is

    .. math:: r_{ui} \sim N(m + p_u^\top q_i + b_u + c_i, 1 / \alpha), \quad
        (p_u, b_u) \sim N\Big(\mu + |R_u|^{-1/2} \sum_{j \in R_u} y_j,
        \operatorname{diag}(\lambda)^{-1}\Big)

    and likewise for an item's :math:`(q_i, c_i)`, whose centre has a sum over the users
    :math:`R_i` who rated it. The sums of the implicit feedback are left out of both with
    ``implicit="none"`` and out of the items' with ``"svdpp"``. Weights are
    :math:`y_{jk} \sim N(0, 1 / \gamma_k)`. All of :math:`\mu, \lambda, \gamma, \alpha` are drawn
    too. Predictions are means over draws from the posterior, so that there is nothing to
    regularise and little to tune.

    Attributes
    ----------
    user_factors_ : ndarray of shape (n_users, n_draws * n_factors)
        For each draw the mean of the users' vectors given all else, one draw after the other.
    item_factors_ : ndarray of shape (n_items, n_draws * n_factors)
        The items' vectors in each draw.
    draws_ : PosteriorDraws
        These two, and in each draw the biases, the weights y of the items, the :math:`\mu` and
        :math:`\lambda` of the users, and the deviation of the noise.
    noise_std_ : float
        Deviation of ratings around their scores, the root mean square over draws.
    noise_trace_ : ndarray of shape (n_chains, n_sweeps)
        The deviation of the noise after each sweep, to see when a chain has settled.
    n_draws_ : int
        Number of draws of all chains.
    interactions_ : csr_matrix of shape (n_users, n_items)
        What ``fit`` saw.

    See Also
    --------
    BiasedMFRegressor : The same form with a penalty, and one vector a user.
    CrossFeedbackBMF : Posteriors by encoders.

    Notes
    -----
    A sweep draws each item's vector given the users', then each user's given the items', and the
    parameters of the priors in between. The draws depend neither on ``n_jobs`` nor on the number of
    threads. In a draw a user counts with the mean of the vector given the items' draw, and so does
    an unseen user, from the history alone. The deviation of a score is over the items' draws, and
    over a draw of the user's vector under each. Predictions are clipped to the scale at the end and
    not draw by draw, which makes next to no difference.

    Draws take ``4 * n_draws * (n_factors + 1) * (n_users + n_items)`` bytes, and with implicit
    feedback as much for the items once more. Joining several chains takes up to twice as much.

    Differences from the references: precisions have Gamma priors for each dimension, as in libFM
    (Rendle 2012), in place of a Wishart prior. The sum of the implicit feedback is the centre of a
    vector's prior, as side information is in Macau (Simm et al. 2017), so that its weights are
    drawn given the vectors alone; a factorisation machine adds it to the vector, which is the same
    model, and lets features of one side interact with each other, which only changes biases.
    Ratings are brought to mean 0 and deviation 1 before, and all shapes and rates of Gamma priors
    are 1.

    References
    ----------
    Salakhutdinov, R., & Mnih, A. (2008). Bayesian probabilistic matrix factorization using Markov
    chain Monte Carlo. ICML. https://doi.org/10.1145/1390156.1390267

    Rendle, S., Zhang, L., & Koren, Y. (2019). On the difficulty of evaluating baselines.
    https://arxiv.org/abs/1905.01395

    Rendle, S. (2012). Factorization machines with libFM. ACM Transactions on Intelligent Systems
    and Technology, 3(3). https://doi.org/10.1145/2168752.2168771

    Simm, J., Arany, A., Zakeri, P., Haber, T., Wegner, J. K., Chupakhin, V., Ceulemans, H., &
    Moreau, Y. (2017). Macau: Scalable Bayesian factorization with high-dimensional side
    information using MCMC. MLSP. https://doi.org/10.1109/MLSP.2017.8168143

    Examples
    --------
    >>> from skrec import BayesianMFRegressor
    >>> from skrec.datasets import make_interactions
    >>> X = make_interactions(60, 40, 600, random_state=0).X
    >>> X.data = X.indices % 5 + 1.0
    >>> est = BayesianMFRegressor(n_factors=4, n_samples=10, random_state=0).fit(X)
    >>> ratings, std = est.predict(X[:2], return_std=True)
    >>> ratings.shape
    (2, 40)
    """

    n_factors: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Length of the vectors without the biases.",
    ] = 20
    implicit: Annotated[
        Literal["none", "svdpp", "flipped"],
        'Who has implicit feedback: nobody, users (``"svdpp"``), or users and items.',
    ] = "flipped"
    burn_in: Annotated[
        int,
        Interval(Integral, 0, None, closed="left"),
        "Sweeps of each chain before a draw is kept.",
    ] = 60
    n_samples: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Draws that each chain keeps.",
    ] = 60
    thin: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Sweeps from one draw that is kept to the next: larger ones cost time and no memory, and "
        "bring chains to agree.",
    ] = 4
    n_chains: Annotated[
        int,
        Interval(Integral, 1, None, closed="left"),
        "Chains from different starts, whose draws are joined. With several, `r_hat` tells "
        "whether they agree.",
    ] = 1
    n_jobs: Annotated[
        int | None,
        Integral,
        "Threads over chains, or over rows of one chain; None takes that of "
        "`joblib.parallel_config`.",
    ] = None
    verbose: Annotated[int, "verbose", "1 shows a progress bar for each chain."] = 0
    random_state: Annotated[RandomState, "random_state", "Seed of all draws."] = None
    checkpoint: CheckpointFolder = None

    _fitted: ClassVar = {
        "n_draws_": Length("draws"),
        "draws_": Made(
            PosteriorDraws,
            user_factors=Floats("users", "all_factors"),
            user_biases=Floats("users", "draws"),
            item_factors=Floats("items", "all_factors"),
            item_biases=Floats("items", "draws"),
            weights=Maybe(Floats("items", "draws", "vector")),
            prior_means=Floats("draws", "vector"),
            prior_precisions=Floats("draws", "vector"),
            noise_stds=Floats("draws"),
        ),
        "noise_trace_": Floats("chains", None),
    }
    _probabilistic: ClassVar[bool] = True
    _scores_few_cheaply: ClassVar[bool] = True
    _link: ClassVar[type[Link]] = OverDraws
    _test_parameters: ClassVar[dict[str, Any]] = {
        "n_factors": 3,
        "burn_in": 20,
        "n_samples": 10,
        "thin": 1,
        "random_state": 0,
    }

    similar_items = similar_items
    user_vectors, item_vectors = user_vectors, item_vectors

    # fitting

    def _new_link(self) -> Link:
        return OverDraws(self.noise_std_ if "draws_" in self.__dict__ else None)

    def _fit(self, X: CSRMatrix) -> None:
        self.n_draws_ = self.n_chains * self.n_samples
        self._check_draws_fit(X)
        rng = np.random.RandomState() if self.random_state is None else self.random_state
        seed = check_random_state(rng).randint(2**31 - 1)
        params: Any = clone(self)  # other processes may get it, and not what is fitted
        with checkpoints_of(self, X) as checkpoints, kernels.engine_workers(self.n_jobs):
            seed = kept_seed(self, checkpoints, seed)
            seeds = np.random.SeedSequence(seed).spawn(self.n_chains)
            chains = [(seed, checkpoints.next()) for seed in seeds]
            done = kernels.in_threads(run_chain, chains, self.n_jobs, common=(X, params))
        self.noise_trace_ = np.array([trace for trace, _ in done])
        self.draws_ = PosteriorDraws.joined([draws for _, draws in done])

    def _check_draws_fit(self, X: CSRMatrix) -> None:
        n_vectors = X.shape[0] + (1 if self.implicit == "none" else 2) * X.shape[1]
        n_bytes = 8.0 if self.n_chains > 1 else 4.0  # several are joined
        check_memory(
            n_bytes * self.n_draws_ * (self.n_factors + 1) * n_vectors,
            f"{type(self).__name__} with {self.n_draws_} draws of n_factors={self.n_factors} for "
            f"{X.shape[0]:,} users and {X.shape[1]:,} items",
            "choose a smaller n_samples, n_chains or n_factors, or use BiasedMFRegressor",
        )

    # scores

    def _score_block(self, queries: Queries) -> Array:
        return self._mean_scores(queries, None)

    def _score_candidates(self, queries: Queries, candidates: Array) -> Array:
        scores = self._mean_scores(queries, candidates)
        return self._with_prior(scores, queries, candidates, self._prior_scores)

    def _mean_scores(self, queries: Queries, candidates: Array | None) -> Array:
        factors, biases = self._means(queries)
        scores = _products(factors, self.item_factors_, candidates) / self.n_draws_
        scores += biases.mean(axis=1, keepdims=True)
        scores += _picked(self.draws_.item_biases.mean(axis=1), candidates)
        return scores

    def _user_vectors(self, queries: Queries) -> Array:
        factors, _ = self._means(queries)
        return np.column_stack([factors / self.n_draws_, np.ones(len(factors))])

    def _item_vectors(self) -> Array:
        return np.column_stack([self.item_factors_, self.draws_.item_biases.mean(axis=1)])

    def _means(self, queries: Queries) -> tuple[Array, Array]:
        """Return the factors of users, one draw after the other, and their biases."""
        if queries.users is not None and queries.history is queries.stored:
            return self.user_factors_[queries.users], self.draws_.user_biases[queries.users]
        draws, history = range(self.n_draws_), queries.history
        means = np.empty((history.shape[0], len(draws), self.n_factors + 1), np.float32)
        for draw, (mean, _) in zip(draws, self._users(history, draws), strict=True):
            means[:, draw] = mean
        return means[:, :, :-1].reshape(len(means), -1), means[:, :, -1]

    def _users(self, history: CSRMatrix, draws: Iterable[int]) -> Iterator[tuple[Array, Array]]:
        return self.draws_.users(history, draws, self.n_jobs)

    def _by_draw(
        self, queries: Queries, candidates: Array | None, draws: Iterable[int] | None = None
    ) -> Iterator[tuple[int, Array, Array]]:
        """Yield draws, the mean scores given the items' draw, and how far a draw of them is off."""
        draws = range(self.n_draws_) if draws is None else draws
        for draw, each in zip(draws, self._users(queries.history, draws), strict=True):
            factors, biases = self.draws_.items(draw)
            means, spreads = (
                _products(users[:, :-1], factors, candidates) + users[:, -1:] for users in each
            )
            yield draw, means + _picked(biases, candidates), spreads

    def _draw_block(self, queries: Queries, draw: int) -> Array:
        return self._scores_in_draw(queries, None, draw)

    def _draw_candidates(self, queries: Queries, candidates: Array, draw: int) -> Array:
        scores = self._scores_in_draw(queries, candidates, draw)
        return self._with_prior(scores, queries, candidates, self._prior_scores)

    def _scores_in_draw(self, queries: Queries, candidates: Array | None, draw: int) -> Array:
        ((_, means, spreads),) = self._by_draw(queries, candidates, [draw])
        return means + spreads

    def _row_bytes(self) -> int:
        users = 12 * int(self.n_draws_) * (int(self.n_factors) + 1)
        return super()._row_bytes() + users

    # deviations

    def _score_std(self, queries: Queries, candidates: Array | None = None) -> Array:
        total = square = within = 0.0
        for _, means, spreads in self._by_draw(queries, candidates):
            means = means.astype(np.float64)
            total, square, within = total + means, square + means**2, within + spreads**2
        variance = square / self.n_draws_ - (total / self.n_draws_) ** 2 + within / self.n_draws_
        return np.sqrt(np.maximum(variance, 0)).astype(np.float32)

    def _probabilities_by_draw(
        self, queries: Queries, candidates: Array | None
    ) -> Iterator[tuple[Array, Array]]:
        """Yield the probabilities of a good rating under two mirrored draws of the users."""
        step, threshold = cast(Any, self.link_).step_, float(self.relevance_threshold)
        for draw, means, spreads in self._by_draw(queries, candidates):
            given = self.draws_.noise_stds[draw], threshold, step
            above = probability_at_least(means + spreads, *given)
            yield above, probability_at_least(means - spreads, *given)

    def _proba_std(self, queries: Queries, candidates: Array | None = None) -> Array:
        n, total, square = 2 * self.n_draws_, 0.0, 0.0
        for above, below in self._probabilities_by_draw(queries, candidates):
            total, square = total + above + below, square + above**2 + below**2
        return np.sqrt(np.maximum(square / n - (total / n) ** 2, 0)).astype(np.float32)

    @of_one_fit
    @shared_docs
    def predict_interval(
        self,
        X: Interactions | MatrixLike | None = None,
        level: float = 0.9,
        *,
        users: ArrayLike | None = None,
    ) -> tuple[Array, Array]:
        """Return intervals that hold a rating with a given probability.

        They are those of a Gaussian with the mean and the deviation of the posterior predictive
        distribution, cut to the scale seen in ``fit``.

        Parameters
        ----------
        %(histories_or_pairs)s
        level : float, default=0.9
            The probability, between 0 and 1.
        %(users)s

        Returns
        -------
        lower, upper : ndarray of shape (n_rows, n_items) or (n_pairs,)
            float32.

        Raises
        ------
        %(bad_input)s
        """
        level = check_share(level, "level")
        mean, std = self.decision_function(X, users=users, return_std=True)
        half = np.float32(norm.ppf((1 + level) / 2)) * np.hypot(std, np.float32(self.noise_std_))
        return np.clip(mean - half, *self.rating_range_), np.clip(mean + half, *self.rating_range_)

    @of_one_fit
    @shared_docs
    def r_hat(
        self,
        X: Interactions | MatrixLike | None = None,
        *,
        users: ArrayLike | None = None,
    ) -> Array:
        r"""Return the split :math:`\hat R` of scores, which is near 1 where all chains agree.

        Each chain is cut into halves. With W the mean of the halves' variances over draws, and B
        the variance of their means, it is :math:`\sqrt{1 - 1 / n + B / W}` with n draws a half.

        Parameters
        ----------
        %(histories_or_pairs)s
        %(users)s

        Returns
        -------
        r_hat : ndarray of shape (n_rows, n_items) or (n_pairs,)
            float32.

        Raises
        ------
        %(bad_input)s

        References
        ----------
        Gelman, A., Carlin, J. B., Stern, H. S., Dunson, D. B., Vehtari, A., & Rubin, D. B. (2013).
        Bayesian Data Analysis, 3rd edition, section 11.4. CRC Press.
        """
        check_is_fitted(self)
        if self.n_samples < _LEAST_DRAWS:
            raise ValueError(
                f"n_samples must be at least {_LEAST_DRAWS} for r_hat, which compares halves of "
                f"chains; got {self.n_samples}"
            )
        return cast(Array, self._answer(cast(Any, "r_hat"), X, users, False))

    def _values(
        self, of: Any, return_std: bool, queries: Queries, candidates: Array | None = None
    ) -> tuple[Array, ...]:
        if of != "r_hat":
            return super()._values(of, return_std, queries, candidates)
        halves = SplitRHat(self.n_draws_ // self.n_samples, self.n_samples)
        for draw, means, spreads in self._by_draw(queries, candidates):
            halves.add(draw, means + spreads)
        return (halves.result().astype(np.float32),)

    # what was learnt

    @property
    def user_factors_(self) -> Array:
        """Means of the users in each draw, ndarray of shape (n_users, n_draws * n_factors)."""
        return self.draws_.user_factors

    @property
    def item_factors_(self) -> Array:
        """Vectors of the items in each draw, ndarray of shape (n_items, n_draws * n_factors)."""
        return self.draws_.item_factors

    @property
    def noise_std_(self) -> float:
        """Deviation of ratings around their scores, the root mean square over draws, float."""
        return float(np.sqrt(np.mean(self.draws_.noise_stds**2)))


def _products(users: Array, items: Array, candidates: Array | None) -> Array:
    if candidates is not None and candidates.ndim == 2:
        return kernels.list_products(users, items, candidates)
    return inner_products(users, items, candidates)


def _picked(values: Array, candidates: Array | None) -> Array:
    return values if candidates is None else values[candidates]
