"""Exit with 0 if the server of this container can train, for a container's health check."""

import os
import sys
import urllib.request

path = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
port = os.environ.get("STREAMLIT_SERVER_PORT", "8501")
try:
    with urllib.request.urlopen(
        f"http://127.0.0.1:{port}/{path + '/' if path else ''}healthz", timeout=4
    ) as answer:
        sys.exit(answer.status != 200)
except OSError:
    sys.exit(1)
