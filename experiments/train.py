"""Train a network of the experiments with a fixed seed, or cross-validate its recipe.

    python experiments/train.py mnist|cifar10|cifar100|digits|resnet20|googlenet [--epochs N] [--folds 5]
    python experiments/train.py cifar10 --seed 1 --optimizer sgd --rate 0.05 --weight-decay 5e-4 --out results/other

The first four are the networks of Souto Garnelo et al.: Adam with decoupled weight decay, an assumption, since the
paper does not give its recipe. The others learn CIFAR-10 by SGD with Nesterov momentum. Step sizes rise for one epoch
and fall as a cosine; CIFAR images are shifted and flipped. Writes NETWORK.npz, with the weights in half precision. The
state of the training is kept after every epoch: the same command goes on from there.

--folds trains on all folds but one in turn, from the same seed, and prints mean and standard deviation of the accuracy
on the one left out; nothing is written.
"""

import argparse
import pathlib
from functools import partial

import networks
from _classifier import BATCH, OPTIMIZERS, SEED, Recipe, accuracy, cross_validate, train

import memjax as mj

RECIPES = {
    "digits": Recipe(25, 5e-3, False),
    "mnist": Recipe(5, 4e-3, False),
    "cifar10": Recipe(18, 4e-3, True),
    "cifar100": Recipe(60, 3e-3, True),
    "resnet20": Recipe(16, 0.2, True, "sgd", 5e-4),
    "googlenet": Recipe(20, 0.1, True, "sgd", 5e-4),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=networks.NAMED)
    parser.add_argument("--epochs", type=int, help="this and the following: default is the network's recipe, above")
    parser.add_argument("--rate", type=float, help="largest step")
    parser.add_argument("--augment", action=argparse.BooleanOptionalAction, help="shift and flip images")
    parser.add_argument("--optimizer", choices=OPTIMIZERS)
    parser.add_argument("--weight-decay", type=float)
    parser.add_argument("--seed", type=int, default=SEED, help="of weights, order and augmentation")
    parser.add_argument("--folds", type=int, help="cross-validate with so many folds instead")
    parser.add_argument("--out", type=pathlib.Path, default=networks.WEIGHTS)
    args = parser.parse_args()
    if args.epochs is not None and args.epochs < 2:
        parser.error(f"--epochs must be at least 2, since the first warms up; got {args.epochs}")
    if args.folds is not None and args.folds < 2:
        parser.error(f"--folds must be at least 2, got {args.folds}")
    if args.rate is not None and not args.rate > 0:
        parser.error(f"--rate must be above 0, got {args.rate}")
    if args.weight_decay is not None and not args.weight_decay >= 0:
        parser.error(f"--weight-decay must be at least 0, got {args.weight_decay}")
    chosen = {field: getattr(args, field) for field in Recipe._fields if getattr(args, field) is not None}
    recipe = RECIPES[args.network]._replace(**chosen)
    untrained = partial(networks.untrained, args.network, args.seed)
    try:
        mj.study.check_writable(args.out)
        data = mj.data.load(networks.NAMED[args.network].dataset)
    except (OSError, ImportError) as error:
        raise SystemExit(str(error)) from None
    if args.folds:
        found = cross_validate(untrained, data.train_images, data.train_labels, recipe, args.folds, args.seed)
        print(f"{args.network}, {args.folds} folds: {found.mean():.2f} ± {found.std(ddof=1):.2f} %")
        return
    checkpoint = args.out / f"{args.network}.checkpoint"
    model = train(untrained, data.train_images, data.train_labels, recipe, checkpoint, args.seed)
    digital = accuracy(model, data.test_images, data.test_labels)
    path = args.out / f"{args.network}.npz"
    about = recipe._asdict() | {"seed": args.seed, "batch": BATCH, "test_accuracy": digital}
    networks.save(model, path, about)
    stored = accuracy(networks.load(args.network, path)[0], data.test_images, data.test_labels)
    checkpoint.unlink()
    print(f"{args.network}: test accuracy {digital:.2f} %, {stored:.2f} % as stored in {path}")


if __name__ == "__main__":
    main()
