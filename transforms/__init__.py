"""Arrays in, arrays out: geometry, resampling, lungs, candidates, measurements, augmentation."""
