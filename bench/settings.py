"""What each setting means: the words of the documents' tables.

Settings are read where they are used; a test holds this list against the code.
"""

from collections.abc import Mapping
from typing import Final

SETTINGS: Final[Mapping[str, str]] = {
    "HUAWEICLOUD_SDK_AK": "access key; `CLOUD_SDK_AK`, the reference's name, is read as well",
    "HUAWEICLOUD_SDK_SK": "secret access key; likewise `CLOUD_SDK_SK`",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": "with a temporary key pair",
    "HUAWEICLOUD_SDK_CREDENTIALS_FILE": "an ini file with the keys, as the official SDK reads it:"
    " `[global]` (or `[basic]`) with `ak`, `sk`, `security_token`, `project_id`, `domain_id`",
    "HUAWEICLOUD_SDK_PROJECT_ID": "sent as `X-Project-Id`",
    "HUAWEICLOUD_SDK_DOMAIN_ID": "sent as `X-Domain-Id`",
    "SMS_TOOLS_REGION": "default `ap-southeast-3`",
    "SMS_TOOLS_ENDPOINT": "default `https://sms.{region}.myhuaweicloud.com`;"
    " `http://` for loopback only",
    "SMS_TOOLS_IAM_ENDPOINT": "default `https://iam.{region}.myhuaweicloud.com`",
    "SMS_TOOLS_AUTH_TOKEN": "a ready `X-Auth-Token`",
    "SMS_TOOLS_IAM_USER": "with the next two: fetch a token from IAM, keep it for its 24 hours,"
    " renew it before it ends",
    "SMS_TOOLS_IAM_PASSWORD": "that user's password",
    "SMS_TOOLS_IAM_DOMAIN": "that user's account",
    "SMS_TOOLS_STATE_DIR": "approvals, samples, plans, audit; default: the platform's state folder;"
    " the sandbox has one of its own, beside the default or inside the one named here",
    "SMS_TOOLS_STATE_URL": "`postgresql://…`: the same, shared by several servers",
    "SMS_TOOLS_HTTP_TOKEN": "the bearer token that `serve --http` asks for; without it one is made",
    "SMS_TOOLS_APPROVER_TOKEN": "whose yes `approvals approve --auth …` gives; without it, it asks",
    "SMS_TOOLS_OIDC_CLIENT_SECRET": "with `--auth oidc:…`, where the page's client has a secret",
    "SMS_TOOLS_WEBHOOK": "where `watch` sends its messages; a secret, so better set here",
    "SMS_TOOLS_WEBHOOK_SECRET": "signs what `watch --webhook` sends",
    "SMS_TOOLS_DEBUG": "anything: a defect of ours ends in its whole trace, not in a line",
}
