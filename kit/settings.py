"""Settings: one typed object per process, read from `KEHU_*`, checked at start, printable without its secrets."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kit.money import is_currency

PREFIX = "KEHU_"

S = TypeVar("S", bound="Settings")


def _currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError(f"{code!r} is no currency of ISO 4217")
    return code


Currency = Annotated[str, AfterValidator(_currency)]
"""The code of a currency, in settings."""


class Settings(BaseSettings):
    """What every process of every service needs. A service's `config.py` adds its own."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    database_url: SecretStr = Field(description="The service's database: postgresql://role:password@host:port/name.")
    broker_url: SecretStr = Field(SecretStr(""), description="RabbitMQ: amqp://user:password@host:port/vhost.")
    grpc_address: str = Field("127.0.0.1:0", description="Where `serve` listens for gRPC, host:port.")
    metrics_address: str = Field("127.0.0.1:0", description="Where the process shows /metrics and /healthz.")
    jwks_file: str = Field("", description="Public keys (JWKS) that callers' tokens are verified with.")
    jwks_uri: str = Field(
        "", pattern="^(https?://.+)?$", description="Where an OIDC issuer shows its public keys; its tokens count too."
    )
    jwks_ca_file: str = Field("", description="Authority (PEM) of that address's certificate; empty: the system's.")
    jwks_seconds: float = Field(300.0, gt=0, description="How often those keys are fetched.")
    token_issuer: str = Field("", description="`iss` of the OIDC issuer's tokens.")
    token_audiences: str = Field("kehu", description="`aud` that these tokens may be for, with commas between.")
    token_roles_claim: str = Field("roles", description="Claim of these tokens with the roles; dots lead into objects.")
    token_scopes_claim: str = Field("", description="Claim with scopes granted beside the roles'; empty: none is.")
    token_org_claim: str = Field(
        "", description="Claim with the part of the organisation whose data the caller sees; empty: all of it."
    )
    tls_cert_file: str = Field("", description="Certificate (PEM) that this process shows to peers and to the gateway.")
    tls_key_file: str = Field("", description="Its key (PEM).")
    tls_ca_file: str = Field("", description="Authority (PEM) that all their certificates are signed by.")
    service_key_file: str = Field("", description="Private key (PEM, ES256) that signs this service's own tokens.")
    page_token_key: SecretStr = Field(SecretStr(""), description="Key of the page tokens; the same in all replicas.")
    otlp_endpoint: str = Field(
        "", description="OTLP over HTTP for traces, for example http://collector:4318; empty: none."
    )
    trace_ratio: float = Field(0.01, ge=0, le=1, description="Share of the traces started here that are recorded.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least severe level logged.")
    database_pool_size: int = Field(8, ge=1, le=100, description="Connections that the process keeps to its database.")
    statement_timeout_ms: int = Field(5_000, ge=100, description="A statement that runs longer is given up.")
    default_deadline_ms: int = Field(5_000, ge=100, description="Deadline of a call that brings none.")
    batch_deadline_ms: int = Field(60_000, ge=100, description="The same for Batch..., Import... and ...Report.")
    stream_deadline_ms: int = Field(300_000, ge=100, description="The same for streams.")
    max_concurrent_calls: int = Field(
        512, ge=1, description="Most calls under way at once, fewer while they are late; more are refused at once."
    )
    max_concurrent_streams: int = Field(256, ge=1, description="The same for streams, which are not counted there.")
    member_calls_per_second: float = Field(
        50.0, ge=0, description="Calls that one member may make of one process, over two seconds; 0: any number."
    )
    drain_seconds: float = Field(
        0.0, ge=0, description="How long `serve` waits after SIGTERM before it takes no new call."
    )
    reflection: bool = Field(True, description="Whether gRPC reflection is served.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len({bool(name) for name in (self.tls_cert_file, self.tls_key_file, self.tls_ca_file)}) > 1:
            raise ValueError("KEHU_TLS_CERT_FILE, KEHU_TLS_KEY_FILE and KEHU_TLS_CA_FILE belong together")
        if bool(self.jwks_uri) != bool(self.token_issuer):
            raise ValueError("KEHU_JWKS_URI and KEHU_TOKEN_ISSUER belong together")
        return self

    def printable(self) -> dict[str, object]:
        """Every setting with its value; secrets are starred out."""
        return self.model_dump(mode="json")


class SettingsError(SystemExit):
    """The environment does not make valid settings; the message names each setting."""


def load(kind: type[S]) -> S:
    """Read and check the settings of this process, or stop with one sentence per bad setting."""
    try:
        return kind()
    except ValidationError as error:
        lines = [_sentence(e["loc"], e["msg"]) for e in error.errors(include_input=False)]
        raise SettingsError("The settings can't be used. " + "; ".join(lines)) from None


ELSEWHERE = frozenset(
    f"{PREFIX}{name.upper()}"
    for name in (
        *("keyring_file", "home_region"),
        *("peers_campaigns", "peers_members", "pay_within", "refund_limits", "refund_policy", "provider_timeout"),
        *("channels_file", "wechat_pay_merchant", "wechat_pay_app", "wechat_pay_serial", "wechat_pay_key_file"),
        *("wechat_pay_secret_file", "wechat_pay_platform_keys", "wechat_pay_notice_url", "wechat_pay_url"),
        *("alipay_app", "alipay_merchant", "alipay_key_file", "alipay_platform_keys", "alipay_notice_url"),
        *("alipay_url", "run_folder", "gateway_port", "gateway_tls_port", "postgres_url", "quick_deaths"),
        *("suite", "python", "gateway", "token", "faults_private", "base_image", "build_image"),
    )
)
"""What single services, `kehu up` and the tools read. All processes may share one environment, so each passes over what
is meant for others."""


def unknown(environment: Iterable[str], known: Iterable[str] = ()) -> dict[str, str]:
    """The names of an environment that begin with KEHU_ and that nothing reads, each with the name that was probably
    meant, empty if there is none like it. `known` are settings beside those of the suite, without the prefix."""
    names = ELSEWHERE | {f"{PREFIX}{field.upper()}" for field in (*Settings.model_fields, *known)}
    strange = sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in names)
    return {name: next(iter(get_close_matches(name.upper(), names, n=1, cutoff=0.8)), "") for name in strange}


def _sentence(where: tuple[int | str, ...], what: str) -> str:
    """What is wrong with a setting, or with several together."""
    what = what.removeprefix("Value error, ")
    return f"{PREFIX}{str(where[0]).upper()}: {what}" if where else what
