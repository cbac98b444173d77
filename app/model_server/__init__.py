"""A server that holds the three networks and speaks the Open Inference Protocol."""
