"""The worklist: workitems of UPS-RS (PS3.18 11; PS3.4 CC), and how the service performs them."""
