"""What a config, a flag or a SPEC may name, and where it is.

A new generator, discriminator, optimizer, data source or export format is a module and
a line here, or a call of `add` in a config file outside the package. Help texts, toy
sizes, checks and tests follow from these lines. Importing this needs no TensorFlow:
what a name stands for is imported when it is first asked for.
"""

import dataclasses
import inspect
import pkgutil
from typing import Any

from tfcolor.errors import UsageError


@dataclasses.dataclass(frozen=True)
class Entry:
    """What a name stands for.

    Attributes:
      target: "module:attribute".
      toy: {field: value} of its section in a run at toy size.
      form: as it is written in a SPEC or as a file: see the registries.
    """

    target: str
    toy: dict[str, Any] = dataclasses.field(default_factory=dict)
    form: str = ""

    def load(self) -> Any:
        """The class or function itself."""
        return pkgutil.resolve_name(self.target)

    def defaults(self) -> dict[str, Any]:
        """{argument: default} of it."""
        parameters = inspect.signature(self.load()).parameters.values()
        return {parameter.name: parameter.default for parameter in parameters}


class Registry(dict):
    """{name: Entry}.

    Args:
      field: where such a name is given, for errors.
      entries: {name: Entry}.
    """

    def __init__(self, field: str, entries: dict[str, Entry]) -> None:
        super().__init__(entries)
        self.field = field

    def __missing__(self, name):
        raise UsageError(f"{self.field}: {name!r} is not one of {', '.join(self)}")

    def add(self, name: str, target: str, **settings: Any) -> None:
        """Register a further name; `settings` as of Entry."""
        self[name] = Entry(target, **settings)


GENERATORS = Registry(
    "generator.name",
    {
        "unet": Entry("tfcolor.networks.unet:UNet", {"depth": 3, "width": 4}),
        "colorful": Entry("tfcolor.networks.colorful:Colorful", {"width": 4}),
        "resnet_unet": Entry(
            "tfcolor.networks.resnet:ResNetUNet", {"width": 4, "weights": "none"}
        ),
        "efficientnet": Entry(
            "tfcolor.networks.efficientnet:EfficientNetUNet",
            {"width": 4, "weights": "none"},
        ),
    },
)

DISCRIMINATORS = Registry(
    "discriminator.name",
    {
        "patch": Entry(
            "tfcolor.networks.discriminators:PatchDiscriminator",
            {"width": 4, "receptive_field": 16},
        ),
        "image": Entry(
            "tfcolor.networks.discriminators:ImageDiscriminator", {"width": 4}
        ),
        "autoencoder": Entry(
            "tfcolor.networks.autoencoder:AutoencoderDiscriminator", {"width": 4}
        ),
    },
)

# Sections of a config that have no name to choose by.
TRANSLATOR = Entry("tfcolor.networks.translator:Translator", {"width": 4, "blocks": 1})
WEIGHT_NETWORK = Entry("tfcolor.networks.weight_network:WeightNetwork", {"width": 4})

OPTIMIZERS = Registry(
    "optim.name",
    {
        "adam": Entry("tfcolor.training.optimizers:Adam"),
        "rmsprop": Entry("tfcolor.training.optimizers:RMSprop"),
    },
)

# By what stands before the colon of a SPEC. The form says what follows: nothing, or
# in square brackets what may, else what must.
SOURCES = Registry(
    "--data",
    {
        "sample": Entry("tfcolor.data.sources:sample", form="sample"),
        "drawings": Entry(
            "tfcolor.data.drawings.source:Drawings",
            form="drawings[:train|test|scans|test_scans]",
        ),
        "folder": Entry("tfcolor.data.sources:folder", form="folder:PATH"),
        "array_record": Entry(
            "tfcolor.data.array_records:ArrayRecords", form="array_record:GLOB"
        ),
        "tfds": Entry("tfcolor.data.prepared:Tfds", form="tfds:NAME[:SPLIT]"),
    },
)


# By the name of --format. The form is the file that is written, "" a SavedModel.
FORMATS = Registry(
    "--format",
    {
        "tf_saved_model": Entry("tfcolor.inference.export:write_served"),
        "litert": Entry("tfcolor.inference.export:write_network", form="model.tflite"),
        "onnx": Entry("tfcolor.inference.export:write_network", form="model.onnx"),
        "openvino": Entry("tfcolor.inference.export:write_network", form="model.xml"),
    },
)

PLUGINS = "tfcolor.plugins"


def add_installed() -> None:
    """Import what installed packages name as entry points of the group PLUGINS, whose
    modules call `add` as they are imported.

    Raises:
      UsageError: one of them cannot be imported; the message says which and why.
    """
    import importlib.metadata  # half as long as all of `import tfcolor`

    for point in importlib.metadata.entry_points(group=PLUGINS):
        try:
            point.load()
        except Exception as error:
            place, reason = f"{point.name} ({point.value})", type(error).__name__
            raise UsageError(f"plug-in {place}: {reason}: {error}") from error


# What a generator's last part predicts.
HEADS = ("ab", "bins", "lab", "rgb")

# Of drawings: they predict lightness too, which the lines of a scan do not say.
DRAWING = ("lab", "rgb")

# Of weights that were trained before the attention "simple" became a mean.
SUMMED = "attention: simple was a sum over the pixels, and is now their mean"


def specs() -> str:
    """The forms of a data SPEC, for help texts and errors."""
    return ", ".join(entry.form for entry in SOURCES.values())
