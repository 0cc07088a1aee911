"""What analytics refuses."""

from payments_project.errors import InvalidInput


class ReportTooLarge(InvalidInput):
    """The report looks at more than can be read while its caller waits; a smaller one can be."""

    default_code = "report_too_large"
