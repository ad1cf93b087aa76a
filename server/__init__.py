"""The server of gongjian."""

VERSION = "0.1.0"  # as in pyproject.toml (a house test compares them); shown on the about page and in the filing pack
