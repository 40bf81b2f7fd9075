"""Sets the least replicas of autoscalers to what the moment asks for: those of a peak while one is on, else the usual.

Arguments: the namespace; a JSON list of {"name", "least", "peaks": [{"from", "until", "least"}]}, in Unix seconds.
"""

import json
import ssl
import sys
import time
import urllib.request
from pathlib import Path

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
API = "https://kubernetes.default.svc/apis/autoscaling/v2"


def wanted(entry: dict, now: float) -> int:
    """The least replicas of an autoscaler at a moment."""
    return max([entry["least"], *(peak["least"] for peak in entry["peaks"] if peak["from"] <= now < peak["until"])])


def patch(url: str, least: int, token: str, context: ssl.SSLContext) -> None:
    """Set the least replicas of one autoscaler."""
    body = json.dumps({"spec": {"minReplicas": least}}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"}
    request = urllib.request.Request(url, data=body, headers=headers, method="PATCH")  # noqa: S310 - our API server
    urllib.request.urlopen(request, timeout=20, context=context).close()  # noqa: S310 - the same


def main(namespace: str, table: str, *, api: str = API, account: str = ACCOUNT) -> None:
    """Set all of them."""
    token = Path(account, "token").read_text()
    context = ssl.create_default_context(cafile=f"{account}/ca.crt")
    for entry in json.loads(table):
        least = wanted(entry, time.time())
        url = f"{api}/namespaces/{namespace}/horizontalpodautoscalers/{entry['name']}?fieldManager=kehu-peaks"
        patch(url, least, token, context)
        print(f"{entry['name']}: at least {least}")


if __name__ == "__main__":
    main(*sys.argv[1:])
