"""What the migration Agent says to the service, and the secrets that the service tells it.

Every key and passphrase here is an obvious example: there is nothing to protect.
"""

from collections.abc import Mapping, Sequence

from sms_tools.operation import JSON
from sms_tools.sandbox import lifecycle
from sms_tools.sandbox.core import Core
from sms_tools.sandbox.model import DirectoryCheck, Record, Verification
from sms_tools.sandbox.work import rebase

_CERT = "-----BEGIN CERTIFICATE-----\nEXAMPLE {}\n-----END CERTIFICATE-----"
_KEY = "-----BEGIN RSA PRIVATE KEY-----\nEXAMPLE {}\n-----END RSA PRIVATE KEY-----"


class Agents(Core):
    """Commands to Agents, their reports, and their keys."""

    def take_command(self, source_id: str) -> Record:
        """The oldest command that waits for an Agent; it is gone from the queue then."""
        with self.change("get_agent_command", source_id):
            source = self.source(source_id)
            if not source.commands:
                return {}
            command = source.commands.pop(0)
            params = {"task_id": command["task"]}
            if "bucket" in command:
                params["bucket"] = command["bucket"]
            return {"command_name": command["command_name"], "command_param": params}

    def report_command(self, source_id: str, body: Mapping[str, JSON]) -> None:
        """Take an Agent's word on how a command went."""
        with self.change("report_agent_command_result", source_id, **body):
            self.source(source_id)

    def report_progress(self, task_id: str, body: Mapping[str, JSON]) -> None:
        """Take an Agent's word on how far a sub-task is; the task goes on from there."""
        with self.change("report_migration_progress", task_id, **body) as at:
            task = self.task(task_id)
            task.reported["progress"] = dict(body)
            step = task.step
            if step is not None and step.name == body.get("subtask_name"):
                rebase(task, at)
                step.done = step.work * min(100, int(body.get("progress") or 0)) / 100
                lifecycle.replan(task, at)
                self.watch(task)

    def report_consistency(self, task_id: str, results: Sequence[Mapping[str, JSON]]) -> None:
        """Take an Agent's word on a verification."""
        sent = [dict(result) for result in results]
        with self.change("upload_consistency_results", task_id, consistency_result=sent) as at:
            found = [
                DirectoryCheck(
                    str(r.get("dir_check")),
                    int(r.get("num_total_files") or 0),
                    int(r.get("num_different_files") or 0),
                    int(r.get("num_target_miss_files") or 0),
                    int(r.get("num_target_more_files") or 0),
                )
                for r in sent
            ]
            self.task(task_id).verifications.append(Verification(at, "success", found))

    def report_network(self, task_id: str, body: Mapping[str, JSON]) -> None:
        """Take an Agent's measurement of the network."""
        with self.change("report_network_measurement", task_id, **body):
            task = self.task(task_id)
            task.network, task.network_next = dict(body), None

    def passphrase(self, task_id: str) -> Record:
        """The passphrase of a task's certificate: an example."""
        self.now()
        return {"task_id": self.task(task_id).id, "passphrase": "EXAMPLE-passphrase"}

    def certificate(self, task_id: str, *, with_ca: bool = False) -> Record:
        """The certificates and private keys of a task: examples."""
        self.now()
        self.task(task_id)
        return {
            "cert": _CERT.format("source"),
            "private_key": _KEY.format("source"),
            "ca": _CERT.format("ca") if with_ca else "",
            "target_mgmt_cert": _CERT.format("target management"),
            "target_mgmt_private_key": _KEY.format("target management"),
            "target_data_cert": _CERT.format("target data"),
            "target_data_private_key": _KEY.format("target data"),
        }

    def network_open(self, network_id: str) -> bool:
        """Whether a target network's security groups let a migration in."""
        now = self.now()
        cause = self.closed_networks.get(network_id)
        return cause is None or not cause.active(now)
