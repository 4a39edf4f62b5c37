"""The configuration of the Agents."""

from sms_tools.operations.agent import AgentConfiguration, GetAgentConfiguration


def test_the_configuration_is_asked_for_without_arguments() -> None:
    request = GetAgentConfiguration().request()

    assert (request.method, request.path, list(request.query)) == ("GET", "/v3/config", [])


def test_settings_and_regions_that_are_new_are_kept() -> None:
    configuration = AgentConfiguration.read(
        {
            "config": {"mainRegion": "ap-southeast-1", "process_and_it": True},
            "regions": [{"region_name": "cn-north-1", "project_name": "cn-north-1", "zone": None}],
        }
    )

    assert configuration.config == {"mainRegion": "ap-southeast-1", "process_and_it": True}
    assert configuration.regions is not None
    assert configuration.regions[0]["zone"] is None
