"""Measure time and peak memory of fit, recommend and evaluate.

Without a task all of them are run, one after the other.
"""

from collections.abc import Sequence

from benchmarks.arguments import make_parser
from benchmarks.speed.command import (
    NOTES,
    Task,
    add_speed_options,
    check_tasks,
    describe_tasks,
    record,
    scratch_folder,
)

__all__ = ["TASKS", "main"]

TASKS = {
    "multvae-batch": Task(
        "speed.multvae:multvae_batch",
        "one training batch of Mult-VAE [I-600-200-600-I] with 500 users on Gowalla, by the "
        "estimator, by a bare loop of the same module, and the decoder's three wide products "
        "alone; then the peak of memory of a whole fit, with best weights kept and without",
    ),
    "recommend": Task(
        "speed.fresh:recommend",
        "20 items for all users of Gowalla: recommend against product and torch.topk; memory "
        "above the model",
    ),
    "evaluate": Task(
        "speed.fresh:evaluate",
        "ten metrics and cut-offs for all users of Gowalla against one ranking",
    ),
    "calibration": Task(
        "speed.calibration:calibration",
        "fits on ml-1m and Gowalla, and the share of each that its calibration takes; --batches "
        "epochs of a network, which learns in many more",
    ),
    "scale": Task(
        "speed.fresh:scale",
        "EASE, ItemKNN and one epoch of Mult-VAE on 136,677 x 20,108 with 10 million entries, "
        "each in a fresh process",
    ),
    "negatives": Task(
        "speed.negatives:negatives",
        "an epoch's negatives for Gowalla, one a positive, uniform and by popularity, beside as "
        "many draws that nobody checks",
    ),
    "vamp-batch": Task(
        "speed.vamp:vamp_batch",
        "a training batch of H+Vamp (Gated), 200 users of ml-1m and of Gowalla, 1,000 "
        "pseudo-inputs, by the estimator, beside what it cannot do without: the products of "
        "pseudo-inputs and first layer (three), of last layer and items (three), and the "
        "optimiser's step",
    ),
    "cross-feedback-pass": Task(
        "speed.cross_feedback:cross_feedback_pass",
        "a batch of CrossFeedbackBMF, 1,000 users with 1,000 items of ml-1m, 25 factors and a "
        "hidden layer of 50, without and with attention, beside its own parts",
    ),
    "gibbs-sweep": Task(
        "speed.gibbs:gibbs_sweep",
        "a sweep of BayesianMFRegressor over ml-1m, 20 factors, by what is implicit, and the "
        "memory of a draw that is kept",
    ),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser("speed.run", __doc__, f"{describe_tasks(TASKS)}\n\n{NOTES}")
    parser.add_argument("tasks", nargs="*", metavar="task", help="see below; default: all")
    add_speed_options(parser)
    parser.add_argument("--no-memory", action="store_true", help="multvae-batch: times alone")
    options = parser.parse_args(argv)
    options.tasks = options.tasks or list(TASKS)
    check_tasks(parser, options, TASKS)
    with scratch_folder(options):
        for name in options.tasks:
            record(name, TASKS[name](options), options)


if __name__ == "__main__":
    main()
