# The server, its engines and its workers in one image: `docker build -t enginehouse .`
# With `--build-arg EXTRA=ray` it is also the image of the nodes of a Ray cluster; with EXTRA=oidc people can sign in at a provider, with
# EXTRA=otel it can send traces.
FROM python:3.11-slim-bookworm AS build
ARG EXTRA=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/enginehouse
WORKDIR /source
COPY requirements/build.txt requirements/runtime.txt requirements/oidc.txt requirements/otel.txt requirements/ray.txt requirements/
# The same packages as in a checkout, by hash. Some come as source, so what builds them is installed first, and not shipped.
RUN python -m pip install --quiet --require-hashes --no-deps --requirement requirements/build.txt \
    && python -m pip wheel --quiet --require-hashes --no-deps --no-build-isolation --wheel-dir /wheels \
        --requirement requirements/runtime.txt ${EXTRA:+--requirement "requirements/$EXTRA.txt"} \
    && python -m pip --python /opt/enginehouse/bin/python install --quiet --no-deps /wheels/*.whl
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /own . \
    && python -m pip --python /opt/enginehouse/bin/python install --quiet --no-deps /own/*.whl \
    && python -m pip --python /opt/enginehouse/bin/python uninstall --quiet --yes pip setuptools

FROM python:3.11-slim-bookworm
# ffmpeg cuts media into chunks and frames; bubblewrap keeps engines apart where the host lets containers make namespaces.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bubblewrap ffmpeg \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /data enginehouse \
    && install --directory --owner enginehouse --group enginehouse --mode 700 /data
COPY --from=build /opt/enginehouse /opt/enginehouse
ENV PATH=/opt/enginehouse/bin:$PATH PYTHONUNBUFFERED=1 ENGINEHOUSE_DATA=/data ENGINEHOUSE_HOST=0.0.0.0 \
    ENGINEHOUSE_LOG_FORMAT=json
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 9000
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('ENGINEHOUSE_PORT', '9000') + '/readyz', timeout=9)"]
# The server gets the signals itself, so `docker stop` lets running tasks end.
ENTRYPOINT ["enginehouse"]
CMD ["serve"]
