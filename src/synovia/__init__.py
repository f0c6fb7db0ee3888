"""Synovia: a field's scattered studies, turned into an honest answer that stays alive."""
