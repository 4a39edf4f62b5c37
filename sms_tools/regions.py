"""The regions of Huawei Cloud, and where in them server migration is known to answer.

The reference names one region for the service, its samples and the vendor's SDK a few more. What
is missing here is not refused: regions are added faster than tables.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

DEFAULT_REGION: Final = "ap-southeast-3"

Evidence = Literal["reference", "sample", "sdk", "none"]

_REGION_NAME: Final = re.compile(r"[a-z]{2,4}(-[a-z0-9]{1,20}){1,3}")


@dataclass(frozen=True, slots=True)
class Region:
    """A region; `evidence` is who says that server migration answers there.

    `endpoint` is set where the service's address does not follow the usual pattern.
    """

    name: str
    place: str
    evidence: Evidence = "none"
    endpoint: str | None = None


_REGIONS: Final = (
    Region("ap-southeast-3", "AP-Singapore", "reference"),
    Region("ap-southeast-1", "CN-Hong Kong", "sample"),
    Region("cn-north-4", "CN North-Beijing4", "sdk"),
    Region("my-kualalumpur-1", "MY-Kuala Lumpur", "sdk"),
    Region("ru-moscow-1", "RU-Moscow1", "sdk", "https://sms-api.ru-moscow-1.myhuaweicloud.com"),
    Region("ap-southeast-2", "AP-Bangkok"),
    Region("ap-southeast-4", "AP-Jakarta"),
    Region("af-south-1", "AF-Johannesburg"),
    Region("ae-ad-1", "ME-Abu Dhabi"),
    Region("cn-east-2", "CN East-Shanghai2"),
    Region("cn-east-3", "CN East-Shanghai1"),
    Region("cn-east-4", "CN East 2"),
    Region("cn-east-5", "CN East-Qingdao"),
    Region("cn-north-1", "CN North-Beijing1"),
    Region("cn-north-2", "CN North-Beijing2"),
    Region("cn-north-9", "CN North-Ulanqab1"),
    Region("cn-north-12", "CN North 3"),
    Region("cn-south-1", "CN South-Guangzhou"),
    Region("cn-south-2", "CN South-Shenzhen"),
    Region("cn-southwest-2", "CN Southwest-Guiyang1"),
    Region("la-north-2", "LA-Mexico City2"),
    Region("la-south-2", "LA-Santiago"),
    Region("me-east-1", "ME-Riyadh"),
    Region("na-mexico-1", "LA-Mexico City1"),
    Region("sa-brazil-1", "LA-Sao Paulo1"),
    Region("tr-west-1", "TR-Istanbul"),
)

REGIONS: Final[Mapping[str, Region]] = MappingProxyType({r.name: r for r in _REGIONS})
"""Known regions by name; those with evidence of the service first."""


def is_region_name(text: str) -> bool:
    """Whether *text* has the form of a region's name: it becomes a part of a host name."""
    return _REGION_NAME.fullmatch(text) is not None


def default_endpoint(service: str, region: str) -> str:
    """Where *service* (``sms``, ``iam``) answers in *region* by the usual pattern."""
    return f"https://{service}.{region}.myhuaweicloud.com"


def region_warning(name: str) -> str | None:
    """What a person should know about using the service in this region; None for nothing."""
    region = REGIONS.get(name)
    if region is None:
        return (
            f"{name} is not in this version's table of regions. Check the spelling; known for "
            f"server migration: {', '.join(r.name for r in _REGIONS if r.evidence != 'none')}."
        )
    if region.endpoint:
        return (
            f"In {name} the vendor's SDK reaches the service at {region.endpoint}. If calls fail, "
            "set SMS_TOOLS_ENDPOINT to that."
        )
    if region.evidence == "none":
        return (
            f"{name} is a region, but the reference does not say that server migration is offered "
            "there. Targets may be in any region; the service itself answers in few."
        )
    return None
