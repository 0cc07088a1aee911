"""What readers and consumers of events raise."""


class Postponed(Exception):
    """The effect can't be had now, through no fault of the event: try the same again later."""


class Unreadable(Exception):
    """A message that is no event of ours."""
