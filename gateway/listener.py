"""The public listener: the filters that every call passes, in their order, and the routes."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway import accesslog, api, headers, identity, limits, replies, strict, tls
from gateway.api import Service
from gateway.clusters import COLLECTOR
from gateway.place import Address, Place
from gateway.routes import routes
from gateway.rules import Rules
from gateway.typed import Json, config, extension, http_filter, seconds

_HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def public(descriptors: FileDescriptorSet, place: Place, rules: Rules) -> list[Json]:
    """REST, gRPC, gRPC-Web and CORS on one port, plain or over TLS; on two where both are wanted.

    `ValueError` if a service of the API has no address.
    """
    services = api.services(descriptors)
    homeless = sorted({service.room for service in services} - set(place.upstreams))
    if homeless:
        raise ValueError(f"no address is given for {', '.join(homeless)}")
    found = []
    if place.tls is None or place.tls.beside:
        found.append(listener("public", place.listen, _manager(services, descriptors, place, rules)))
    if place.tls is not None:
        manager = _manager(services, descriptors, place, rules, secure=True)
        found.append(listener("public_tls", place.tls.listen, manager, socket=tls.towards_callers(place.tls)))
    return found


def _manager(
    services: Sequence[Service], descriptors: FileDescriptorSet, place: Place, rules: Rules, *, secure: bool = False
) -> Json:
    return config(
        _HCM,
        stat_prefix="public",
        codec_type="AUTO",
        **_connections(place, rules),
        **_paths(),
        generate_request_id=True,
        always_set_request_id_in_response=True,
        # Nobody needs to know who stands here.
        server_header_transformation="PASS_THROUGH",
        **_tracing(place),
        access_log=accesslog.loggers(),
        local_reply_config=replies.config(),
        http_filters=[
            *_guards(services, place, rules, secure=secure),
            strict.filter_of(services, descriptors),
            _transcoder(services, place, rules),
            http_filter("router", "Router"),
        ],
        route_config={"name": "public", "virtual_hosts": [_host(services, place, rules)]},
    )


def listener(name: str, address: Address, manager: Json, *, socket: Json | None = None) -> Json:
    """A listener with one HTTP connection manager."""
    chain: Json = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    if socket is not None:
        # Whoever opens a connection has to say hello in time.
        chain = {**chain, "transport_socket": socket, "transport_socket_connect_timeout": "10s"}
    return {
        "name": name,
        "address": {"socket_address": {"address": address.host, "port_value": address.port}},
        "per_connection_buffer_limit_bytes": 65536,
        "filter_chains": [chain],
    }


def _connections(place: Place, rules: Rules) -> Json:
    limits = rules.downstream
    return {
        "use_remote_address": True,
        "xff_num_trusted_hops": place.trusted_hops,
        # No caller is internal, else anyone in the cluster could set Envoy's own time-outs and retries by header.
        # An empty list would mean all private addresses, so it holds one that never calls.
        "internal_address_config": {"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]},
        "common_http_protocol_options": {
            "idle_timeout": seconds(limits.idle_seconds),
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": limits.max_streams,
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": 1048576,
        },
        "stream_idle_timeout": "300s",
        "request_timeout": seconds(rules.classes.batch.timeout_seconds),
        "request_headers_timeout": seconds(limits.header_seconds),
    }


def _paths() -> Json:
    return {
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
    }


def _tracing(place: Place) -> Json:
    if not place.otlp_endpoint:
        return {}
    uri = {"uri": f"{place.otlp_endpoint.rstrip('/')}/v1/traces", "cluster": COLLECTOR, "timeout": "1s"}
    provider = extension(
        "envoy.tracers.opentelemetry",
        "envoy.config.trace.v3.OpenTelemetryConfig",
        http_service={"http_uri": uri},
        service_name="gateway",
    )
    # No path: callers may write anything into it. The service's span says which method it was.
    sampling = {"value": place.trace_ratio * 100}
    return {"tracing": {"random_sampling": sampling, "max_path_tag_length": 0, "provider": provider}}


def _guards(services: Sequence[Service], place: Place, rules: Rules, *, secure: bool) -> list[Json]:
    return [
        headers.filter_of(secure=secure),
        http_filter(
            "health_check",
            "HealthCheck",
            pass_through_mode=False,
            headers=[{"name": ":path", "string_match": {"exact": "/healthz"}}],
        ),
        http_filter("cors", "Cors"),
        # Before everything that refuses, so that a refusal reaches a gRPC-Web caller as a gRPC status.
        http_filter("grpc_web", "GrpcWeb"),
        http_filter("local_ratelimit", "LocalRateLimit", **limits.bucket(rules.rate_limit, "calls")),
        identity.filter_of(services, place, rules),
        http_filter("local_ratelimit", "LocalRateLimit", **_per_caller(rules)) | {"name": limits.PER_CALLER},
        http_filter("buffer", "Buffer", max_request_bytes=rules.classes.write.max_body_bytes),
    ]


def _per_caller(rules: Rules) -> Json:
    return limits.per_caller(rules.caller_limit, metadata=identity.METADATA, claims=identity.CLAIMS)


def _transcoder(services: Sequence[Service], place: Place, rules: Rules) -> Json:
    return http_filter(
        "grpc_json_transcoder",
        "GrpcJsonTranscoder",
        proto_descriptor=place.descriptors,
        services=[service.name for service in services],
        convert_grpc_status=True,
        # A route matches the REST path, so that the filters before this one know it too (CORS, body limits).
        match_incoming_request_route=True,
        print_options={"always_print_primitive_fields": True, "stream_newline_delimited": True},
        request_validation_options={"reject_unknown_method": True, "reject_unknown_query_parameters": True},
        max_request_body_size=rules.classes.batch.max_body_bytes,
        max_response_body_size=rules.max_response_bytes,
    )


def _host(services: Sequence[Service], place: Place, rules: Rules) -> Json:
    return {
        "name": "public",
        "domains": ["*"],
        "typed_per_filter_config": {"envoy.filters.http.cors": _cors(place)},
        "routes": [route for service in services for route in routes(service, rules)],
    }


def _cors(place: Place) -> Json:
    return config(
        "envoy.extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[{"safe_regex": {"regex": origin}} for origin in place.origins],
        allow_methods="GET, POST, PATCH, DELETE, OPTIONS",
        allow_headers="authorization,content-type,grpc-timeout,traceparent,x-grpc-web,x-user-agent",
        expose_headers="grpc-status,grpc-message,grpc-status-details-bin,retry-after,x-request-id",
        max_age="86400",
    )
