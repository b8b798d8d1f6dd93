"""The version of the package: that of the broker it was made with."""

__version__ = "0.1.0"
