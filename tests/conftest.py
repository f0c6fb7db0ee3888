"""Settings of the whole suite."""

from hypothesis import settings

# how long one example takes says something about the machine, not about the code
settings.register_profile("synovia", deadline=None)
settings.load_profile("synovia")
