# flowplay: the web server; the same image runs Dask's scheduler and workers.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    FLOWPLAY_CACHE=/data/cache \
    FLOWPLAY_DATABASE=sqlite:////data/flowplay.sqlite

WORKDIR /app

# Where pip finds torch's builds for CPUs, a fifth of the size of those for GPUs: the address that
# PyTorch's own page "Get started" gives for "CPU". Left empty, pip installs the usual build.
ARG TORCH_INDEX=
COPY requirements.txt ./
RUN if [ -n "$TORCH_INDEX" ]; then \
      pip install --index-url "$TORCH_INDEX" "$(grep '^torch==' requirements.txt)"; \
    fi \
    && pip install -r requirements.txt

COPY . .

RUN useradd --uid 1000 --create-home flowplay \
    && mkdir -p /data \
    && chown flowplay /data
USER flowplay
VOLUME /data

EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "deploy/healthy.py"]

CMD ["streamlit", "run", "app.py", "--server.address=0.0.0.0", "--server.port=8501"]
