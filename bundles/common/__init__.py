"""What the three bundles share: data, networks, losses, engines, metrics."""
