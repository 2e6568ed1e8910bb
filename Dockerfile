# Two stages: the first brings what is needed to build, the second only what runs.

FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt .
RUN pip install --require-hashes --only-binary :all: -r requirements.txt
COPY . .
# Settings that only let this step start; none of them reaches the image's environment.
RUN SECRET_KEY=$(python -c "import secrets; print(secrets.token_urlsafe(50))") \
    BASE_URL=http://localhost DATABASE_URL=sqlite:////tmp/build.sqlite3 EMAIL_URL=consolemail:// \
    python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q /app

FROM python:3.13-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# For names in Thai, Chinese, Japanese, Korean and more on invoices.
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends fonts-noto-core fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/coworking coworking
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
USER coworking
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-c", \
    "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Processes: WEB_CONCURRENCY (2 is right for two cores). Threads wait for the database meanwhile.
ENV WEB_CONCURRENCY=2
CMD ["gunicorn", "coworking.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--threads", "8", "--timeout", "60", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
