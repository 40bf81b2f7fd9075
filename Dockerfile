# One image for all services; the role is the command: python -m services.<name> serve|consume|relay|migrate
# BASE_IMAGE runs it and has Python 3.11 or newer; BUILD_IMAGE is the same Python and can make a venv with pip.
ARG BASE_IMAGE=docker.io/library/python:3.11-slim-bookworm
ARG BUILD_IMAGE=${BASE_IMAGE}

FROM ${BUILD_IMAGE} AS build
COPY requirements/base.txt /build/requirements.txt
# Where packages come from is told by pip's own configuration: the secrets `pip.conf` and `ca.crt`, both optional.
# Wheels only, so nothing compiles and no package runs code of its own while it is installed.
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca.crt \
    set -eu; \
    if [ -s /run/secrets/pip.conf ]; then export PIP_CONFIG_FILE=/run/secrets/pip.conf; fi; \
    if [ -s /run/secrets/ca.crt ]; then export PIP_CERT=/run/secrets/ca.crt; fi; \
    python3 -m venv /build/pip; \
    python3 -m venv --without-pip /opt/kehu; \
    /build/pip/bin/python -m pip --python /opt/kehu/bin/python --no-cache-dir --disable-pip-version-check install \
        --quiet --no-compile --no-deps --only-binary=:all: --require-hashes -r /build/requirements.txt; \
    # 40 MB of the places that phone numbers belong to: nothing asks for them.
    rm -r /opt/kehu/lib/python3*/site-packages/phonenumbers/geodata; \
    # The container's files can't be written: what Python would compile at each start is compiled once. The hash in
    # place of a time makes two builds of one revision alike.
    /opt/kehu/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/kehu/lib; \
    chmod -R a+rX,go-w /opt/kehu
COPY kit /app/kit
COPY services /app/services
COPY gen /app/gen
RUN /opt/kehu/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app && chmod -R a+rX,go-w /app

FROM ${BASE_IMAGE}
COPY --from=build /opt/kehu /opt/kehu
COPY --from=build /app /app
ENV PATH=/opt/kehu/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app:/app/gen \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# gRPC, and the metrics with /healthz and /readyz.
EXPOSE 50051 9090
STOPSIGNAL SIGTERM
# Without a command it says which roles there are.
CMD ["python", "-m", "services.orders"]
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Kehu" \
      org.opencontainers.image.description="An open-source customer suite for retailers: all services, one image" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
