"""Made customers: people with a rhythm of their own, what a CRM would hold of them, and the truth kept apart."""

from sandbox.world.folder import write_world
from sandbox.world.making import World, make_world
from sandbox.world.options import WorldOptions

__all__ = ["World", "WorldOptions", "make_world", "write_world"]
