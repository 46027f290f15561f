"""A TLS certificate for 127.0.0.1 that signs itself."""

import shutil
import subprocess
from pathlib import Path

import pytest


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate and its key in a folder; their paths. Skips the test where openssl is not installed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    names = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=crossdock "
        f"-addext subjectAltName=IP:127.0.0.1 -out {names[0].name} -keyout {names[1].name}".split(),
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return names
