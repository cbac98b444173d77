"""The packages: the top-level folders, installed under one name. All else is in pyproject.toml."""

from setuptools import find_namespace_packages, setup

FOLDERS = ("app", "bundles", "configs", "transforms")

setup(
    packages=[
        "nodulus",
        *(
            f"nodulus.{package}"
            for package in find_namespace_packages(
                include=[pattern for folder in FOLDERS for pattern in (folder, f"{folder}.*")]
            )
        ),
    ],
    package_dir={"nodulus": "nodulus", **{f"nodulus.{folder}": folder for folder in FOLDERS}},
)
