"""What is compared with peers, and the options of the commands that do it."""

from argparse import ArgumentParser, Namespace

from benchmarks.peers.environments import PEERS
from benchmarks.speed.command import Task, add_speed_options, check_tasks

__all__ = ["TABLE", "TASKS", "add_peer_options", "check_peers"]

TASKS = {
    "multvae-epoch": Task(
        "peers.autoencoders:multvae_epoch", "an epoch of Mult-VAE [I-600-200-600-I] on ml-1m"
    ),
    "convncf-epoch": Task(
        "peers.convncf:convncf_epoch",
        "an epoch of ConvNCF, 64 factors and six layers of 32 maps, on amazon-music beside "
        "RecBole's with the same tower, optimiser and batches",
    ),
    "bpr": Task(
        "peers.bpr:bpr",
        "an epoch of MF-BPR with 64 factors on Gowalla, and the time to a given NDCG@20",
    ),
    "als-sweep": Task(
        "peers.als:als_sweep",
        "a sweep of WMF over users and items, 64 factors, on Gowalla, exactly and by blocks, "
        "beside implicit's by conjugate gradients and, up to 128 factors, by Cholesky; then a fit "
        "of each, at equal settings, and its NDCG@20",
    ),
    "ease": Task("peers.linear:ease", "a fit of EASE on ml-1m"),
    "edlae": Task(
        "peers.linear:edlae", "a fit of EASE under dropout (EDLAE) on ml-1m beside irspack's"
    ),
    "slim": Task(
        "peers.slim:slim", "a fit of SLIM on ml-100k with two penalties, and the objective reached"
    ),
    "slim-1m": Task("peers.slim:slim_1m", "the same on all items of ml-1m"),
    "itemknn": Task("peers.linear:itemknn", "a fit of cosine neighbours on ml-1m"),
    "itemknn-gowalla": Task("peers.linear:itemknn_gowalla", "the same on Gowalla"),
    "rp3beta": Task(
        "peers.linear:rp3beta", "a fit of RP3beta with 100 neighbours on ml-1m beside irspack's"
    ),
    "lightgcn-epoch": Task(
        "peers.light_gcn:lightgcn_epoch",
        "an epoch of LightGCN, three layers and 64 factors, on amazon-music beside RecBole's",
    ),
    "bayesian-mf": Task(
        "peers.bayesian:bayesian_mf",
        "a sweep of Gibbs sampling, 20 factors, on the ratings of ml-100k and ml-1m beside "
        "myFM's, and the RMSE after so many sweeps",
    ),
    "ranking": Task(
        "peers.ranking:ranking", "20 items for all users of Gowalla, by products of 64 factors"
    ),
    "evaluating": Task(
        "peers.ranking:evaluating", "ten metrics and cut-offs for all users of ml-1m"
    ),
    "one-user": Task(
        "peers.one_user:one_user",
        "one user of ml-1m at a time: lists for users of the fit, for rows, and folding in",
    ),
    "gowalla": Task(
        "peers.gowalla:gowalla",
        "batches of RecBole's MultiVAE, implicit's cosine neighbours and its ranking by factors, "
        "on Gowalla",
    ),
    "recvae-epoch": Task(
        "peers.autoencoders:recvae_epoch",
        "an epoch of RecVAE on ml-1m, three passes of the encoder and one of the decoder, beside "
        "RecBole's",
    ),
    "mf-bpr": Task(
        "peers.bpr_curves:mf_bpr",
        "an epoch of MF-BPR with 64 factors on Gowalla beside implicit's; then NDCG@20 within "
        "budgets of training time, for implicit with its defaults and on a grid (the best of "
        'which, by the test itself, is what "ratio" divides by)',
    ),
}
# the tasks that make up the table of ratios
TABLE = list(TASKS)[: list(TASKS).index("one-user") + 1]


def add_peer_options(parser: ArgumentParser) -> None:
    """Add the options of comparisons with peers."""
    add_speed_options(parser)
    names = list(PEERS)
    parser.add_argument(
        "--peers", nargs="*", default=names, choices=names, metavar="PEER",
        help=f"which, of {', '.join(names)}; none: ours alone; default: all",
    )  # fmt: skip
    parser.add_argument(
        "--budgets", nargs="+", type=float, default=[5.0, 10.0, 20.0, 40.0],
        help="mf-bpr: seconds of training",
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=1, help="mf-bpr, als-sweep: fits")
    parser.add_argument("--factors", type=int, default=64, help="als-sweep; default: 64")
    parser.add_argument(
        "--sweeps", type=int, default=16, help="als-sweep, bayesian-mf: of a fit; default: 16"
    )
    parser.add_argument("--batch-size", type=int, default=512, help="convncf-epoch: positives")
    parser.add_argument("--interactions", type=int, help="convncf-epoch: so many, not all")


def check_peers(parser: ArgumentParser, options: Namespace) -> None:
    """Check the options, and put in place what they imply."""
    check_tasks(parser, options, TASKS)
    options.budgets = sorted(options.budgets)
    if options.smoke:
        options.budgets, options.batch_size = [0.5, 1.0], min(options.batch_size, 100)
