# One image for the API, the worker and the migrations; what it runs is the command.
FROM node:24-bookworm-slim

ENV NODE_ENV=production \
    API_HOST=0.0.0.0 \
    LANDFALL_DATA_DIR=/var/lib/landfall

WORKDIR /srv/landfall
COPY package.json package-lock.json ./
# The database is another container's: no server is needed here.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund && npm cache clean --force
COPY . .
RUN mkdir -p /var/lib/landfall && chown node:node /var/lib/landfall

USER node
VOLUME /var/lib/landfall
EXPOSE 3001
ENTRYPOINT ["node", "scripts/landfall.js"]
CMD ["api"]
