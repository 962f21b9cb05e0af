"""A remote MCP server as a type of system: one of its tools is one frozen call, its schemas pinned, over the guarded client."""
