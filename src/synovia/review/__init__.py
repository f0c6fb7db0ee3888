"""The review: a folder on disk, the chain of stages over it, and what comes out.

Its files are imported one by one, so that reading a protocol does not load the statistics.
"""
