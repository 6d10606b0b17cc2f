"""What Ray takes from the environment, decided before its import: where its servers listen, who may ask them."""

import os
import re
import secrets
import sys

LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
LOCAL_ADDRESS = re.compile(r"(ray://)?(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
}


def prepare_environment(address: str | None) -> None:
    """Keep to loopback for a Ray on this machine; one of this run's own also asks for a token that nobody else has.

    The nodes of a cluster elsewhere must reach the driver, and have the token that its owner gave it, if any. Where
    Ray is imported already nothing is changed: it would see a half of it, and refuse its own servers.
    """
    if "ray" in sys.modules:
        return
    is_here = address is None or LOCAL_ADDRESS.fullmatch(address) is not None
    os.environ.update(QUIET)
    os.environ.setdefault(LOOPBACK, "0" if is_here else "1")
    if address is None:
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
