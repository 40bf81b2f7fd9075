"""A gRPC server in the test's own process that answers for the real services as a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2_grpc
from kehu.campaigns.v1 import campaigns_pb2
from kehu.members.v1 import members_pb2
from kehu.orders.v1 import orders_pb2
from kehu.pipeline.v1 import pipeline_pb2

APIS = (campaigns_pb2, members_pb2, orders_pb2, pipeline_pb2)
"""The files of the services; importing them is what makes their methods known."""

Answer = Callable[[Any, grpc.ServicerContext], Message]


def until_given_up(context: grpc.ServicerContext) -> None:
    """Wait for the end of a call that gets no answer."""
    ended = threading.Event()
    if context.add_callback(ended.set):
        ended.wait()


@dataclass
class Backend(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers each method with the function that stands under its name, and keeps what it was asked. A stream has one
    message."""

    answers: dict[str, Answer] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """The methods called, each with its metadata."""
    health: health.HealthServicer = field(default_factory=health.HealthServicer)

    def start(self) -> int:
        """Listen on a free port; answers the port."""
        self._server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", 16 << 20)])
        self._server.add_generic_rpc_handlers((self,))
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return int(port)

    def stop(self) -> None:
        """Stop at once."""
        self._server.stop(None).wait()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Called by gRPC for each call that the health service doesn't take."""
        service, _, name = details.method.lstrip("/").rpartition("/")
        if name not in self.answers:
            return None
        metadata = dict(details.invocation_metadata)

        def behaviour(request: Message, context: grpc.ServicerContext) -> Message:
            self.calls.append((name, metadata))
            return self.answers[name](request, context)

        method = descriptor_pool.Default().FindServiceByName(service).FindMethodByName(name)

        def stream(request: Message, context: grpc.ServicerContext) -> Iterator[Message]:
            yield behaviour(request, context)

        handler = (
            grpc.unary_stream_rpc_method_handler if method.server_streaming else grpc.unary_unary_rpc_method_handler
        )
        return handler(
            stream if method.server_streaming else behaviour,
            request_deserializer=message_factory.GetMessageClass(method.input_type).FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
