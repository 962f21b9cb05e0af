"""The steps both kinds of run take, each the request a user would send: agent, test, connect, discover, bind, publish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from patchbay.cli.demo.client import Client, Refusal
from patchbay.cli.demo.failures import DemoFailed
from patchbay.cli.demo.show import Show

KIND = "postgres"
_SECRET = "••••••••"


class Made(NamedTuple):
    """What a run made: an agent, and a question it can be asked."""

    agent_id: str
    question: str


class Steps:
    """Takes the steps with ``client`` and shows them. Any of them may raise :class:`DemoFailed`."""

    def __init__(self, client: Client, show: Show) -> None:
        self.client = client
        self.show = show

    def agent(self, body: Mapping[str, Any]) -> str:
        """Create the agent, or take up the one of that name that an earlier run made; returns its id."""
        self.show.step("An agent")
        try:
            made = self.client.post("/agents", body)
        except Refusal as refusal:
            if refusal.status != 409:
                raise
            return self._earlier_agent(body)
        self.show.request(made, body)
        self.show.say(f"Agent {made.data['id']}: a draft, until it is published.")
        return made.data["id"]

    def _earlier_agent(self, body: Mapping[str, Any]) -> str:
        found = self.client.get("/agents", q=str(body["name"]))
        agent = next(agent for agent in found.data if agent["name"] == body["name"])
        self.client.patch(f"/agents/{agent['id']}", body)
        self.show.request(found)
        self.show.say(f"Agent {agent['id']} is there from an earlier run; it is used again.")
        return agent["id"]

    def test(self, credentials: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Test the connection and show every check; returns those that failed."""
        self.show.step("Test the connection, before anything is stored")
        tested = self.client.post(f"/integrations/{KIND}/sql/test", {"credentials": credentials})
        self.show.request(tested, {"credentials": without_secrets(credentials)})
        self.show.checks(tested.data["checks"])
        if tested.data["ok"]:
            return []
        return [check for check in tested.data["checks"] if check["status"] == "failed"]

    def connect(self, credentials: Mapping[str, Any], **others: Any) -> None:
        """Connect with the tested credentials; they are kept encrypted."""
        self.show.step("Connect")
        connected = self.client.post(f"/integrations/{KIND}/connect", {"credentials": credentials, **others})
        self.show.request(connected)
        self.show.say("The credentials are stored encrypted and never shown again.")

    def discover(self) -> None:
        """Discover the schema and show the counts."""
        self.show.step("Discover what is there")
        found = self.client.post(f"/integrations/{KIND}/discover")
        self.show.request(found)
        data = found.data
        counts = (
            ("objectCount", "objects"),
            ("fieldCount", "fields"),
            ("edgeCount", "relationships"),
            ("operationCount", "operations"),
        )
        self.show.say(", ".join(f"{data[member]:,} {noun}" for member, noun in counts if member in data) + ".")

    def bind(self, agent_id: str, body: Mapping[str, Any]) -> None:
        """Make the skill, or renew the one an earlier run made."""
        self.show.step("Bind one read as a skill")
        path = f"/agents/{agent_id}/integrations/{KIND}/bindings"
        earlier = next((s for s in self.client.get(f"/agents/{agent_id}/skills").data if s["name"] == body["toolName"]), None)
        if earlier is None:
            bound = self.client.post(path, body)
        else:
            bound = self.client.patch(f"/agents/{agent_id}/skills/{quote(earlier['id'])}", {"binding": body, "enabled": True})
        self.show.request(bound, body)
        skill = bound.data
        self.show.say("Checked against the schema, compiled to one SQL statement, and proven on the live database.")
        self.show.say(f"Frozen as sha256 {skill['digest']}. The agent supplies the parameters; it never sees or writes SQL.")
        for warning in skill.get("warnings") or ():
            self.show.note(f"Worth knowing: {warning['message']}")

    def publish(self, agent_id: str) -> None:
        """Freeze the draft as a version."""
        self.show.step("Publish")
        published = self.client.post(f"/agents/{agent_id}/publish", {"note": "Made by patchbay demo"})
        self.show.request(published)
        version = published.data
        self.show.say(f"Version {version['version']}, sha256 {version['sha256']}. Live conversations run this and nothing newer.")


def without_secrets(credentials: Mapping[str, Any]) -> dict[str, Any]:
    """The credentials as they may be shown."""
    shown = {name: _SECRET if name == "password" else value for name, value in credentials.items()}
    if "ca_pem" in shown:
        shown["ca_pem"] = "-----BEGIN CERTIFICATE----- …"
    return shown


def refuse_failed(checks: list[dict[str, Any]], hint: str | None = None) -> None:
    """End the demo over a connection test that failed. Raises :class:`DemoFailed` for the first failed check."""
    if checks:
        raise DemoFailed(f"The connection test failed: {checks[0]['message']}", hint or checks[0].get("hint"))
