"""Previews of calls that reveal a secret, speak in the Agent's place, or bind the account."""

from collections.abc import Mapping
from typing import Any, Final

from sms_tools.api import Api
from sms_tools.fleet.server import Server
from sms_tools.guard.previews.building import preview, sent_by
from sms_tools.guard.previews.describing import bound, lines, short, targets, template_line, typed
from sms_tools.guard.previews.reader import Reader
from sms_tools.guard.subject import Preview, Target, typeable
from sms_tools.knowledge import Legality, is_legal_pair, legality
from sms_tools.operation import JSON, Operation
from sms_tools.operations.keys import CalculateSha256, GetCertificateAndPrivateKey
from sms_tools.operations.privacy import GetPrivacyAgreement, SignPrivacyAgreement
from sms_tools.operations.projects import GetMigrationProject
from sms_tools.operations.source_servers import (
    ListSourceServers,
    RegisterSourceServer,
    UpdateSourceServerState,
)
from sms_tools.operations.tasks import GetCertificatePassphrase
from sms_tools.operations.templates import GetTemplate, GetTemplateTargetPassword, Template
from sms_tools.wording import named, plain

_TO_A_PERSON: Final = (
    "It is shown to you, once, outside the conversation, unless whoever started the server "
    "allowed secrets in results."
)
_FORGED: Final[Mapping[str, tuple[str, str]]] = {
    "update_source_server_state": (
        "Force the recorded state",
        "State and stage are overwritten. Nothing is started or stopped by it, but the service "
        "and every later answer believe it.",
    ),
    "update_source_server_disks": (
        "Replace the disk information",
        "The disk information that the Agent collected is deleted. A task that no longer fits it "
        "fails, and a new one copies everything again.",
    ),
    "report_migration_progress": (
        "Report progress by hand",
        "The service takes it for the Agent's own report: a copy may look finished that is not.",
    ),
    "upload_consistency_results": (
        "Upload consistency results by hand",
        "Nothing is compared. A cutover decision that rests on these results rests on nothing.",
    ),
    "get_agent_command": (
        "Fetch the Agent's next command",
        "The command may be taken away from the Agent, which then never starts, stops or "
        "synchronises.",
    ),
    "report_agent_command_result": (
        "Report the result of an Agent's command",
        "The service may believe that a start, stop or synchronisation happened that did not.",
    ),
    "report_network_measurement": (
        "Report a network measurement by hand",
        "Nothing is measured; the numbers replace what the Agent measured.",
    ),
}


async def agent_word(operation: Operation[Any], api: Api) -> Preview:
    """A call that only the Agent on the source server sends."""
    reader = Reader(api)
    what, losses = _FORGED[operation.__spec__.name]
    server = await _server_named_by(operation, reader)
    return preview(
        f"{what} of {named(server.raw_name, server.id)}, in its Agent's place.",
        typed(server),
        now=lines(server),
        will=[
            "The migration Agent on the source server sends this automatically; no one else "
            "needs to."
        ],
        losses=[losses, "The Agent's own word cannot be brought back from here."],
        sent=sent_by(operation, "task_id", "source_id", "server_id"),
        unread=reader.unread,
        state=bound(server),
        targets=targets(server),
        allowed=_pair_allowed(operation),
    )


def _pair_allowed(operation: Operation[Any]) -> Legality | None:
    """A state and a stage that cannot stand together are refused by the service."""
    if not isinstance(operation, UpdateSourceServerState):
        return None
    if is_legal_pair(operation.migrationcycle, operation.copystate) is False:
        reason = "This state and this stage do not go together."
        return Legality("illegal", reason, "SMS.7728")
    return None


async def register(operation: RegisterSourceServer, api: Api) -> Preview:
    """A source server that no Agent has registered."""
    reader = Reader(api)
    same = await reader.want_all("servers of the same address", ListSourceServers(ip=operation.ip))
    return preview(
        f"Register {named(operation.name, operation.ip)} as a source server, in an Agent's place.",
        typeable(operation.name, "register"),
        now=[short(Server(source, None)) for source in same or ()]
        or (["No source server with this address is registered."] if same is not None else []),
        will=["A record is created that counts towards the account's 1,000 servers."],
        losses=[
            "The record has no Agent, so it cannot be migrated. An installed Agent "
            "registers automatically when it starts."
        ],
        sent=sent_by(operation),
        unread=reader.unread,
        state={"ids": None if same is None else sorted(str(source.id) for source in same)},
        targets=[Target("", operation.name)],
    )


async def task_secret(
    operation: GetCertificatePassphrase | GetCertificateAndPrivateKey, api: Api
) -> Preview:
    """The passphrase or the private keys of a task's data channel."""
    reader = Reader(api)
    server = await reader.server_of_task(operation.task_id)
    keys = isinstance(operation, GetCertificateAndPrivateKey)
    what = "certificates and private keys" if keys else "certificate passphrase"
    return preview(
        f"Reveal the {what} of the migration of {named(server.raw_name, server.id)}.",
        typed(server),
        now=lines(server),
        will=[_TO_A_PERSON],
        losses=[
            "Whoever has them can read the migrated data on its way and pose as source or target; "
            "they cannot be called back."
        ],
        unread=reader.unread,
        state=bound(server),
        targets=targets(server),
    )


async def template_password(operation: GetTemplateTargetPassword, api: Api) -> Preview:
    """The login password that a template sets."""
    reader = Reader(api)
    template = (await reader.need(GetTemplate(template_id=operation.template_id))).template
    template = template or Template(id=operation.template_id)
    sources = await reader.want_all("which servers use the template", ListSourceServers())
    users = [
        Server(source, None)
        for source in sources or ()
        if source.current_task and source.current_task.vm_template_id == operation.template_id
    ]
    return preview(
        f"Reveal the login password in the template {named(template.name, template.id)}.",
        typeable(template.name, operation.template_id),
        now=[template_line(template)],
        will=[_TO_A_PERSON],
        losses=["Whoever has it can log in to the servers made from this template."],
        hangs=[short(user) for user in users],
        unread=reader.unread,
        state={
            "id": operation.template_id,
            "name": template.name,
            "users": sorted(f"{user.id} {user.state}" for user in users),
        },
        targets=[Target(operation.template_id, template.name)],
        allowed=_any_allowed(users),
    )


def _any_allowed(users: list[Server]) -> Legality:
    """The password is given while a server of the template is copied; one is enough."""
    rulings = [user.legality("target_password") for user in users]
    order = {"legal": 0, "unknown": 1, "illegal": 2}
    return min(
        rulings, key=lambda ruling: order[ruling.verdict], default=legality("target_password")
    )


async def sha256(operation: CalculateSha256, api: Api) -> Preview:  # noqa: ARG001 (as the others)
    """A hash that the service computes, of a text that travels in a URL."""
    return preview(
        "Have the service compute the SHA-256 of a text that is sent in the URL.",
        "reveal sha256",
        now=[f"The text has {len(operation.key)} characters; it is not shown here."],
        will=[_TO_A_PERSON],
        losses=["Gateways and logs on the way keep URLs: the text must not be a password or key."],
        state={},
        targets=[],
    )


async def privacy(operation: SignPrivacyAgreement, api: Api) -> Preview:  # noqa: ARG001
    """A legal consent."""
    reader = Reader(api)
    now = await reader.want("whether it is signed already", GetPrivacyAgreement())
    signed = {True: "It is signed already.", False: "It is not signed yet."}
    flag = now.flag if now else None
    return preview(
        "Sign the privacy agreement of the Server Migration Service for the whole account.",
        "sign privacy agreement",
        now=[signed[flag]] if flag is not None else [],
        will=["The account agrees to the statement that the service's console shows at first use."],
        losses=[
            "This is legally binding consent. Only a person who may bind the account should give "
            "it, and only after reading the statement on the console.",
            "It cannot be withdrawn here.",
        ],
        unread=reader.unread,
        state={"signed": flag},
        targets=[],
    )


async def _server_named_by(operation: Operation[Any], reader: Reader) -> Server:
    task_id = getattr(operation, "task_id", None)
    if task_id:
        return await reader.server_of_task(task_id)
    source_id = getattr(operation, "source_id", None) or getattr(operation, "server_id", "")
    return await reader.server(str(source_id))


async def anything(operation: Operation[Any], api: Api) -> Preview:
    """A call that is asked about only because a policy says so."""
    reader = Reader(api)
    spec = operation.__spec__
    given: dict[str, JSON] = {}
    server = None
    if getattr(operation, "task_id", None) or getattr(operation, "source_id", None):
        server = await _server_named_by(operation, reader)
    name, about_whom = await _named_by(operation, reader)
    if server:
        name, about_whom, given = server.raw_name, targets(server), bound(server)
    about = f" {named(name)}" if name else ""
    return preview(
        f"{spec.title}{about}.",
        typed(server) if server else typeable(name, spec.name),
        now=lines(server) if server else [],
        will=[plain(spec.description, 400)],
        sent=sent_by(operation),
        unread=reader.unread,
        state={**given, "name": name},
        targets=about_whom,
    )


async def _named_by(operation: Operation[Any], reader: Reader) -> tuple[str | None, list[Target]]:
    """What a template's or project's call acts on, or the name that it brings."""
    template_id = getattr(operation, "template_id", None)
    project_id = getattr(operation, "mig_project_id", None)
    if template_id:
        template = (await reader.need(GetTemplate(template_id=template_id))).template
        name = template.name if template else None
        return name, [Target(template_id, name)]
    if project_id:
        project = await reader.need(GetMigrationProject(mig_project_id=project_id))
        return project.name, [Target(project_id, project.name)]
    own = getattr(operation, "name", None)
    return own, [Target("", own)] if own else []
