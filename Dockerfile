# The service, and the processes of a cluster that runs its jobs: see compose.yaml.
FROM python:3.12-slim
RUN useradd --create-home --uid 10001 sizer && mkdir /data && chown sizer /data
COPY . /src
RUN pip install --no-cache-dir '/src[serve,cluster]' && rm -rf /src
USER sizer
WORKDIR /data
VOLUME /data
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/readyz', timeout=4)"]
# SIZER_TOKEN must be set: the server refuses to be reached from elsewhere without a token.
CMD ["sizer", "serve", "--host", "0.0.0.0", "--data", "/data"]
