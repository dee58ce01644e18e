# The relay as an image. Nothing is compiled: Node 26 runs src/ as it is.
#
#   docker build -t trackrelay .
#   docker run --rm -p 8080:8080 -v trackrelay:/data trackrelay             a sandbox to play with
#   docker run --rm -v ./mappings:/mappings:ro trackrelay check             the image is the command line, too
#
# scripts/image-steps.mjs carries out the same COPY and RUN steps without a Docker engine, for the tests: keep them plain.

# ---- packages: npm and its cache stay behind in this stage
FROM node:26.10.0-trixie-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# --ignore-scripts: no package the relay runs on has an install script, and none that gains one runs it unseen.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

# ---- the image
FROM node:26.10.0-trixie-slim
LABEL org.opencontainers.image.title="trackrelay" \
      org.opencontainers.image.description="Self-hosted relay: verified webhooks in, Mixpanel events out, nothing lost." \
      org.opencontainers.image.licenses="MIT"
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY src ./src
# The samples: mount a folder of your own over it, read-only.
COPY mappings /mappings
# A number, so that Kubernetes' runAsNonRoot can see that it is not root. /data is the only place ever written to:
# the root file system may be read-only.
RUN install -d -o 10001 -g 10001 /data
ENV NODE_ENV=production \
    RELAY_MAPPINGS_DIR=/mappings \
    RELAY_DATA_DIR=/data
USER 10001:10001
VOLUME ["/data"]
# 8080 takes webhooks, 8081 (console, API, metrics) listens on loopback until RELAY_ADMIN_HOST and a token say otherwise.
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 CMD ["node", "/app/src/main.ts", "health"]
ENTRYPOINT ["node", "/app/src/main.ts"]
CMD ["serve"]
