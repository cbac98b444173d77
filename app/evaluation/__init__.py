"""Results against known nodules, and operating points from that."""
