"""A reward of the user's."""


def brief(completions, **_):
    """Return a higher reward for a shorter completion."""
    return [-float(len(text)) for text in completions]
