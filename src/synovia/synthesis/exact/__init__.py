"""Syntheses of counts that are not Gaussian: one likelihood or one estimator per file."""
