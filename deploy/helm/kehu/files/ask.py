"""Asks each address once how it is: host:port by gRPC health, http(s)://... by GET. Fails if one is not well."""

import ssl
import sys
import urllib.request

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

# The certificate is for the name that callers use, not for this one.
blind = ssl.create_default_context()
blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE

for address in sys.argv[1:]:
    if "://" in address:
        print(address, urllib.request.urlopen(address, timeout=10, context=blind).status)  # noqa: S310 - of the chart
        continue
    health = health_pb2_grpc.HealthStub(grpc.insecure_channel(address))
    status = health.Check(health_pb2.HealthCheckRequest(), timeout=10, wait_for_ready=True).status
    print(address, health_pb2.HealthCheckResponse.ServingStatus.Name(status))
    if status != health_pb2.HealthCheckResponse.SERVING:
        sys.exit(1)
