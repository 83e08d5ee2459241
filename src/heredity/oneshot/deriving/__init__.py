"""From a supernet, or its checkpoint, to networks that have inherited their part of it."""

from heredity.oneshot.deriving.attaching import attach, attach_part
from heredity.oneshot.deriving.derive import Derived, derive, inherit

__all__ = ["Derived", "attach", "attach_part", "derive", "inherit"]
