"""Made customers: people with a rhythm of their own, what a CRM would hold of them, and the truth kept apart."""

from sandbox.world.folder import write_parted, write_world
from sandbox.world.making import World, make_world
from sandbox.world.options import WorldOptions
from sandbox.world.parting import Parted, PartOptions, part_world

__all__ = ["PartOptions", "Parted", "World", "WorldOptions", "make_world", "part_world", "write_parted", "write_world"]
