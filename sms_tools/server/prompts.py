"""The prompts as MCP serves them."""

from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.prompts.base import Message, Prompt, PromptArgument, UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from sms_tools import prompting
from sms_tools.server.dialog import AnyContext
from sms_tools.server.runtime import Runtime
from sms_tools.text import clean


def add_prompts(server: MCPServer[Any], runtime: Runtime) -> None:  # noqa: ARG001
    """Register every prompt of the folder with *server*."""
    for prompt in prompting.load_prompts().values():
        server.add_prompt(ServedPrompt.make(prompt))


class ServedPrompt(Prompt):
    """A prompt that renders itself: a missing argument is a readable error in both eras."""

    @classmethod
    def make(cls, prompt: prompting.Prompt) -> "ServedPrompt":
        """The served form of *prompt*."""
        arguments = [
            PromptArgument(name=a.name, description=a.description, required=a.required)
            for a in prompt.arguments
        ]
        return cls(
            name=prompt.name,
            title=prompt.title,
            description=prompt.description,
            arguments=arguments,
            fn=prompt.render,
        )

    async def render(self, arguments: dict[str, Any] | None, context: AnyContext) -> list[Message]:  # noqa: ARG002
        """The prompt's one message."""
        given = {name: clean(str(value)) for name, value in (arguments or {}).items()}
        try:
            text = prompting.load_prompts()[self.name].render(given)
        except prompting.PromptError as error:
            raise MCPError(code=INVALID_PARAMS, message=str(error)) from error
        return [UserMessage(text)]
