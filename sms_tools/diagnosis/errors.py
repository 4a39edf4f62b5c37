"""``explain_error_code``: what a code means, what to do first, and who has to do it."""

from dataclasses import asdict
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from sms_tools.diagnosis.answer import Action, Draft
from sms_tools.diagnosis.question import Question
from sms_tools.errors import RequestRefused
from sms_tools.fleet.desk import Desk
from sms_tools.knowledge import ErrorKnowledge, codes_in, explain

ACTORS: Final = {
    "api": "a tool of this server",
    "source": "somebody on the source server",
    "console": "somebody on another service's console",
    "support": "the vendor's support",
}
"""Who takes the first step, in words."""

_MORE: Final = 6
"""Of a message with several codes the first is explained, and so many are named in all."""
_ORIGINS: Final = {
    "reference": "the API reference",
    "faq": "the vendor's FAQ",
    "field": "reports from the field, not verified",
    "ours": "our own conclusion",
}


class ExplainErrorCode(Question):
    """What does an error code, number or message mean, and what do I do about it (错误码, SMS.xxxx
    是什么意思, 怎么处理)? For SMS.xxxx and APIGW.xxxx: cause, first step, who has to act, whether a
    retry is safe, whether all data must be copied again, and where that is known from. Needs no
    connection. summarize_failed_servers explains the codes of failed servers itself.
    """

    __open_world__: ClassVar[bool] = False

    code: Annotated[
        str,
        Field(
            min_length=1, max_length=2_000, description="SMS.1414, 1414, or a message with a code."
        ),
    ]
    params: Annotated[
        list[Annotated[str, Field(max_length=1024)]] | None,
        Field(max_length=32, description="The error's parameters (error_param), in order."),
    ] = None

    async def answer(self, desk: Desk) -> dict[str, Any]:
        """What is known; an undocumented code is said to be one."""
        codes = codes_in(self.code)
        if not codes:
            raise RequestRefused(
                "This holds no SMS or APIGW code.",
                advice="Give the code as the error shows it, such as SMS.3802, or call "
                "summarize_failed_servers {}, which explains the codes of all servers that failed.",
            )
        known = explain(codes[0], self.params or ())
        others = [{"code": each, "cause": explain(each).cause} for each in codes[1:_MORE]]
        draft = Draft(
            summary=summary_of(known),
            observed_at=desk.now(),
            data={**explanation(known), **({"other_codes": others} if others else {})},
            actions=[
                Action(
                    "summarize_failed_servers",
                    {},
                    f"shows which servers have {known.code} now, if any",
                )
            ],
        )
        return draft.fit()


def explanation(known: ErrorKnowledge) -> dict[str, Any]:
    """All that is known of a code, without what is empty; null stands for "nobody knows"."""
    data = asdict(known)
    data["actor_is"] = ACTORS[known.actor]
    data["origin_is"] = [_ORIGINS[origin] for origin in known.origin]
    unknown_matters = {"retry_safe", "full_copy_again", "origin"}
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in data.items()
        if key in unknown_matters or value not in (None, "", (), [])
    }


def summary_of(known: ErrorKnowledge) -> str:
    """The code in a sentence or two, for somebody who reads nothing else."""
    if not known.known:
        return (
            f"{known.code} is undocumented: neither the reference nor the FAQ has it, so its "
            "cause is unknown here."
        )
    again = " All data has to be copied again." if known.full_copy_again else ""
    return f"{known.code}: {known.cause} First: {known.first_step}{again}"
