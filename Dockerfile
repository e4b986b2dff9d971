# The image of web, worker and migrate: what serves, without TensorFlow and without Node.

FROM node:22.14.0-bookworm-slim AS pages
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund --omit=dev

FROM python:3.11.11-slim-bookworm AS installed
WORKDIR /app
COPY requirements-serve.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements-serve.txt
COPY tools tools
COPY static static
COPY --from=pages /build/node_modules node_modules
RUN /venv/bin/python tools/assets.py

FROM caddy:2.10.0-alpine AS proxy
# A new volume takes over this folder's owner, so certificates can be kept without root.
RUN mkdir -p /data/caddy /config/caddy && chown -R 10002:10002 /data /config
COPY deploy/Caddyfile /etc/caddy/Caddyfile
USER 10002:10002

FROM python:3.11.11-slim-bookworm AS app
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin pulse
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=installed /venv /venv
COPY manage.py ./
COPY classroom classroom
COPY dashboard dashboard
COPY deploy deploy
COPY emotions emotions
COPY locale locale
COPY ml ml
COPY templates templates
COPY --from=installed /app/static static
# Nothing is written at run time, so it is compiled now.
RUN python -m compileall -q classroom dashboard emotions ml
ENV PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000
CMD ["python", "manage.py", "serve", "--bind", "0.0.0.0"]
