"""What pyproject.toml cannot say: configs/ is a folder of its own in a checkout and
tfcolor/configs in a wheel."""

from setuptools import find_packages
from setuptools import setup

setup(
    packages=[
        *find_packages(include=["tfcolor", "tfcolor.*"]),
        "tfcolor.configs",
        "tfcolor.configs.experiments",
    ],
    package_dir={
        "tfcolor.configs": "configs",
        "tfcolor.configs.experiments": "configs/experiments",
    },
)
