"""What a task raises to say how its run went, where coming to its end does not say it."""


class AnotherRun(Exception):
    """Another run of the job is at it, and this one did nothing. Recorded as skipped; no error."""


class JobFailed(Exception):
    """The run came to its end and somebody has to look. ``detail`` is kept and shown to staff, so
    it holds numbers and names of ours and nothing that anybody else wrote."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
