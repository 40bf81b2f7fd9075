"""Why a payment provider can't do what was asked, or is not believed."""

from __future__ import annotations

from kit.errors import Fault, Kind, precondition


def notice_invalid(provider: str, cause: str) -> Fault:
    """A message at a provider's callback URL is not the provider's, not fresh or not for us."""
    message = f"the notice is not {provider}'s: {cause}"
    return Fault(Kind.INVALID_ARGUMENT, "NOTICE_INVALID", message, metadata={"provider": provider, "cause": cause})


def provider_refused(provider: str, code: str) -> Fault:
    """The provider understood and said no, for good; `code` is the provider's own."""
    return precondition("PROVIDER_REFUSED", f"{provider} refused: {code}", provider=provider, code=code)


def charge_paid(provider: str, reference: str) -> Fault:
    """What should be closed is paid already."""
    message = f"the charge {reference} is paid"
    return precondition("CHARGE_PAID", message, provider=provider, reference=reference)


def scene_unsupported(provider: str, scene: str) -> Fault:
    """The provider has no such cashier, or lacks what it needs for it."""
    message = f"{provider} can't take a payment in {scene}"
    return precondition("SCENE_UNSUPPORTED", message, provider=provider, scene=scene)
