"""Many studies on every core of a machine, or a part of them on each of many machines."""
