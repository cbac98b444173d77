"""The fissures between the lobes of the lungs, as surfaces with an interval of doubt."""
