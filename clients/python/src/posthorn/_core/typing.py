"""Names of `typing` that older Pythons lack."""

import sys

if sys.version_info >= (3, 12):
    from typing import NotRequired, Required, TypedDict, Unpack, override
else:
    from typing_extensions import NotRequired, Required, TypedDict, Unpack, override

__all__ = ["NotRequired", "Required", "TypedDict", "Unpack", "override"]
