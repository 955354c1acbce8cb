"""Programs for those who work on rbio-kg: cutting the sample, writing generated documents."""
