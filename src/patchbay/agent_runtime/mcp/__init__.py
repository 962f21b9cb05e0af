"""A published agent's skills as the tools of an MCP server: its sessions, its tools and their calls. See ``docs/mcp.md``."""
