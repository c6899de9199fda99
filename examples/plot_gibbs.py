"""
Uncertainty of an encoder against Gibbs sampling
================================================

Two models say how sure they are of a rating. BayesianMFRegressor draws from the posterior of its
model by Gibbs sampling. CrossFeedbackBMF learns an encoder that returns a normal distribution in
one pass. Do their intervals hold as many ratings as they promise? And are they unsure about the
same users?
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import norm

from skrec import BayesianMFRegressor, CrossFeedbackBMF
from skrec.datasets import fetch_movielens, make_interactions
from skrec.inspection import partial_spearman
from skrec.model_selection import InteractionHoldout

home = os.environ.get("SKREC_DATA")
if home and Path(home, "ml-100k").is_dir():
    source, data = "MovieLens-100K", fetch_movielens("100k", download_if_missing=False)
else:
    source, data = "made up", make_interactions(900, 400, 40_000, ratings=True, random_state=0)
ratings = data.interactions
train, test = next(InteractionHoldout(0.2, random_state=0).split(ratings))
learn, hidden = ratings[train], ratings[test]
print("data:", source)

# %%
# Two posteriors
# --------------
#
# ``predict`` returns the deviation of the rating, with the noise. ``decision_function`` returns
# that of the score alone, which is what the model does not know.

gibbs = BayesianMFRegressor(n_factors=8, burn_in=20, n_samples=20, thin=2, random_state=0)
sizes = {"n_factors": 16, "joined_size": 32, "attention": None}
steps = {"lr": 3e-3, "batch_size": 500, "item_batch_size": 500, "max_epochs": 20}
models = {"Gibbs": gibbs, "encoder": CrossFeedbackBMF(**sizes, **steps, random_state=0)}
tables = {}
for name, est in models.items():
    mean, deviation = est.fit(learn).predict(hidden, return_std=True)
    _, alone = est.decision_function(hidden, return_std=True)
    error = hidden.value - mean
    columns = {"user": hidden.user, "error": error, "deviation": deviation, "alone": alone}
    tables[name] = pd.DataFrame(columns)
    unknown = np.mean(alone**2) / np.mean(deviation**2)
    rmse = np.sqrt(np.mean(error**2))
    print(f"{name}: RMSE {rmse:.4f}, deviation of the noise {est.noise_std_:.3f}")
    print(f"    {unknown:.0%} of the variance of a rating is not noise")

# %%
# Coverage
# --------
#
# An interval of 90 % should hold 90 % of the hidden ratings. The intervals are those of a normal
# distribution, whatever the bounds of the scale. Ratings are whole numbers, so small deviations
# from the diagonal are no surprise.

levels = np.array([0.5, 0.8, 0.9, 0.95])
coverage = {
    name: [
        (t["error"].abs() <= norm.ppf((1 + level) / 2) * t["deviation"]).mean() for level in levels
    ]
    for name, t in tables.items()
}
print(pd.DataFrame(coverage, index=pd.Index(levels, name="level")).round(3))

# %%
# User by user
# ------------
#
# The deviation of the score alone, as the mean over a user's hidden ratings. We compare its order
# between the models, and with how large the user's errors are. Both models are less sure about
# users with few ratings. So the last column holds the number of ratings fixed.

n_ratings = np.bincount(learn.user, minlength=ratings.frame[0])
users = pd.DataFrame({name: t.groupby("user")["alone"].mean() for name, t in tables.items()})
given = n_ratings[users.index]
rows = {"each other": (users["Gibbs"], users["encoder"])}
for name, table in tables.items():
    rows[f"{name}, ratings of the user"] = users[name], given
    size = np.sqrt((table["error"] ** 2).groupby(table["user"]).mean())
    rows[f"{name}, error of the user"] = users[name], size
found = pd.DataFrame.from_dict(
    {
        name: {
            "rank correlation": partial_spearman(a, b).statistic,
            "ratings fixed": np.nan
            if b is given
            else partial_spearman(a, b, given=given).statistic,
        }
        for name, (a, b) in rows.items()
    },
    orient="index",
)
print(found.round(2).to_string())

fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
left.plot([0.4, 1], [0.4, 1], color="0.5", linewidth=1)
for marker, (name, shares) in zip("os", coverage.items(), strict=True):
    left.plot(levels, shares, f"{marker}-", label=name)
left.set(xlabel="level of the interval", ylabel="share of ratings in it", title="Coverage")
left.legend()
dots = right.scatter(users["Gibbs"], users["encoder"], c=np.log10(given), s=8)
fig.colorbar(dots, label="ratings of the user, log10")
correlation = found.loc["each other", "rank correlation"]
right.set(xlabel="deviation, Gibbs", ylabel="deviation, encoder")
right.set_title(f"Users: rank correlation {correlation:.2f}")
plt.show()

# %%
# What to look at
# ---------------
#
# Coverage is mostly about the noise, which both models estimate. So good coverage does not show
# that a model knows what it does not know. The correlations ask that. A model that is unsure where
# it is wrong has a positive one with the error. If it vanishes with the ratings fixed, the model
# only counts ratings.
