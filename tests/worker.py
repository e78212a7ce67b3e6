"""One worker of a toy run, for the tests and by hand.

  TF_CONFIG=... python tests/worker.py WORKDIR --loss=cgan --steps=8

prints a digest of all its tensors after the last step; without TF_CONFIG it is alone.
`--fault=nan:5`, `bad:5` and `full:5` spoil this worker's weights, its data or its disk
at that step.
"""

import argparse
import hashlib
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BATCH = 8  # of all workers


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("workdir")
    parser.add_argument("--loss", default="cgan")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--every", type=int, default=4)
    parser.add_argument("--fault", default="")
    parser.add_argument("--batch", type=int, default=BATCH)
    return parser.parse_args()


def config_of(options):
    """A toy config with small networks, batch norm and random inputs."""
    import harness

    config = harness.toy_config(options.loss, steps=options.steps)
    config.data.batch_size, config.data.image_size = options.batch, 16
    if config.generator.name == "unet":
        config.generator.depth = 2
    config.data.blur = config.data.erase = 0.5
    config.train.strategy = "auto"
    config.train.log_every = config.train.checkpoint_every = options.every
    for name in ("sample", "validate", "histogram"):
        setattr(config.train, f"{name}_every", max(10_000, options.steps))
    config.train.keep_checkpoints = 1000
    config.optim.constant = 1.0  # the same rates however long the run is
    return config


def plant(fault):
    """Make this worker fail at a step."""
    from tfcolor.errors import RunError
    from tfcolor.runs.checkpoints import Checkpoints
    from tfcolor.training import steps

    kind, _, step = fault.partition(":")
    add = steps.Losses.add

    def added(self, number, values):
        add(self, number, values)
        if number == int(step) and kind == "nan":
            bias = self.step.trainer.generator.head.convolution.bias
            bias.assign([float("nan")] * 2)
        if number == int(step) and kind == "bad":
            raise RunError("6 of 9 images are unreadable, the last: x.jpg")

    def save(self):
        if self.writes and self.trainer.steps_done() >= int(step):
            raise RunError(f"checkpoint of step {step}: No space left on device")
        return saved(self)

    saved = Checkpoints.save
    steps.Losses.add = added
    if kind == "full":
        Checkpoints.save = save


def main():
    options = parse()
    config = config_of(options)
    from tfcolor.runs import checkpoints
    from tfcolor.training import build
    from tfcolor.training import loop

    made, new = [], build.trainer
    build.trainer = lambda *arguments: made.append(new(*arguments)) or made[-1]
    if options.fault:
        plant(options.fault)
    ended_by = loop.train(config, options.workdir)
    digest = hashlib.sha256()
    for name, variables in checkpoints._variables(made[-1]).items():
        for value in variables if isinstance(variables, list) else [variables]:
            digest.update(name.encode() + value.numpy().tobytes())
    print(f"step {made[-1].steps_done()} digest {digest.hexdigest()}", flush=True)
    return 128 + ended_by if ended_by else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # this package, whatever is installed
    from tfcolor.cli import command

    command.run(lambda values: main(), "", lambda values, argv: argv[:1], sys.argv)
