"""The configuration of a run: typed dataclasses, to and from JSON.

A file in `configs/` is one `--loss` name; its `get_config()` returns a Config,
and `--config.section.field=value` overrides any field. A field that is None is
not set: the network or optimizer then uses its own default, and setting one
that it does not have is an error.
"""

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import TypeAlias

# {"section.field": value}, or such pairs.
Settings: TypeAlias = Mapping[str, Any] | Iterable[tuple[str, Any]]

# A resumed run may differ in these: how long it is (and so when its rates
# fall), what is written and where it computes.
FREE_TO_CHANGE = (
    "data.data_dir",
    "train.steps",
    "train.strategy",
    "train.cpu_replicas",
    "train.log_every",
    "train.validate_every",
    "train.validation_images",
    "train.sample_every",
    "train.histogram_every",
    "train.checkpoint_every",
    "train.keep_checkpoints",
)


class Section:
    """Fields that can be set until the config is resolved."""

    __slots__ = ("_sealed",)

    def __setattr__(self, name, value):
        if is_sealed(self):
            raise AttributeError(
                f"{name}: the config is resolved; set it on a copy, config.copy_of"
            )
        super().__setattr__(name, value)


def is_sealed(config: Any) -> bool:
    """Whether a Config is resolved, and does not change any more."""
    return getattr(config, "_sealed", False)


@dataclasses.dataclass
class Data(Section):
    """The images of a run and what is done to them.

    Sizes are pixels, angles degrees, shares 0..1.
    """

    source: str = "sample"  # SPEC of the training images
    validation: str = ""  # SPEC; "" holds 2 % of the source out; "none": nothing
    scans: str = ""  # SPEC of scans of drawings, for cyclegan
    scanner: str = ""  # a run of cyclegan, which makes the inputs of drawings
    data_dir: str = ""  # cache of TensorFlow Datasets; "" for its default
    cache: str = "auto"  # decoded images stay in memory: below 2 GB; none; memory
    image_size: int = 64  # side of the training squares, pixels
    batch_size: int = 16  # images a minibatch, over all replicas
    crop: str = "random_resized"  # one of validation.CROPS
    crop_area: float = 0.5  # least share of the largest square that a crop has
    flip: bool = True  # mirror every other image
    rotation: float = 0.0  # degrees, at most, to either side
    perspective: float = 0.0  # strength of it, 0..1, in every other image
    fill: str = "reflect"  # what these two show beyond the edge: or "white"
    blur: float = 0.0  # share of the inputs that are blurred, 0..1
    erase: float = 0.0  # share of the inputs that lose a rectangle, 0..1
    aging: float = 0.0  # share of the inputs that look like old photographs, 0..1
    hints: bool = False  # simulated hints of colors as three more input channels


@dataclasses.dataclass
class Generator(Section):
    """The network from lightness to color. None: the network's default."""

    name: str = "unet"  # or "colorful", "resnet_unet", "efficientnet"
    head: str | None = None  # "ab"; "bins": of 313 colors; of drawings "lab", "rgb"
    temperature: float | None = None  # of the head bins: 0.. the mode, 1 the mean
    input_channels: int | None = None  # 3: l repeated
    white_point: float | None = None  # L* from which a scan is white paper
    depth: int | None = None  # halvings
    width: int | None = None  # channels of the first level
    norm: str | None = None
    dropout: float | None = None  # rate, 0..1
    thick: bool | None = None  # extra convolutions
    spectral_norm: bool | None = None
    weights: str | None = None  # of the encoder: imagenet, none or a file
    frozen: bool | None = None  # the encoder is not trained
    frozen_blocks: int | None = None  # nor are its first ones, 0 to 16
    finest: int | None = None  # side of a predicted color, pixels: 4 or 2
    attention: str | None = None  # none, simple or sagan
    attention_at: str | None = None  # sides of maps, pixels: "16" or "8,32"


@dataclasses.dataclass
class Discriminator(Section):
    """The network that judges colors. None: the network's default."""

    name: str = "patch"  # or "image", "autoencoder"
    receptive_field: int | None = None  # side of what one logit sees, pixels
    depth: int | None = None  # halvings
    width: int | None = None  # channels of the first layer
    norm: str | None = None
    bias: bool | None = None  # of the last layer
    downsample: int | None = None  # side of the cells whose means it sees: 1, 2, 4
    spectral_norm: bool | None = None
    attention: str | None = None  # none, simple or sagan
    attention_at: str | None = None  # sides of maps, pixels: "16" or "8,16"


@dataclasses.dataclass
class Translator(Section):
    """A network of CycleGAN from picture to picture of the same size."""

    width: int | None = None  # channels of the first layer
    blocks: int | None = None  # residual blocks
    norm: str | None = None


@dataclasses.dataclass
class WeightNetwork(Section):
    """The network of robust Wasserstein GAN that weighs the true images."""

    width: int | None = None  # channels of the first layer


@dataclasses.dataclass
class Bins(Section):
    """Of the generator's head "bins"; defaults as in BINS."""

    cross_entropy: float | None = None  # weight of the cross-entropy
    neighbors: int | None = None  # nearest colors that encode a true one
    uniform: float | None = None  # share of equal weights; 1: no rebalancing
    prior_images: int | None = None  # images, at most, that rarity is counted on


# Zhang et al. 2016, section 2.2.
BINS = Bins(cross_entropy=1.0, neighbors=5, uniform=0.5, prior_images=10_000)


@dataclasses.dataclass
class Loss(Section):
    """Of every trainer; a config adds its own by a subclass."""

    l1_weight: float = 100.0  # of the mean |ab error|, ab in units of 110
    l1_final: float | None = None  # l1_weight of the last step; unset: it stays
    l2_weight: float = 0.0  # of the mean squared ab error
    edge_weight: float = 0.0  # of the mean error of the slopes of ab
    perceptual_weight: float = 0.0  # of the distance of EfficientNet-Lite0's features
    colorfulness_weight: float = 0.0  # of 1 - the pictures' colorfulness


@dataclasses.dataclass
class Optim(Section):
    """The optimizers and their learning rates."""

    name: str = "adam"  # or "rmsprop"
    g_lr: float = 2e-4  # learning rate of the generator
    d_lr: float | None = None  # of the discriminator; unset: that of g_lr
    encoder_rate: float | None = None  # share of g_lr of the encoder; unset: 1
    beta_1: float | None = None  # of adam
    beta_2: float | None = None
    rho: float | None = None  # of rmsprop
    constant: float = 0.5  # share of the steps before the rates fall to 0


@dataclasses.dataclass
class Train(Section):
    """Length, phases, precision and what is written between the steps."""

    steps: int = 150  # generator updates
    stages: str = ""  # growing sizes: see tfcolor.stages.FORM; they set the steps
    reset_optimizers: bool = False  # at the start of each stage after the first
    generator_alone: int = 0  # first steps, without the critic (NoGAN)
    critic_alone: int = 0  # steps after those, of the critic only
    init: str = ""  # weights that the generator begins with: of presets, of a run
    strategy: str = "auto"  # one of validation.STRATEGIES
    cpu_replicas: int = 0  # logical CPUs to mirror on; 0: none
    precision: str = "float32"  # one of validation.PRECISIONS
    ema_decay: float = 0.99  # of the generator's weight average; 0: none
    log_every: int = 10  # steps
    validate_every: int = 50  # steps
    validation_images: int = 256  # at most
    sample_every: int = 50  # steps
    histogram_every: int = 500  # steps
    checkpoint_every: int = 50  # steps
    keep_checkpoints: int = 2


@dataclasses.dataclass
class Config(Section):
    """All of a run: what `config.resolve` completes and `training.loop.train` runs."""

    trainer: str  # "module:Class"
    seed: int = 0
    data: Data = dataclasses.field(default_factory=Data)
    generator: Generator | None = dataclasses.field(default_factory=Generator)
    scanner: Translator | None = None
    colorist: Translator | None = None
    discriminator: Discriminator | None = None
    weight_network: WeightNetwork | None = None
    bins: Bins = dataclasses.field(default_factory=Bins)
    loss: Loss = dataclasses.field(default_factory=Loss)
    optim: Optim = dataclasses.field(default_factory=Optim)
    train: Train = dataclasses.field(default_factory=Train)


def copy_of(config: Config) -> Config:
    """A Config of its own, whose fields can be set."""
    sections: dict[str, Any] = {
        name: dataclasses.replace(value)
        for name, value in vars(config).items()
        if dataclasses.is_dataclass(value) and not isinstance(value, type)
    }
    return dataclasses.replace(config, **sections)


def seal(config: Config) -> Config:
    """The Config itself, whose fields cannot be set from now on."""
    sections = (x for x in vars(config).values() if isinstance(x, Section))
    for section in (*sections, config):
        object.__setattr__(section, "_sealed", True)
    return config


def set_fields(config: Config, values: Any) -> None:
    """Set {"section.field": value} of a Config."""
    for path, value in dict(values).items():
        section, _, field = path.rpartition(".")
        setattr(getattr(config, section) if section else config, field, value)
