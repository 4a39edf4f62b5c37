"""Whether a name that is to be typed belongs to one server alone."""

from dataclasses import replace

from sms_tools.api import Api
from sms_tools.errors import SmsToolsError
from sms_tools.guard.subject import Preview
from sms_tools.operations.source_servers import ListSourceServers


async def told_apart(preview: Preview, api: Api) -> Preview:
    """*preview*, with the id to type where another server goes by the same name.

    Names are given by machines and by people, and nothing keeps two from being alike. Where it
    cannot be read who else is called so, it is the id as well.
    """
    own = {each.id for each in preview.targets}
    for target in preview.targets:
        name = target.name
        if not name or preview.impossible or not preview.typed.endswith(name):
            continue
        try:
            listing = await api.listing(ListSourceServers(name=name))
        except SmsToolsError:
            alone = False
        else:
            others = [each for each in listing.items if each.id not in own]
            same = any((each.name or "").casefold() == name.casefold() for each in others)
            alone = listing.complete and not same
        if alone:
            return preview
        return replace(preview, typed=preview.typed.removesuffix(name) + target.id)
    return preview
