"""``/docs/events/<file>``: the JSON Schemas of events, which ``dataschema`` in Kafka points to."""

from django.http import Http404, HttpRequest, HttpResponse

from payments_project.events.schemas import schema_texts


def event_schema(request: HttpRequest, file_name: str) -> HttpResponse:
    """``GET /docs/events/refund.created.v1.json``; no key is needed.

    From the catalogue, and the same as the repository's file: an image has no docs. Raises
    ``Http404``.
    """
    text = schema_texts().get(file_name)
    if text is None:
        raise Http404
    response = HttpResponse(text, content_type="application/schema+json")
    # As with the OpenAPI document: any tool in a browser may read it.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "public, max-age=300"
    return response
