"""ModSSC's own FixMatch with ssgan's small net, for a given time. In the environment of ModSSC.

ModSSC 1.2.2 has a mean teacher too, but its `fit` begins anew with a teacher equal to the student and with a weight of
the consistency that grows over all steps of the call: it would have to know the number of steps beforehand, with every
random view of every image in memory; and its `predict` asks the student. FixMatch keeps everything between two calls
of `fit` in the network and the optimizer. So each call here gets fresh views, as many as it will use.
"""

import math

import torch
from modssc.inductive.deep import TorchModelBundle
from modssc.inductive.methods.fixmatch import FixMatchMethod, FixMatchSpec
from modssc.inductive.types import DeviceSpec, InductiveDataset

from experiments.common import timing
from experiments.peers import peer_images
from experiments.peers.torch_nets import Discriminator, initialize_from_data
from experiments.peers.torch_training import (
    INITIALIZATION_IMAGES,
    Classifier,
    error,
    random_photo,
    random_shift,
    report,
    to_pixels,
)
from experiments.peers.training_clock import Clock

BATCH = 64  # labelled images of a step, ModSSC's default
MU = 2  # unlabelled images for each labelled one, as in ssgan: more than twice as many steps as with the default, 7
LEARNING_RATE = 1e-3
STEPS = 5  # in a call of `fit`, which takes views of all their rows


def train(*, images: str, seconds: float, seed: int) -> dict:
    """Trains and tests.

    Network, learning rate, arithmetic and changes of the images are those of ssgan's default recipe of version 0.1: the
    weak view is shifted by up to 2 pixels, the strong one is then changed by `random_photo`. All else but `MU` is
    ModSSC's default: there is no schedule and no moving average, labelled images are shown in the weak view, and it
    predicts those of the unlabelled images with dropout on.

    Args:
        images: an .npz file of `peer_images`.
        seconds: time of the training; evaluations come on top.
        seed: of weights, batches, views and dropout.

    Returns:
        The report: `test_error`, `curve` of [seconds, validation error], `steps`, `seconds`, `about` the versions.
    """
    torch.manual_seed(seed)
    split = peer_images.read(images)
    labeled, labels = torch.from_numpy(split.labeled_images), torch.from_numpy(split.labels)
    unlabeled = torch.from_numpy(split.unlabeled_images)
    network = Discriminator("small")
    initialize_from_data(network, to_pixels(split.unlabeled_images[:INITIALIZATION_IMAGES]))
    model = Classifier(network)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=0.0)
    spec = FixMatchSpec(model_bundle=TorchModelBundle(model, optimizer), batch_size=BATCH, mu=MU)
    method = FixMatchMethod(spec)
    held_out = to_pixels(split.held_out_images)

    def predict(pixels):
        return method.predict(pixels).numpy()

    clock = Clock(seconds, lambda: error(predict(held_out), split.held_out_labels))
    over = False
    while not over:
        rows, unlabeled_rows = (
            _rows(len(of), STEPS * size) for of, size in ((labeled, BATCH), (unlabeled, BATCH * MU))
        )
        weak, unlabeled_weak = (
            random_shift(to_pixels(of[chosen].numpy())) for of, chosen in ((labeled, rows), (unlabeled, unlabeled_rows))
        )
        views = InductiveDataset(
            X_l=weak,
            y_l=labels[rows],
            X_u_w=unlabeled_weak,
            X_u_s=random_photo(unlabeled_weak),
        )
        method.fit(views, device=DeviceSpec("cpu"), seed=seed + clock.steps)
        over = clock.count(STEPS)
    return report(clock, split, predict, modssc="1.2.2")


def _rows(count: int, size: int) -> torch.Tensor:
    """Returns random numbers of rows, each as often as any other, give or take one."""
    return torch.cat([torch.randperm(count) for _ in range(math.ceil(size / count))])[:size]


if __name__ == "__main__":
    timing.main(train)
