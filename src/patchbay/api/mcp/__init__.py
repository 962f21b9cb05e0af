"""The MCP server over HTTP: the official SDK behind the door, started when the first client comes."""
