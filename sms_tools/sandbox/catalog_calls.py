"""What can be asked of templates, migration projects and the privacy agreement."""

from collections.abc import Mapping, Sequence

from sms_tools.operation import JSON
from sms_tools.sandbox import rows
from sms_tools.sandbox.core import Core
from sms_tools.sandbox.model import Project, Record, Template
from sms_tools.sandbox.refusal import Refusal

_TEMPLATES = 50


class Catalog(Core):
    """Templates for targets, migration projects, the account's consent."""

    def create_template(self, fields: Mapping[str, JSON]) -> str:
        """Add a template; gives its id."""
        with self.change("create_template", str(fields.get("name")), **fields):
            if len(self.templates) >= _TEMPLATES:
                raise Refusal("SMS.8115")
            self._check_template_name(fields.get("name"))
            template = Template(self.new_id(), dict(fields))
            self.templates[template.id] = template
            return template.id

    def _check_template_name(self, name: JSON, but: str = "") -> None:
        if any(t.fields.get("name") == name and t.id != but for t in self.templates.values()):
            raise Refusal("SMS.7112")

    def list_templates(
        self, filters: Mapping[str, JSON], *, limit: int = 50, offset: int = 0
    ) -> tuple[int, list[Record]]:
        """How many templates match, and one page of them; passwords and all."""
        self.now()
        keys = ("name", "region", "availability_zone")
        found = [
            rows.template_row(t)
            for t in self.templates.values()
            if all(filters.get(key) in (None, "", t.fields.get(key)) for key in keys)
        ]
        return len(found), found[offset : offset + limit]

    def show_template(self, template_id: str) -> Record:
        """One template, password and all."""
        self.now()
        return rows.template_row(self.template(template_id))

    def update_template(self, template_id: str, fields: Mapping[str, JSON]) -> None:
        """Overwrite the given fields of a template."""
        with self.change("update_template", template_id, **fields):
            template = self.template(template_id)
            if fields.get("name"):
                self._check_template_name(fields["name"], template_id)
            template.fields |= fields

    def delete_template(self, template_id: str) -> None:
        """Delete a template that no task uses."""
        with self.change("delete_template", template_id):
            self._check_unused(template_id)
            del self.templates[template_id]

    def delete_templates(self, template_ids: Sequence[str]) -> None:
        """Delete several templates; if a task uses one, none is deleted."""
        ids = list(dict.fromkeys(template_ids))
        with self.change("delete_templates", ",".join(ids), ids=ids):
            for template_id in ids:
                self._check_unused(template_id)
            for template_id in ids:
                del self.templates[template_id]

    def _check_unused(self, template_id: str) -> None:
        self.template(template_id)
        if self._uses(template_id):
            raise Refusal("SMS.7111")

    def template_password(self, template_id: str) -> Record:
        """The target's password, while a task that uses the template replicates or syncs."""
        self.now()
        template = self.template(template_id)
        tasks = self._uses(template_id)
        if tasks and not any(t.source.state in ("replicate", "syncing") for t in tasks):
            raise Refusal("SMS.9905")
        password = template.fields.get("target_password") or ""
        return {"template_id": template_id, "target_password": password}

    # Migration projects

    def create_project(self, fields: Mapping[str, JSON]) -> str:
        """Add a migration project; gives its id."""
        with self.change("create_migration_project", str(fields.get("name")), **fields):
            self._check_project_name(fields.get("name"))
            settings = {key: value for key, value in fields.items() if key != "isdefault"}
            default = bool(fields.get("isdefault"))
            return self.new_project(str(settings.pop("name")), default=default, **settings).id

    def _check_project_name(self, name: JSON, but: str = "") -> None:
        if any(p.fields["name"] == name and p.id != but for p in self.projects.values()):
            raise Refusal("SMS.7312")

    def list_projects(self, *, limit: int = 50, offset: int = 0) -> tuple[int, list[Record]]:
        """How many migration projects there are, and one page of them."""
        self.now()
        page = list(self.projects.values())[offset : offset + limit]
        return len(self.projects), [self._project_row(p) for p in page]

    def show_project(self, project_id: str) -> Record:
        """One migration project's settings."""
        self.now()
        return self._project_row(self.project(project_id))

    def _project_row(self, project: Project) -> Record:
        servers = any(s.project_id == project.id for s in self.sources.values())
        return {**rows.project_row(project), "exist_server": servers}

    def update_project(self, project_id: str, fields: Mapping[str, JSON]) -> None:
        """Overwrite the given settings of a migration project."""
        with self.change("update_migration_project", project_id, **fields):
            project = self.project(project_id)
            if fields.get("name"):
                self._check_project_name(fields["name"], project_id)
            project.fields |= {k: v for k, v in fields.items() if k != "isdefault"}
            if fields.get("isdefault"):
                self.make_default(project)

    def set_default_project(self, project_id: str) -> None:
        """Let new Agents register in this project."""
        with self.change("set_default_migration_project", project_id):
            self.make_default(self.project(project_id))

    def delete_project(self, project_id: str) -> None:
        """Delete a migration project that is empty and not the default."""
        with self.change("delete_migration_project", project_id):
            if self.project(project_id).default:
                raise Refusal("SMS.7303")
            if any(s.project_id == project_id for s in self.sources.values()):
                raise Refusal("SMS.7311")
            del self.projects[project_id]

    # The account

    def sign_privacy_agreement(self) -> None:
        """Record the account's consent."""
        with self.change("sign_privacy_agreement", "account"):
            self.privacy_signed = True

    def privacy_agreement(self) -> Record:
        """Whether the account has consented."""
        self.now()
        return {"flag": self.privacy_signed}
