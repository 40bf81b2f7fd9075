"""What surrounds every RPC, in one fixed order: telemetry, admission, caller and scope, validation, deadline, faults.

A method without a scope is refused; health and reflection pass by.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter

import grpc
import protovalidate
from google.protobuf.message import DecodeError, Message

from kit import errors
from kit.errors import Fault
from kit.rpc import audit, metrics, policy, status, violations
from kit.rpc import call as calls
from kit.rpc.admission import Admission
from kit.rpc.call import Call, Identity, Method
from kit.rpc.identity import Verifier
from kit.rpc.pace import Pace
from kit.rpc.reach import Reach
from kit.settings import Settings
from kit.telemetry import Span, line, log, span, trace_id

_ENVOY_TIMEOUT = "x-envoy-expected-rq-timeout-ms"
# The answer must still reach the caller within its deadline, so ours is a little earlier (as Boulder does).
_SHAVED_SECONDS = 0.02
_LEAST_SECONDS = 0.001
# Whoever calls a method that asks for no token; no role, so no other method lets it in.
_NOBODY = Identity("")

Handler = Callable[[Message, grpc.aio.ServicerContext], Awaitable[Message | None]]
StreamHandler = Callable[[Message, grpc.aio.ServicerContext], AsyncIterator[Message]]
Metadata = dict[str, str]


class Interceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Wraps the RPCs of our services: one request each, and one answer or a stream of them."""

    def __init__(
        self, methods: dict[str, Method], verifier: Verifier, settings: Settings, *, reach: Reach | None = None
    ) -> None:
        self._reach = reach
        self._pace = Pace(settings.member_calls_per_second)
        self._methods = methods
        self._verifier = verifier
        self._admission = Admission(settings.max_concurrent_calls)
        self._stream_limit = settings.max_concurrent_streams
        self._streams: set[asyncio.Task[object]] = set()
        self._draining = asyncio.Event()
        self._seconds_of = {method.name: _milliseconds(method, settings) / 1000 for method in methods.values()}
        self._validator = protovalidate.Validator()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """Called by gRPC for each call, before its request is read."""
        handler = await continuation(handler_call_details)
        method = self._methods.get(handler_call_details.method)
        if handler is None:
            return _UNKNOWN
        if method is None:
            return handler
        metadata: Metadata = {
            key: value for key, value in handler_call_details.invocation_metadata or () if isinstance(value, str)
        }

        act: Handler = self._written(method, handler.unary_stream) if method.streams else handler.unary_unary

        async def behaviour(request: Message | DecodeError, context: grpc.aio.ServicerContext) -> Message | None:
            return await self._serve(method, act, request, context=context, metadata=metadata)

        def decode(data: bytes) -> Message | DecodeError:
            try:
                return method.request.FromString(data)
            except DecodeError as error:
                return error

        wrap = grpc.unary_stream_rpc_method_handler if method.streams else grpc.unary_unary_rpc_method_handler
        return wrap(behaviour, decode, handler.response_serializer)

    def drain(self) -> None:
        """Refuse what comes, and end the streams: they could go on for minutes. Callers find another replica."""
        self._draining.set()
        for task in self._streams:
            task.cancel()

    def _written(self, method: Method, handler: StreamHandler) -> Handler:
        """A stream as a handler that writes its messages and then answers nothing more."""
        messages = metrics.MESSAGES.labels(method.name)

        async def write(request: Message, context: grpc.aio.ServicerContext) -> None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - a handler always runs in a task
            self._streams.add(task)
            metrics.STREAMS.set(len(self._streams))
            try:
                async for message in handler(request, context):
                    await context.write(message)
                    messages.inc()
            except asyncio.CancelledError:
                if not self._draining.is_set():
                    raise
                task.uncancel()
                raise errors.unavailable("the service") from None
            finally:
                self._streams.discard(task)
                metrics.STREAMS.set(len(self._streams))

        return write

    async def _serve(
        self,
        method: Method,
        handler: Handler,
        request: Message | DecodeError,
        *,
        context: grpc.aio.ServicerContext,
        metadata: Metadata,
    ) -> Message | None:
        started = perf_counter()
        counted = not method.streams and self._admission.enter()
        metrics.ACTIVE.set(self._admission.active)
        fault: Fault | None = None
        caller = ""
        try:
            with span(method.name, kind="server", traceparent=metadata.get("traceparent", "")) as traced:
                try:
                    self._check_room(method, counted=counted)
                    call = self._admit(method, context, metadata)
                    caller = call.identity.subject
                    calls.enter(call)
                    async with asyncio.timeout_at(call.deadline):
                        checked = self._checked(request)
                        if self._reach is not None and call.identity.org:
                            return await self._confined(self._reach, call, handler, checked, context=context)
                        return await handler(checked, context)
                except Exception as error:  # noqa: BLE001 - every failure becomes a status here, and only here
                    fault = _fault_of(error, method)
                finally:
                    if method.privileged:
                        audit.write(method, self._caller(metadata), request, fault)
                    _observe(method, fault, caller=caller, seconds=perf_counter() - started, traced=traced)
            await status.abort(context, fault)
            return None
        finally:
            if counted:
                self._admission.leave(began=started, now=perf_counter(), telling=not method.batch)
                metrics.ACTIVE.set(self._admission.active)

    async def _confined(
        self, reach: Reach, call: Call, handler: Handler, request: Message, *, context: grpc.aio.ServicerContext
    ) -> Message | None:
        """The call of somebody who sees a part of the organisation."""
        await reach.narrow(call, request)
        answer = await handler(request, context)
        if answer is not None:
            await reach.check(call, answer)
        return answer

    def _check_room(self, method: Method, *, counted: bool) -> None:
        if self._draining.is_set():
            raise errors.unavailable("the service")
        if not (counted or (method.streams and len(self._streams) < self._stream_limit)):
            raise errors.overloaded()

    def _admit(self, method: Method, context: grpc.aio.ServicerContext, metadata: Metadata) -> Call:
        identity = self._identify(method, metadata)
        return Call(method, identity, asyncio.get_running_loop().time() + self._seconds(method, context, metadata))

    def _identify(self, method: Method, metadata: Metadata) -> Identity:
        if method.self_proving:
            return _NOBODY
        identity = self._verifier.verify(metadata.get("authorization", ""))
        policy.authorize(identity, method)
        self._pace.keep(identity)
        return identity

    def _caller(self, metadata: Metadata) -> Identity:
        """Who calls, be it in vain."""
        try:
            return self._verifier.verify(metadata.get("authorization", ""))
        except Fault:
            return _NOBODY

    def _seconds(self, method: Method, context: grpc.aio.ServicerContext, metadata: Metadata) -> float:
        """The least of the caller's deadline, Envoy's, and our own."""
        limits = [self._seconds_of[method.name]]
        remaining = context.time_remaining()
        if remaining is not None:
            limits.append(remaining - _SHAVED_SECONDS)
        envoy = metadata.get(_ENVOY_TIMEOUT, "")
        if envoy.isdecimal():
            limits.append(int(envoy) / 1000 - _SHAVED_SECONDS)
        return max(_LEAST_SECONDS, min(limits))

    def _checked(self, request: Message | DecodeError) -> Message:
        if isinstance(request, DecodeError):
            raise errors.invalid("request", "is not a message of this method")
        try:
            self._validator.validate(request)
        except protovalidate.ValidationError as error:
            raise errors.invalid_fields(violations.told(request, error.violations)) from None
        return request


async def _refuse_unknown(_: bytes, context: grpc.aio.ServicerContext) -> None:
    await status.abort(context, errors.method_unknown())


# gRPC's own refusal of an unknown method has no reason.
_UNKNOWN = grpc.unary_unary_rpc_method_handler(_refuse_unknown)


def _milliseconds(method: Method, settings: Settings) -> int:
    if method.streams:
        return settings.stream_deadline_ms
    return settings.batch_deadline_ms if method.batch else settings.default_deadline_ms


def _fault_of(error: Exception, method: Method) -> Fault:
    if isinstance(error, Fault):
        return error
    if isinstance(error, TimeoutError):
        return errors.deadline_exceeded()
    log.error("rpc failed", method=method.name, exc_info=error)
    return errors.internal()


def _observe(method: Method, fault: Fault | None, *, caller: str, seconds: float, traced: Span) -> None:
    code = fault.kind.value if fault else "OK"
    exemplar = {"trace_id": trace_id()} if traced.recorded else None
    metrics.DURATION.labels(method.name, code).observe(seconds, exemplar)
    traced.set("rpc.system.name", "grpc")
    traced.set("rpc.response.status_code", code)
    if fault is not None:
        traced.fail(fault.reason)
    line(
        "rpc",
        method=method.name,
        caller=caller,
        status=code,
        reason=fault.reason if fault else "",
        ms=round(seconds * 1000, 2),
    )
