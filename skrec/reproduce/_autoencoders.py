"""Recipes of the papers on autoencoders over users, MovieLens-20M."""

from skrec.reproduce._recipe import Recipe, System, register

__all__ = []

_UPDATES = 200_000  # in which Mult-VAE's beta would reach 1
_USERS = 136_677 - 2 * 10_000  # to train on


def _steps(epochs, cap, batch_size=200):
    """Give the updates in which beta would reach 1, if it reaches its cap after some epochs."""
    return round(epochs * -(-_USERS // batch_size) / cap)


def _figures(metrics, values):
    """Give published figures by metric, without those that there are not."""
    return {name: value for name, value in zip(metrics, values) if value is not None}


# Mult-VAE, table 2a

_METRICS = "recall@20", "recall@50", "ndcg@100"
_VAE = {
    "hidden_sizes": (600,),
    "latent_size": 200,
    "dropout": 0.5,
    "beta": 0.2,
    "anneal_steps": _UPDATES,
    "batch_size": 500,
    "max_epochs": 200,
    "early_stopping": True,
    "patience": 200,  # the best epoch of all is kept
}
_DAE = {
    "hidden_sizes": (),
    "latent_size": 200,
    "batch_size": 500,
    "max_epochs": 200,
    "early_stopping": True,
    "patience": 200,
}
_CDAE = {
    "latent_size": 200,
    "batch_size": 500,
    "max_epochs": 200,
    "early_stopping": True,
    "patience": 200,
}


def _system(name, estimator, parameters, *values, note=""):
    return System(name, estimator, parameters, _figures(_METRICS, values), note)


register(
    Recipe(
        paper="mult_vae",
        data="ml-20m",
        table="2",
        source="Liang, Krishnan, Hoffman and Jebara 2018",
        metrics=_METRICS,
        test_users=10_000,
        systems=(
            _system("Mult-VAE PR", "MultVAERecommender", _VAE, 0.395, 0.537, 0.426),
            _system("Mult-DAE", "MultDAERecommender", _DAE, 0.387, 0.524, 0.419),
            _system("WMF", None, {}, 0.360, 0.498, 0.386),
            _system("SLIM", None, {}, 0.370, 0.495, 0.401),
            _system(
                "CDAE", "CDAERecommender", _CDAE, 0.391, 0.523, 0.418,
                note="the paper chooses the decay on validation",
            ),
            _system(
                "EASE", "EASERecommender", {"l2": 500.0}, 0.391, 0.521, 0.420, note="Steck 2019"
            ),
            _system(
                "RecVAE", "RecVAERecommender",
                {"max_epochs": 50, "early_stopping": True, "patience": 50}, 0.414, 0.553, 0.442,
                note="Shenbin, Alekseev, Tutubalina, Malykh and Nikolenko 2020",
            ),
        ),
    )
)  # fmt: skip

# EVCF, table 4-2

_EVCF_METRICS = "ndcg@100", "ndcg@20", "recall@50", "recall@20", "recall@10"
_EVCF = {
    "hidden_sizes": (600,),
    "latent_size": 200,
    "beta": 0.3,
    "anneal_steps": _steps(100, 0.3),
    "batch_size": 200,
    "lr": 5e-4,
    "max_epochs": 400,
    "early_stopping": True,
    "patience": 150,  # 50 epochs after the 100 in which beta rises
}
_DEEP = {**_EVCF, "hidden_sizes": (600, 600)}
_VAMP = {**_EVCF, "n_pseudo_inputs": 1000}


def _evcf(name, estimator, parameters, *values, note=""):
    return System(name, estimator, parameters, _figures(_EVCF_METRICS, values), note)


register(
    Recipe(
        paper="evcf",
        data="ml-20m",
        table="4-2",
        source="Kim and Suh 2019",
        metrics=_EVCF_METRICS,
        test_users=10_000,
        systems=(
            _evcf("WMF", None, {}, 0.386, None, 0.498, 0.360, note="from Mult-VAE's paper"),
            _evcf("SLIM", None, {}, 0.401, None, 0.495, 0.370, note="from Mult-VAE's paper"),
            _evcf(
                "CDAE", "CDAERecommender", _CDAE, 0.418, None, 0.523, 0.391,
                note="from Mult-VAE's paper",
            ),
            _evcf(
                "Mult-VAE", "MultVAERecommender", _EVCF, 0.42700, 0.33804, 0.53524, 0.39569, 0.33285
            ),
            _evcf("Vamp", "VampVAERecommender", _VAMP, 0.43433, 0.34892, 0.53933, 0.40310, 0.34413),
            _evcf(
                "H+Vamp", "VampVAERecommender", {**_VAMP, "hierarchical": True},
                0.43684, 0.35284, 0.53974, 0.40524, 0.34911,
            ),
            _evcf(
                "Mult-VAE (Gated)", "MultVAERecommender", {**_DEEP, "gated": True},
                0.43515, 0.34741, 0.54498, 0.40558, 0.34457,
            ),
            _evcf(
                "H+Vamp (Gated)", "VampVAERecommender",
                {**_DEEP, "n_pseudo_inputs": 1000, "hierarchical": True, "gated": True},
                0.44522, 0.36008, 0.55109, 0.41308, 0.35442,
                note="two hidden layers, the better ones of table 4-6",
            ),
        ),
    )
)  # fmt: skip
