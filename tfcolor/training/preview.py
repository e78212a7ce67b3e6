"""What a run would be, without running it."""

import math

from tfcolor import config as config_lib
from tfcolor.config import resolve
from tfcolor.config import stages
from tfcolor.data import datasets
from tfcolor.inference import restore
from tfcolor.training import build
from tfcolor.training import initial
from tfcolor.types import Network


def dry_run(config: config_lib.Config) -> str:
    """Text: the resolved config, the parameters and the shapes of a batch."""
    config = resolve(config, initial=initial.adopting())
    strategy = build.strategy(config.train)
    dataset = datasets.dataset_of(config)
    with strategy.scope():
        build.check_replicas(config, strategy.num_replicas_in_sync)
        trainer = build.trainer(config)
    if config.train.init:
        initial.load(trainer, config)
    restore.scanner_for(config)
    dataset.probe(config.data)
    parts = [config_lib.dumps(config)]
    for name in trainer.parts():
        parts.append(f"{name}:\n{parameter_table(getattr(trainer, name))}")
    lines = [f"images: {len(dataset)}"]
    for segment in stages.segments(config, trainer.n_critic):
        n_critic = build.minibatches(segment, trainer)
        batches = dataset.training(build.data_of(config, segment), n_critic=n_critic)
        shapes = {name: list(x.shape) for name, x in batches.element_spec.items()}
        steps = f"steps {segment.first + 1} to {segment.last}"
        lines.append(f"{steps}, {segment.phase}: a step's batch: {shapes}")
    return "\n\n".join([*parts, "\n".join(lines)])


def parameter_table(network: Network) -> str:
    """A line a weight: name, shape, number of parameters; and their sum."""
    rows = [(w.path, str(tuple(w.shape)), math.prod(w.shape)) for w in network.weights]
    rows.append(("total", "", network.count_params()))
    return "\n".join(f"  {name:64s} {shape:20s} {n:>12,}" for name, shape, n in rows)
