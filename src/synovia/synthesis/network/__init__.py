"""Networks of treatments: every comparison at once, direct and indirect."""
