"""Every attribute of a real header in turn, absent, empty, of a wrong type, too long, manifold."""
